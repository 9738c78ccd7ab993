"""Each promise of a file system that the store rests on is tried, and told where it is not kept."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fsjob_core.doctor.filesystem import Verdict, try_out, worst
from fsjob_core.host import REAL
from fsjob_core.store import JobStore

from ..crash.test_full_disk import mounted
from .lying import Machine, failure

ACCEPT, WARN, REFUSE = Verdict
Answer = Callable[..., Any]


def tried(path: Path, machine: Machine, options: str = "rw", answer: Answer | None = None) -> dict[str, Verdict]:
    """What is not accepted; the verdict over all as "all"."""
    store = JobStore(path, durability="process", _host=replace(machine.host(), mount_options=lambda path: options))
    store.ground.ready()
    machine.calls.before = answer
    findings = list(try_out(store.ground))
    machine.calls.before = None
    assert os.listdir(store.layout.tmp) == [], "nothing is left"
    return {"all": worst(findings)} | {each.name: each.verdict for each in findings if each.verdict is not ACCEPT}


@pytest.mark.parametrize(
    ("fstype", "options", "verdict"),
    [
        ("ext4", "rw", ACCEPT),
        ("nfs4", "rw,hard,vers=4.2", ACCEPT),
        ("nfs4", "rw,soft,vers=4.2", WARN),
        ("nfs", "rw,vers=3", WARN),
        ("nfs", "rw,vers=3,nolock", REFUSE),
        ("fuse.sshfs", "rw", REFUSE),
        ("fuse.mfs", "rw", ACCEPT),
        ("fuse.juicefs", "rw", WARN),
        ("ceph", "rw", WARN),
    ],
)
def test_the_mount_table_is_believed(tmp_path: Path, fstype: str, options: str, verdict: Verdict) -> None:
    found = tried(tmp_path / "store", Machine(fstype=fstype), options)
    assert found == {"all": verdict} | ({} if verdict is ACCEPT else {"mount": verdict})


def instead(call: str, answer: object) -> Answer:
    """This call gives this answer, and does nothing; an error is raised."""

    def before(name: str, *args: Any) -> object:
        if name == call and isinstance(answer, int):
            raise failure(answer)
        return answer if name == call else None

    return before


def made_twice(name: str, *args: Any) -> object:
    return True if name == "mkdir" and os.path.isdir(args[0]) else None


def read_as_it_was(name: str, *args: Any) -> object:
    return True if name == "rename" else None


def numbered_otherwise(name: str, *args: Any) -> object:
    return os.lstat("/") if name == "lstat" and str(args[0]).endswith("/numbered") else None


BROKEN: tuple[tuple[str, Verdict, Answer], ...] = (
    ("exclusive", REFUSE, made_twice),
    ("replaced", REFUSE, read_as_it_was),
    ("attribute", WARN, instead("setxattr", errno.ENOTSUP)),
    ("attribute", WARN, instead("getxattr", b"another's")),
    ("times", REFUSE, instead("utime", "ignored")),
    ("guard", REFUSE, instead("flock", "held by all")),
    ("guard", REFUSE, instead("flock", errno.ENOLCK)),
    ("synced", WARN, instead("fsync", errno.EINVAL)),
    ("synced", REFUSE, instead("fsync", errno.EIO)),
)


@pytest.mark.parametrize(("name", "verdict", "answer"), BROKEN)
def test_a_promise_that_is_not_kept_is_told(tmp_path: Path, name: str, verdict: Verdict, answer: Answer) -> None:
    assert tried(tmp_path / "store", Machine(fstype="ext4"), answer=answer) == {"all": verdict, name: verdict}


def test_a_clock_that_is_off_is_told(tmp_path: Path) -> None:
    assert tried(tmp_path / "store", Machine(fstype="nfs4", ahead=3600.0)) == {"all": WARN, "clock": WARN}


@pytest.mark.parametrize("name", ["größe", "with space\u2028and\u00a0more", "back\\slash"])
def test_a_mount_is_known_whatever_its_point_is_called(tmp_path: Path, name: str) -> None:
    with mounted(tmp_path / name, "-t", "ramfs", "fsjob-test") as point:
        assert REAL.fstype(str(point / "store")) == "ramfs"
    assert REAL.fstype(str(tmp_path)) != "ramfs"


def test_where_no_descriptor_is_left_none_is_lost(tmp_path: Path) -> None:
    opened = []

    def before(name: str, *args: Any) -> None:
        if name == "open" and args[0].endswith("/guard") and "tmp/" in args[0]:
            opened.append(args[0])
            if len(opened) == 3:  # written, opened once, and then
                raise failure(errno.EMFILE)

    machine = Machine(fstype="ext4")
    tried(tmp_path / "before", machine)
    there = len(os.listdir("/proc/self/fd"))
    assert tried(tmp_path / "store", machine, answer=before)["guard"] is REFUSE
    assert len(opened) == 3 and len(os.listdir("/proc/self/fd")) == there


def test_numbers_that_differ_matter_only_where_others_see_the_files(tmp_path: Path) -> None:
    assert tried(tmp_path / "here", Machine(fstype="overlay"), answer=numbered_otherwise) == {"all": ACCEPT}
    there = tried(tmp_path / "there", Machine(fstype="nfs4"), answer=numbered_otherwise)
    assert there == {"all": REFUSE, "numbered": REFUSE}
