"""What must be read of a store: its jobs as values that can be compared, named as a test names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fsjob_core.errors import JobNotFound
from fsjob_core.record import Json
from fsjob_core.store import JobStore


@dataclass(frozen=True)
class Job:
    """All of a job that an acknowledged step may have changed."""

    request: Json
    version: int = 0
    state: int = 1
    value: bytes | None = None
    waiting: tuple[Json, ...] = ()
    parked: bool = False
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True)
class State:
    """What a store holds. A job that is missing here does not exist."""

    jobs: Mapping[str, Job] = field(default_factory=dict)
    paused: bool = False


Change = Callable[[State], State]


def same(state: State) -> State:
    return state


def becomes(name: str, **members: Any) -> Change:
    """The job of this name with some members changed."""
    return lambda state: replace(state, jobs={**state.jobs, name: replace(state.jobs[name], **members)})


def is_gone(name: str) -> Change:
    return lambda state: replace(state, jobs={other: job for other, job in state.jobs.items() if other != name})


def is_paused(paused: bool) -> Change:
    return lambda state: replace(state, paused=paused)


def read_job(store: JobStore, job_id: str) -> Job | None:
    """A job as a reader finds it; None where there is none."""
    try:
        record = store.get(job_id)
    except JobNotFound:
        return None
    return Job(
        request=record.request,
        version=record.version,
        state=record.state,
        value=store.read_value(job_id) if record.fulfilled else None,
        waiting=tuple(record.waiting),
        parked=bool(record.ours.get("parked")),
        attempts=int(record.number("attempts")),
        error=record.text("last_error"),
    )
