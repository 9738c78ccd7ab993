"""The simulation's Node process: beside our own code on a real disk, and call for call like the real package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from fsjob_core import JobStore

from ..conftest import NODE, need
from .node import Node, NodeError
from .nodeprocess import Respond
from .properlock import Calls

PARTS = ("jobs", "pending", "waiting")


class Disk:
    """The kernel's calls, noted down."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if name in ("mkdir", "rmdir", "symlink", "unlink", "rename", "stat", "lstat", "listdir"):
                paths = [arg for arg in args if isinstance(arg, str)]
                self.noted.append(" ".join([name, *paths]))
            return getattr(os, name)(*args)

        return call

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        self.noted.append(f"{'create' if flags & os.O_CREAT else 'open'} {path}")
        return os.open(path, flags, mode)

    def utimes(self, path: str, mtime_ns: int) -> None:
        os.utime(path, ns=(mtime_ns, mtime_ns))


def on_disk(store: Path, tmp: Path, *, respond: Respond | None = None) -> tuple[Node, Disk]:
    """A Node process on a real directory; its locks are not kept fresh (no test here takes that long)."""
    disk = Disk()
    tmp.mkdir(exist_ok=True)
    beats: list[Callable[[], None]] = []
    calls = cast(Calls, disk)
    node = Node(str(store), calls, time.time, time.sleep, Random(5), beats.append, tmp=str(tmp), respond=respond)
    return node, disk


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def node(store: JobStore, tmp_path: Path) -> Node:
    return on_disk(Path(store.directory), tmp_path / "tmp")[0]


# ── beside our own ──


def test_we_do_what_it_made(store: JobStore, node: Node) -> None:
    job_id = node.create({"type": "node"})
    with store.pull_work() as work:  # type: ignore[union-attr]
        assert (work.id, work.request) == (job_id, {"type": "node"})
        work.fulfill(b"ours")
    with pytest.raises(NodeError):
        node.pull_job()


def test_it_does_what_we_made(store: JobStore, node: Node) -> None:
    made = store.create({"type": "ours"})
    job = node.pull_job()
    assert (job.id, job.version, job.request) == (made.id, 0, {"type": "ours"})
    assert store.pull_work() is None, "it holds the job"
    node.fulfill(job.id, b"node")
    node.release(job)
    assert store.read_value(made.id) == b"node"
    assert store.counts().as_dict() == {"pending": 0, "locked": 0, "waiting": 0, "fulfilled": 1, "parked": 0}
    with pytest.raises(NodeError, match="already resolved"):
        node.fulfill(job.id, b"again")


def test_each_tells_whom_the_other_queued(store: JobStore, node: Node) -> None:
    first, second = store.create({"n": 1}), store.create({"n": 2})
    node.queue(first.id, "queued by it")
    store.queue(second.id, "queued by us")
    for job_id in (first.id, second.id):
        node.fulfill(job_id, b"value")
    told: dict[str, list[Any]] = {}
    note = store.pull_notification()
    assert note is not None
    told[note.id] = list(note.waiting)
    note.done(None, note.waiting)
    rest = node.pull_notification()
    assert rest is not None
    told[rest.id] = rest.waiting
    node.done(rest, rest.waiting)
    assert told == {first.id: ["queued by it"], second.id: ["queued by us"]}
    assert store.counts().waiting == 0


def test_members_of_ours_survive_its_update(store: JobStore, node: Node) -> None:
    job = store.create({"type": "old"})
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
    node.update(job.id, 0, {"type": "new"})
    record = store.get(job.id)
    assert (record.request, record.version, record.ours["attempts"]) == ({"type": "new"}, 1, 1)


# ── as the real one ──


@pytest.fixture(scope="module")
def real(node_driver: Callable[..., list[str]]) -> Callable[[str, Path, Path, str], list[str]]:
    """Run one operation of the real package; gives its calls on the store and TMPDIR, in order."""
    command = [need("strace"), "-f", "-qq", "-e", "trace=%file"]
    node = node_driver()[0]

    def run(operation: str, store: Path, tmp: Path, job_id: str) -> list[str]:
        tmp.mkdir(exist_ok=True)
        trace = tmp.with_suffix(".trace")
        done = subprocess.run(
            [*command, "-o", str(trace), node, str(NODE / "steps.js"), operation, str(store), job_id],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "TMPDIR": str(tmp), "UV_USE_IO_URING": "0"},
        )  # fmt: skip
        assert not done.stderr and not done.returncode, done.stderr
        return list(traced(trace.read_text(), (str(store), str(tmp))))

    return run


def traced(text: str, roots: tuple[str, str]) -> Iterator[str]:
    for line in text.splitlines():
        found = re.match(r"\d+ +(\w+)\((.*)", line)
        if found is None or "execve" in line:
            continue
        name, rest = found.groups()
        paths = re.findall(r'"([^"]*)"', rest)
        if not paths or not paths[-1].startswith(roots):
            continue
        if name.startswith("open"):
            name = "listdir" if "O_DIRECTORY" in rest else "create" if "O_CREAT" in rest else "open"
        elif "AT_REMOVEDIR" in rest:
            name = "rmdir"
        elif name.startswith(("access", "faccess", "stat", "newfstat", "lstat")):
            name = "lstat" if name == "lstat" or "NOFOLLOW" in rest else "stat"
        else:
            name = re.sub(r"at2?$", "", name)
        yield " ".join([name, *paths])


def plain(calls: list[str], store: Path, tmp: Path) -> list[str]:
    """Calls without the names that differ from run to run."""
    names = [call.replace(str(store), "STORE").replace(str(tmp), "TMP") for call in calls]
    return [re.sub(r"tmp-\w+", "tmp", re.sub(r"job-\w+", "ID", name)) for name in names]


def is_parallel(call: str) -> bool:
    """Whether a call may be one of those that the package makes in parallel, when an operation ends."""
    return call.startswith(("rmdir ", "unlink STORE/pending", "listdir TMP", "lstat TMP", "unlink TMP"))


def tree(top: Path) -> dict[str, Any]:
    """What a store holds: kinds, link texts, members of state.json, bytes."""
    found: dict[str, Any] = {}
    for path in sorted(top.rglob("*")):
        name = re.sub(r"job-\w+", "ID", str(path.relative_to(top)))
        if path.is_symlink():
            found[name] = plain([str(path.readlink())], top, top)
        elif path.is_dir():
            found[name] = oct(path.stat().st_mode)
        else:
            found[name] = json.loads(path.read_bytes()) if path.suffix == ".json" else path.read_bytes()
    return found


OPERATIONS: dict[str, Callable[[Node, str], object]] = {
    "create": lambda node, _: node.create({"type": "é", "n": [1, None]}),
    "queue": lambda node, job_id: node.queue(job_id, {"mail": "a"}),
    "update": lambda node, job_id: node.update(job_id, 0, {"type": "new"}),
    "pull": lambda node, _: node.release(node.pull_job()),
    "fulfill": lambda node, job_id: node.fulfill(job_id, b"value"),
    "notify": lambda node, _: told(node),
}


def told(node: Node) -> None:
    note = node.pull_notification()
    assert note is not None
    node.done(note, note.waiting)


@pytest.mark.parametrize(
    "operations",
    [("create", "update", "pull", "fulfill"), ("create", "queue", "fulfill", "notify")],
    ids=" ".join,
)
def test_it_calls_and_leaves_what_the_real_one_does(
    operations: tuple[str, ...], real: Callable[[str, Path, Path, str], list[str]], tmp_path: Path
) -> None:
    stores, tmps = (tmp_path / "theirs", tmp_path / "model"), (tmp_path / "tmp-a", tmp_path / "tmp-b")
    for store in stores:
        for part in PARTS:
            (store / part).mkdir(parents=True)
    for operation in operations:
        ids = [next((path.name for path in (store / "jobs").iterdir()), "") for store in stores]
        theirs = plain(real(operation, stores[0], tmps[0], ids[0]), stores[0], tmps[0])
        node, disk = on_disk(stores[1], tmps[1], respond=lambda target, job_id, value: True)
        OPERATIONS[operation](node, ids[1])
        node.exit()
        ours = plain(disk.noted, stores[1], tmps[1])
        assert tree(stores[0]) == tree(stores[1]), operation
        if (operation, "queue" in operations) != ("fulfill", True):  # there it unqueues while it releases
            ordered = [[call for call in calls if not is_parallel(call)] for calls in (theirs, ours)]
            assert ordered[0] == ordered[1], operation
            assert sorted(theirs) == sorted(ours), operation
