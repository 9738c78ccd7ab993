"""Simulations are played ahead in other processes, while the tests before them wait for something."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, TypeVar

import pytest

CORES = os.cpu_count() or 1
T = TypeVar("T", bound=Callable[..., Any])
_PLAYS = "plays_ahead"


def played(play: Callable[..., object]) -> Callable[[T], T]:
    """Have a test's `outcome` come from `play`, called with the test's parameters in another process."""

    def mark(test: T) -> T:
        setattr(test, _PLAYS, play)
        return test

    return mark


def _step_aside() -> None:
    os.nice(19)
    logging.disable()  # of steps that are left, a thousand times


class Ahead:
    """What the chosen tests play, begun when they were chosen, at the lowest priority: no other test notices."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self._pool = ProcessPoolExecutor(CORES, initializer=_step_aside)
        self._played: dict[str, Future[object]] = {}
        for item in items:
            play = getattr(getattr(item, "function", None), _PLAYS, None)
            if play is not None:
                self._played[item.nodeid] = self._pool.submit(play, **item.callspec.params)  # type: ignore[attr-defined]

    def outcome(self, item: pytest.Item) -> object:
        """What a test's play came to; raises what that raised."""
        return self._played[item.nodeid].result()

    def end(self) -> None:
        """No more: what is still played after the last test was asked for by none of those that ran."""
        for process in list((self._pool._processes or {}).values()):
            process.terminate()
        self._pool.shutdown(cancel_futures=True)
