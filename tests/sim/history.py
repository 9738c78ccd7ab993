"""What was asked of each job and what came of it, checked for one order that explains it all (Wing and Gong)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from fsjob_core.record import FULFILLED, PENDING


class Model(NamedTuple):
    """A job as it ought to be. JSON values are kept as text; `value` means something in state 2 alone."""

    exists: bool = False
    state: int = PENDING
    version: int = 0
    request: str = ""
    waiting: tuple[str, ...] = ()
    parked: bool = False
    value: bytes | None = None

    def same(self, seen: Model) -> bool:
        """Whether this is what was seen on the disk."""
        if not self.exists or not seen.exists:
            return self.exists == seen.exists
        if self[:6] != seen[:6]:
            return False
        return self.state != FULFILLED or self.value == seen.value


Effect = Callable[[Model], Model | None]
"""What an operation makes of a job; None where it cannot have succeeded on it."""


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# ── what each operation does ──


def created(request: Any) -> Effect:
    return lambda job: None if job.exists else Model(True, request=text(request))


def fulfilled(value: bytes, version: int | None) -> Effect:
    def effect(job: Model) -> Model | None:
        if not job.exists or job.state != PENDING or version not in (None, job.version):
            return None
        return job._replace(state=FULFILLED, value=value, parked=False)

    return effect


def queued(target: Any) -> Effect:
    return lambda job: job._replace(waiting=(*job.waiting, text(target))) if job.exists else None


def unqueued(targets: list[Any]) -> Effect:
    def effect(job: Model) -> Model | None:
        left = list(job.waiting)
        for target in map(text, targets):
            if target in left:
                left.remove(target)
        return job._replace(waiting=tuple(left)) if job.exists else None

    return effect


def updated(version: int, request: Any) -> Effect:
    def effect(job: Model) -> Model | None:
        if not job.exists or job.state != PENDING or job.version != version:
            return None
        return job._replace(version=version + 1, request=text(request))

    return effect


def requeued(job: Model) -> Model | None:
    return job._replace(state=PENDING, version=job.version + 1, parked=False) if job.exists else None


def parked(job: Model) -> Model | None:
    return job._replace(parked=True) if job.exists and job.state == PENDING else None


def deleted(job: Model) -> Model | None:
    return job._replace(exists=False) if job.exists else None


# ── the check ──


@dataclass(eq=False, slots=True)
class Call:
    """One operation on one job. `ended` is infinity while it runs, and for good where it was cut off."""

    what: str
    effect: Effect
    began: int
    ended: float = math.inf
    acknowledged: bool = False
    refused: bool = False
    unsure: bool = False
    """It returned, but says itself that it was not done, or not all of it."""
    by_node: bool = False

    def __str__(self) -> str:
        outcome = "done" if self.acknowledged else "refused" if self.refused else "unknown"
        return f"{self.what} [{self.began}..{self.ended:.0f}] {outcome}"


def explains(calls: list[Call], seen: Model) -> bool:
    """Whether some order of the calls that respects time ends in what was seen.

    What was acknowledged is in it, what was refused is not, what is unknown may be.
    """
    relevant = [call for call in calls if not call.refused]
    needed = sum(1 << index for index, call in enumerate(relevant) if call.acknowledged)
    tried: set[tuple[int, Model]] = set()

    def search(done: int, job: Model) -> bool:
        if done & needed == needed and job.same(seen):
            return True
        if (done, job) in tried:
            return False
        tried.add((done, job))
        left = [(index, call) for index, call in enumerate(relevant) if not done >> index & 1]
        first_end = min((call.ended for _, call in left if call.acknowledged), default=math.inf)
        for index, call in left:
            if call.began <= first_end:
                after = call.effect(job)
                if after is not None and search(done | 1 << index, after):
                    return True
        return False

    return search(0, Model())
