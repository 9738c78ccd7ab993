"""Deliberate bugs: the simulation must find each of them, or it proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import pytest

from fsjob_core import work
from fsjob_core.change import Change
from fsjob_core.errors import FsJobError
from fsjob_core.fs import Disk
from fsjob_core.ground import Ground
from fsjob_core.lease import takeover
from fsjob_core.lease.lock import Lease

from ..conftest import scale
from .memfs import WORLDS
from .oracle import Violation
from .scenarios import PLANS, Run
from .sched import STRATEGIES
from .world import World

Patch = Callable[[pytest.MonkeyPatch], None]


def no_file_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Disk, "sync", lambda self, fd, path: None)


def no_directory_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Disk, "sync_directory", lambda self, path: None)


def state_before_value(patch: pytest.MonkeyPatch) -> None:
    put, commit = Change.put_value, Change.commit
    kept: dict[int, bytes | BinaryIO] = {}

    def later(self: Change, content: bytes | BinaryIO) -> int:
        kept[id(self)] = content
        return 0

    def first(self: Change, record: Any, *, sync: bool = True) -> None:
        commit(self, record, sync=sync)
        if id(self) in kept:
            put(self, kept.pop(id(self)))

    patch.setattr(Change, "put_value", later)
    patch.setattr(Change, "commit", first)


def no_guard(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def none(self: World, proc: Any, path: str, shared: bool) -> Iterator[None]:
        yield

    patch.setattr(World, "_guard", none)


def no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(takeover, "remove_staged", lambda host, job, own="": None)


def release_without_proof(patch: pytest.MonkeyPatch) -> None:
    prove = Lease.prove

    def believes(self: Lease) -> bool:
        prove(self)
        return True

    patch.setattr(Lease, "prove", believes)
    patch.setattr(Lease, "compromised", False)
    patch.setattr(Lease, "ask_clock", lambda self: None)


def foreign_state_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ground, "make_last", lambda self, job_id: None)


def unlink_under_the_work_lock_alone(patch: pytest.MonkeyPatch) -> None:
    def unlinks(ground: Ground, lease: Lease) -> None:
        with suppress(FsJobError):
            ground.make_last(lease.place.id)
            lease.step(ground.disk.remove, ground.layout.pending_link(lease.place.id))

    patch.setattr(work, "_unlink_fulfilled", unlinks)


MUTANTS: tuple[tuple[Patch, tuple[str, ...]], ...] = (
    (no_file_sync, ("life", "killed")),
    (no_directory_sync, ("life", "killed")),
    (state_before_value, ("life", "killed")),
    (no_guard, ("stopped", "killed")),
    (no_fence, ("late",)),
    (release_without_proof, ("stopped",)),
    (foreign_state_not_synced, ("killed",)),
    (unlink_under_the_work_lock_alone, ("requeue", "parked", "queued")),
)


@pytest.mark.parametrize(("mutant", "plans"), MUTANTS, ids=lambda value: getattr(value, "__name__", None))
def test_the_simulation_finds(mutant: Patch, plans: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    runs = 0
    for seed in range(7, 7 + scale(300, 20_000)):
        for name in plans:
            for strategy in sorted(STRATEGIES):
                runs += 1
                try:
                    Run(PLANS[name], strategy, seed, WORLDS[seed % len(WORLDS)]).play()
                except Violation as found:
                    print(f"\nmutant {mutant.__name__}: found after {runs} runs: {found}")
                    return
                except (AttributeError, TypeError, KeyError):
                    raise
                except Exception as crash:  # a mutant may also run into what it broke
                    print(f"\nmutant {mutant.__name__}: crashed after {runs} runs: {crash!r}")
                    return
    pytest.fail(f"{mutant.__name__} was not found in {runs} runs")
