from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import JobStore

from .terminal import Terminal

Open = Callable[..., Terminal]


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def open_console(store: JobStore) -> Iterator[Open]:
    """Open a console on the store in a real pty."""
    terminals: list[Terminal] = []

    def start(*arguments: str, **options: Any) -> Terminal:
        terminals.append(Terminal("console", store.directory, *arguments, **options))
        terminals[-1].until("1 Pend")
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.end()
