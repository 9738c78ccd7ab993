"""What a repair would change, step by step, told before it does. Pure: nothing is looked at."""

from __future__ import annotations

from ..layout import SIDES
from .problems import Kind, Problem

TRASH = ".fsjob/trash/"


def plan(problem: Problem) -> tuple[str, ...]:
    """The steps of a repair in order, as paths below the store's directory; none where repair does nothing.

    What repair finds changed when it comes to it is judged again, and left alone where it is no such problem any more.
    """
    path, job = "/".join(problem.path.rsplit("/", 2)[1:]), problem.id
    link = f"../jobs/{job}"
    if problem.kind in (Kind.STAGING_LITTER, Kind.GONE_WORKER):
        return (f"move .fsjob/{path} to {TRASH}",)
    if problem.kind is Kind.STAGED_FILE:
        return (f"move jobs/{path} to {TRASH}",)
    steps: dict[Kind, tuple[str, ...]] = {
        Kind.PENDING_WITHOUT_LINK: (f"make {path} -> {link}",),
        Kind.PARKED_WITHOUT_LINK: (f"make {path} -> {link}", f"remove pending/{job}, if it is there"),
        Kind.PARKED_WITHOUT_REASON: (f"note in jobs/{job}/state.json that it is parked",),
        Kind.WAITING_WITHOUT_LINK: (f"make {path} -> {link}",),
        Kind.FULFILLED_AND_PENDING: (f"remove {path}",),
        Kind.FULFILLED_AND_PARKED: (f"remove {path}",),
        Kind.PARKED_AND_PENDING: (f"remove {path}",),
        Kind.WAITING_FOR_NOTHING: (f"remove {path}",),
        Kind.LINK_ELSEWHERE: (f"replace {path} by a link that says {link}",),
        Kind.DANGLING_LINK: (f"move {path} to {TRASH}",),
        Kind.NOT_A_LINK: (f"move {path} to {TRASH}",),
        Kind.VALUE_MISSING: (f"put jobs/{job} back to pending, one version up", f"make pending/{job} -> {link}"),
        Kind.VALUE_NOT_A_FILE: (f"move jobs/{job}/value to {TRASH}",),
        Kind.STATE_MISSING: _bury(job),
        Kind.STATE_CORRUPT: _bury(job),
        Kind.JOB_NOT_A_DIRECTORY: _bury(job),
        Kind.DEAD_LOCK: (f"remove {path}",),
        Kind.SILENT_LOCK: (f"watch {path} for 10 s", f"remove {path}, if nothing moved"),
        Kind.LEAKED_LOCK: (f"bar {path} for 7 s", f"remove {path}"),
        Kind.GHOST_LOCK: (f"remove {path}, if its owner is dead",),
        Kind.OLD_BAR: (f"remove {path}",),
        Kind.FOREIGN_LOCK: (f"move {path} to {TRASH}",),
        Kind.FILLED_LOCK: (f"watch {path} for 10 s", f"move {path} to {TRASH}, if nothing moved"),
    }
    return steps.get(problem.kind, ())


def _bury(job: str) -> tuple[str, ...]:
    links = tuple(f"remove {side}/{job}, if it is there" for side in SIDES)
    return (*links, f"move jobs/{job} to {TRASH}")
