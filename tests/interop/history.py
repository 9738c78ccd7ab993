"""Histories: what processes said they did, per job, judged by what a store must do (after Wing and Gong).

A call takes effect at one instant between its beginning and its end, or, where its process died or it failed in a way
that says nothing, at some later instant or never. A history is right if some order of those instants explains every
answer and what is on the disk in the end. That one rule holds much: no version fulfilled twice, no acknowledged value,
target, request or park lost, nobody told twice, no call that was refused with an effect.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Line = Mapping[str, Any]


class Call(NamedTuple):
    """One call of one process on one job. `error`: what it was refused with; None where it went well."""

    process: str
    op: str
    id: str
    given: Line
    result: Line
    error: str | None
    begun: float
    ended: float
    """Infinite where it is unknown whether it took effect."""

    @property
    def unknown(self) -> bool:
        return math.isinf(self.ended)

    def __str__(self) -> str:
        given = {
            name: self.given[name]
            for name in ("version", "value", "target", "targets", "request")
            if name in self.given
        }
        answer = "unknown" if self.unknown else self.error or dict(self.result) or "done"
        return f"{self.begun:.4f} to {self.ended:.4f} {self.process}: {self.op} {given} -> {answer}"


class State(NamedTuple):
    """A job as its callers may see it."""

    request: str | None
    """None: made by a call that was never acknowledged, so anything."""
    version: int = 0
    fulfilled: bool = False
    parked: bool = False
    waiting: tuple[str, ...] = ()
    value: str | None = None


REFUSED = frozenset({"LeaseLost", "JobLocked", "LockTimeout", "GuardBusy", "NotFulfilled"})
"""Refusals that promise that nothing was changed, and say nothing of the job."""
ANSWERS = frozenset({"AlreadyFulfilled", "VersionMismatch", "already resolved", "version mismatch"})
"""Refusals that say something of the job."""
READS = frozenset({"pull", "notice"})


def calls_of(process: str, lines: Iterable[Line]) -> list[Call]:
    """What one process did to jobs, in order. A call without a return, or one that failed oddly, is unknown."""
    begun: dict[int, Line] = {}
    found = []
    for line in [*lines, None]:
        if line is not None and "call" in line:
            begun[line["call"]] = line
        elif line is not None and "ret" in line:
            call = begun.pop(line["ret"])
            found.append(_call(process, call, line))
    found += [_call(process, call, None) for call in begun.values()]
    return [call for call in found if call.id and call.error not in REFUSED and not (call.op in READS and call.unknown)]


def _call(process: str, begun: Line, returned: Line | None) -> Call:
    error = returned.get("error") if returned else None
    result = (returned.get("result") if returned else None) or {}
    known = returned is not None and (error is None or error in REFUSED or error in ANSWERS)
    job_id = begun.get("id") or result.get("id") or ""
    ended = returned["t"] if known and returned else math.inf
    return Call(process, begun["op"], job_id, begun, result, error, begun["t"], ended)


def after(call: Call, state: State) -> State | None:
    """The state after a call that takes effect now; None where its answer contradicts the state."""
    if call.error in ("AlreadyFulfilled", "already resolved"):
        return state if state.fulfilled else None
    if call.op == "park" and call.error == "VersionMismatch":
        return state if state.parked else None
    if call.error is not None and not call.unknown:
        return state if state.version != call.given["version"] else None
    given = call.given
    match call.op:
        case "fulfill":
            if state.fulfilled or given.get("version", state.version) != state.version:
                return None
            return state._replace(fulfilled=True, parked=False, value=given["value"])
        case "queue":
            return state._replace(waiting=(*state.waiting, given["target"]))
        case "done" | "unqueue":
            return state._replace(waiting=_without(state.waiting, given["targets"]))
        case "update":
            if state.fulfilled or state.version != given["version"]:
                return None
            return state._replace(request=given["request"], version=state.version + 1)
        case "requeue":
            return state._replace(fulfilled=False, parked=False, version=state.version + 1)
        case "park":
            return None if state.fulfilled else state._replace(parked=True)
        case "pull":
            if call.process.startswith("node"):  # it asks neither whether the job is done nor whether it is parked
                return state if state.version == call.result["version"] else None
            wanted = not state.fulfilled and not state.parked and state.version == call.result["version"]
            return state if wanted else None
        case "notice":
            seen = (True, tuple(call.result["waiting"]), call.result["value"])
            return state if seen == (state.fulfilled, state.waiting, state.value) else None
    raise ValueError(call.op)


def _without(waiting: tuple[str, ...], targets: Sequence[str]) -> tuple[str, ...]:
    left = list(waiting)
    for target in targets:
        if target in left:
            left.remove(target)
    return tuple(left)


def explained(calls: Sequence[Call], first: State, last: State) -> bool:
    """Whether some order of the calls explains every answer and leads from the first state to the last."""
    calls = sorted(calls, key=lambda call: call.begun)
    certain = sum(1 << index for index, call in enumerate(calls) if not call.unknown)
    todo = [(0, first)]
    seen = set(todo)
    while todo:
        done, state = todo.pop()
        if done & certain == certain and _same(state, last):
            return True
        ends = min((call.ended for index, call in enumerate(calls) if not done >> index & 1), default=0.0)
        for index, call in enumerate(calls):
            if call.begun > ends:
                break
            if done >> index & 1:
                continue
            new = after(call, state)
            if new is not None and (step := (done | 1 << index, new)) not in seen:
                seen.add(step)
                todo.append(step)
    return False


def _same(state: State, last: State) -> bool:
    """The value of a job that is not fulfilled means nothing."""
    known = state if state.request is not None else state._replace(request=last.request)
    return known == last if last.fulfilled else known._replace(value=None) == last._replace(value=None)


def wrong(calls: Iterable[Call], made: Mapping[str, str], last: Mapping[str, State]) -> dict[str, list[Call]]:
    """The jobs whose calls nothing explains. `made`: requests of acknowledged creates; `last`: what is on the disk."""
    jobs: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.op != "create":
            jobs[call.id].append(call)
    return {
        job_id: jobs[job_id]
        for job_id in {**jobs, **made}
        if job_id not in last or not explained(jobs[job_id], State(made.get(job_id)), last[job_id])
    }


def told_twice(calls: Iterable[Call]) -> list[tuple[Call, Call]]:
    """Notices that gave a target out again while another of ours had it, whose `done` with it was acknowledged.

    The order of calls alone allows this; the notification lease, which `done` gives back last, does not. Node releases
    it first, and is not asked.
    """
    ours = sorted((call for call in calls if not call.process.startswith("node")), key=lambda call: call.begun)
    notices = [call for call in ours if call.op == "notice"]
    latest: dict[tuple[str, str], Call] = {}
    again = []
    for call in ours:
        if call.op == "notice":
            latest[call.process, call.id] = call
        elif call.op == "done" and not call.unknown:
            first = latest.get((call.process, call.id))
            if first is None:  # it was refused, its lease being lost
                continue
            for other in notices:
                given = other.id == call.id and other.begun > first.ended
                if given and set(other.result["waiting"]) & set(call.given["targets"]):
                    again.append((first, other))
    return again
