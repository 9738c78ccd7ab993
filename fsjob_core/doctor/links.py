"""What is wrong with a link: it names no job, does not lead there, or is none."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator

from ..ground import Ground
from ..layout import is_job_id
from ..views import link_elsewhere
from .locks import is_lock
from .looks import mtime
from .problems import Kind, Problem

DANGLING_FOR = 86400.0
"""Seconds for which a link may stand before its job: Node's create makes it first."""
LOCK_BESIDE = {"pending": "work", "waiting": "notification", "parked": "work"}
"""Which lock of a job belongs to its link in each directory."""


def link_problems(ground: Ground, directory: str, names: Iterable[str]) -> Iterator[Problem]:
    """What is wrong with the links of one directory."""
    side = directory.rpartition("/")[2]
    for name in names:
        if is_job_id(name):
            problem = link_problem(ground, side, name)
            if problem is not None:
                yield problem
        elif not is_lock(name):
            yield foreign_name(ground, directory, name)


def link_problem(ground: Ground, side: str, job_id: str, *, ours: bool = False) -> Problem | None:
    """What is wrong with one link. `ours`: the locks that stand are the caller's."""
    path, job = ground.layout.link(side, job_id), ground.layout.job(job_id)
    try:
        found = ground.disk.calls.lstat(path)
    except FileNotFoundError:
        return None
    detail = place = ""
    if not stat.S_ISLNK(found.st_mode):
        kind = Kind.NOT_A_LINK
    elif not ground.disk.exists(job):
        if ground.host.time() - found.st_mtime < DANGLING_FOR or (not ours and _locked(ground, side, job_id)):
            return None
        kind = Kind.DANGLING_LINK
    else:
        text = link_elsewhere(ground.disk, ground.layout, side, job_id)
        if text is None:
            return None
        kind, detail = Kind.LINK_ELSEWHERE, f" (it says {text!r:.300})"
        place = text.removesuffix(f"/jobs/{job_id}") if text.endswith(f"/jobs/{job_id}") else ""
    text = f"{side}/{job_id}: {kind.explanation}{detail}"
    return Problem(kind, job_id, path, found.st_mtime, text, found.st_ino, place)


def _locked(ground: Ground, side: str, job_id: str) -> bool:
    return any(ground.disk.exists(ground.place(kind, job_id).path) for kind in (LOCK_BESIDE[side], "state"))


def foreign_name(ground: Ground, directory: str, name: str) -> Problem:
    """A name in one of the store's directories that is no job's and no lock's."""
    path = f"{directory}/{name}"
    text = f"{directory.rpartition('/')[2]}/{name!a:.300}: {Kind.FOREIGN_NAME.explanation}"
    return Problem(Kind.FOREIGN_NAME, "", path, mtime(ground, path), text)
