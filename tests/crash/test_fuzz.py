"""Whatever stands in a store: reading and pulling never hang, never read outside of it, and only fail as they say."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fsjob_core.errors import FsJobError
from fsjob_core.facts import VIEWS
from fsjob_core.health import SIGNS
from fsjob_core.host import REAL
from fsjob_core.journal import read_audit
from fsjob_core.lease.sight import OWNER_ATTRIBUTE
from fsjob_core.operator import Operator
from fsjob_core.store import JobStore

from ..conftest import scale
from .machine import Clock, host_with

SECRET = "of-the-outside"
HANGS_AFTER = 30
"""Seconds after which a call counts as one that never ends."""
HUGE = 2 << 30

IDS = ["a", "b", "job-1", "1k11s1f42f1tzhcg4pny"]

# ── what may stand there ──

LARGE = [10**400, -(10**30), 1e308, 2**63, 10**12, float("nan"), float("inf")]
numbers = st.one_of(st.integers(-3, 3), st.integers(), st.floats(), st.sampled_from(LARGE))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
members = st.fixed_dictionaries(
    {},
    optional={
        "attempts": numbers | values, "started": numbers | values, "finished": numbers | values,
        "not_before": numbers | values, "last_error": values,
        "parked": values | st.fixed_dictionaries({"at": values, "reason": values}),
    },
)  # fmt: skip
sound = st.fixed_dictionaries(
    {
        "version": st.integers(0, 3) | st.integers(),
        "state": st.sampled_from([1, 2]),
        "waiting": st.lists(values, max_size=2),
        "request": values,
    },
    optional={"fsjob": members | values, "theirs": values},
)
unsound = st.fixed_dictionaries({"version": values, "state": values, "waiting": values, "request": values})
states = st.one_of(sound, sound, unsound).map(lambda state: json.dumps(state).encode())
ODD_BYTES = [
    b"", b"\0" * 100, b"{}", b"null", b"[" * 200_000, b'{"a":' * 100_000, b'{"version":1e999}', b"\xff\xfe{}",
    b'{"version":0,"state":1,"waiting":[],"request":"\\ud800"}', b"9" * 5000, b'{"version":' + b"9" * 5000 + b"}",
]  # fmt: skip
contents = st.one_of(states, st.binary(max_size=40), st.sampled_from(ODD_BYTES))
owners = st.fixed_dictionaries(
    {
        "host": values, "boot": st.just(REAL.me.boot) | values, "pidns": st.just(REAL.me.pidns) | values,
        "pid": numbers | values, "start": numbers | values, "worker": values, "since": numbers, "token": values,
    }
).map(lambda owner: json.dumps(owner).encode())  # fmt: skip

KINDS = ["file", "directory", "fifo", "socket", "zeros", "disk", "huge", "outside", "loop", "dangling", "bar", "job"]


@dataclass(frozen=True)
class Thing:
    """Something at a path: `content` is what a file, or the state.json of a job, holds."""

    path: str
    kind: str
    content: bytes
    mode: int = 0o755

    def make(self, root: Path, outside: Path) -> None:
        """Make it, where something else does not stand in its way."""
        path = os.fsencode(root) + b"/" + os.fsencode(self.path)
        with suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            MAKE[self.kind](path, self.content, os.fsencode(outside))
            if not os.path.islink(path):
                os.chmod(path, self.mode)


def _file(path: bytes, content: bytes, _: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)


def _directory(path: bytes, content: bytes, _: bytes) -> None:
    os.mkdir(path)
    with suppress(OSError):
        os.setxattr(path, OWNER_ATTRIBUTE, content)


def _job(path: bytes, content: bytes, _: bytes) -> None:
    os.mkdir(path)
    _file(path + b"/state.json", content, b"")
    _file(path + b"/value", content, b"")


def _socket(path: bytes, *_: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


def _huge(path: bytes, *_: bytes) -> None:
    with open(path, "xb") as file:
        file.truncate(HUGE)


MAKE: dict[str, Callable[[bytes, bytes, bytes], None]] = {
    "file": _file,
    "directory": _directory,
    "job": _job,
    "fifo": lambda path, *_: os.mkfifo(path),
    "socket": _socket,
    "zeros": lambda path, *_: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5)),  # root alone may
    "disk": lambda path, *_: os.mknod(path, 0o666 | stat.S_IFBLK, os.makedev(7, 250)),
    "huge": _huge,
    "outside": lambda path, _, outside: os.symlink(outside, path),
    "loop": lambda path, *_: os.symlink(os.path.basename(path), path),
    "dangling": lambda path, content, _: os.symlink((content[:50].replace(b"\0", b"") or b"nothing"), path),
    "bar": lambda path, content, _: os.symlink(b"fsjob-bar " + content[:50].replace(b"\0", b""), path),
}

PARTS = ["jobs", "pending", "waiting", "parked", ".fsjob/tmp", ".fsjob/workers", ".fsjob"]
names = st.sampled_from([*IDS, *(f"{job_id}.lock" for job_id in IDS)]) | st.binary(min_size=1, max_size=12).map(
    lambda name: os.fsdecode(name.replace(b"/", b"_").replace(b"\0", b"_"))
)
places = st.one_of(
    st.builds("{}/{}".format, st.sampled_from(["jobs", "pending", "waiting", "parked", ".fsjob/workers"]), names),
    st.builds(
        "jobs/{}/{}".format, st.sampled_from(IDS), st.sampled_from(["state.json", "value", ".fsjob-x-state", "more"])
    ),
    st.sampled_from([".fsjob/" + name for name in ("paused", "store.json", "guard", "audit.jsonl", "tmp", "workers")]),
    st.sampled_from(PARTS),
)
things = st.builds(
    Thing, places, st.sampled_from(KINDS), contents | owners, st.sampled_from([0o755, 0o755, 0o000, 0o4777])
).filter(lambda thing: thing.path not in PARTS or thing.kind != "outside")  # its owner may have moved a part away

# ── what is done with it ──


@contextmanager
def ends_in_time() -> Iterator[None]:
    def hangs(*_: object) -> None:
        raise AssertionError("this call never ends")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(HANGS_AFTER)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def is_huge(path: str) -> bool:
    return os.path.exists(path) and os.path.getsize(path) >= HUGE


def readings(store: JobStore) -> Iterator[Callable[[], Any]]:
    """Every way to look into a store."""
    views = store.views
    yield lambda: store.counts()
    for view in VIEWS:
        yield lambda view=view: [(entry, SIGNS.get(getattr(entry, "verdict", None))) for entry in store.list(view)]  # type: ignore[misc,arg-type]
    yield lambda: store.workers()
    yield lambda: (views.label(), views.paused(), views.is_store())
    yield lambda: list(read_audit(views.disk, store.layout))
    for job_id in IDS:
        yield lambda job_id=job_id: store.get(job_id)  # type: ignore[misc]
        yield lambda job_id=job_id: store.why(job_id)  # type: ignore[misc]
        yield lambda job_id=job_id: views.detail(job_id, value=True)  # type: ignore[misc]
        if not is_huge(store.layout.value(job_id)):
            yield lambda job_id=job_id: store.read_value(job_id)  # type: ignore[misc]


def pulls(store: JobStore) -> Iterator[Callable[[], Any]]:
    def work() -> str:
        with suppress(FsJobError):
            while (work := store.pull_work()) is not None:
                with work:
                    told = repr((work.record, work.attempt))
                    work.begin()
                    work.fulfill(b"done")
                return told
        return ""

    def notification() -> str:
        note = store.pull_notification()
        if note is None:
            return ""
        try:
            return repr((note.waiting, "" if is_huge(store.layout.value(note.id)) else note.value))
        finally:
            note.done(None, note.waiting)

    yield work
    yield notification
    yield lambda: store.purge(0.0)


def never_more_than_promised(root: Path, outside: Path) -> None:
    for write in (False, True):
        store = JobStore(
            root, durability="process", must_exist=True, read_only=not write, _host=host_with(clock=Clock())
        )
        for call in (pulls if write else readings)(store):
            with ends_in_time():
                try:
                    told = repr(call())
                except (FsJobError, OSError) as error:
                    told = str(error)
            assert SECRET not in told, told
    assert {path.name for path in outside.iterdir()} == {"state.json", "value"}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("outside")
    (path / "state.json").write_text(json.dumps({"version": 0, "state": 2, "waiting": [1], "request": SECRET}))
    (path / "value").write_text(SECRET)
    return path


@contextmanager
def store_of(outside: Path, *made: Thing) -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(dir=outside.parent, prefix="fuzzed"))
    try:
        for directory in ("jobs", "pending", "waiting", "parked", ".fsjob"):
            if directory not in [thing.path for thing in made]:
                (root / directory).mkdir()
        for thing in made:
            thing.make(root, outside)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


FULFILLED = b'{"version":0,"state":2,"waiting":[],"request":1}'
PENDING = b'{"version":0,"state":1,"waiting":[],"request":1,"fsjob":{"not_before":1%s}}' % (b"0" * 400)


@settings(max_examples=scale(200, 100_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(made=st.lists(things, min_size=1, max_size=8))
@example(
    made=[
        Thing(".fsjob/guard", "fifo", b""),
        Thing("jobs/a", "job", PENDING[:40]),
        Thing("pending/a", "dangling", b"../jobs/a"),
    ]
)
def test_whatever_stands_there(outside: Path, made: list[Thing]) -> None:
    with store_of(outside, *made) as root:
        never_more_than_promised(root, outside)


@settings(max_examples=scale(200, 100_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(state=contents, owner=owners, worker=st.one_of(owners, contents))
def test_whatever_is_written_on_a_job_and_its_locks(outside: Path, state: bytes, owner: bytes, worker: bytes) -> None:
    job = [
        Thing("jobs/a", "job", state),
        *(Thing(f"{part}/a", "dangling", b"../jobs/a") for part in ("pending", "waiting")),
    ]
    locks = [Thing(f"{part}/a.lock", "directory", owner) for part in ("jobs", "pending", "waiting")]
    with store_of(outside, *job, *locks, Thing(".fsjob/workers/w", "file", worker)) as root:
        never_more_than_promised(root, outside)


# ── what was found ──


def make_store(outside: Path, *made: Thing) -> Iterator[JobStore]:
    with store_of(outside, *made) as root:
        yield JobStore(root, durability="process", must_exist=True, _host=host_with(clock=Clock()))


@pytest.mark.parametrize("kind", ["fifo", "zeros", "dangling", "outside"])
def test_an_odd_guard_is_refused_not_waited_for_nor_written_through(
    outside: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    for store in make_store(outside, Thing(".fsjob/guard", kind, b"")):
        if not os.path.lexists(store.layout.guard):
            pytest.skip("only root makes devices")
        job = store.create(1)
        with ends_in_time():
            store.fulfill(job.id, b"value")  # done by its commit; only the release of its lock needs the guard
        assert store.get(job.id).fulfilled and "the guard is no regular file" in caplog.text
        for shared in (True, False):
            with ends_in_time(), pytest.raises(OSError) as refused, store.host.guard(store.layout.guard, shared):
                pass
            assert refused.value.filename == store.layout.guard
    assert (outside / "value").read_text() == SECRET


def test_an_audit_log_that_is_no_file_is_an_error_with_a_path(
    outside: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for store in make_store(outside, Thing(".fsjob/audit.jsonl", "fifo", b"")):
        with ends_in_time(), pytest.raises(OSError, match=f"{store.layout.audit} is a FIFO"):
            list(read_audit(store.views.disk, store.layout))
        job_id = store.create(1).id
        with ends_in_time():  # done it is, and that the log has no line of it is told
            assert Operator(store).park(job_id).done
        assert f"{store.layout.audit} could not be written" in caplog.text


@pytest.mark.parametrize("pid", [0, -1, 2**31, 10**12])
def test_an_owner_of_a_pid_that_no_process_has_is_not_checkable(outside: Path, pid: int) -> None:
    owner = {**asdict(REAL.me), "pid": pid, "worker": "w", "since": 0, "token": "t"}
    lock, worker = json.dumps(owner).encode(), json.dumps({**owner, "name": "w"}).encode()
    made = [Thing("pending/a.lock", "directory", lock), Thing(".fsjob/workers/w", "file", worker)]
    for store in make_store(outside, Thing("jobs/a", "job", PENDING), *made):
        assert [lock.id for lock in store.locks()] == ["a"]
        assert "not checkable from here" in store.locks()[0].proof
        store.workers()
        assert store.why("a")


def test_a_time_that_is_no_number_is_no_owner(outside: Path) -> None:
    owner = {**asdict(REAL.me), "worker": "w", "since": float("nan"), "token": "t"}
    for store in make_store(outside, Thing("pending/a.lock", "directory", json.dumps(owner).encode())):
        assert store.locks()[0].owner is None


@pytest.mark.parametrize("number", [b"1" + b"0" * 400, b"-1" + b"0" * 400], ids=["huge", "minus huge"])
def test_numbers_beyond_any_time_are_none(outside: Path, number: bytes) -> None:
    state = b'{"version":0,"state":1,"waiting":[],"request":1,"fsjob":{"not_before":%s,"attempts":%s}}' % (
        number,
        number,
    )
    made = [Thing("jobs/a", "job", state), Thing("pending/a", "dangling", b"../jobs/a")]
    for store in make_store(outside, *made):
        assert store.why("a").startswith("pending ")
        with store.pull_work() as work:  # type: ignore[union-attr]
            assert work.attempt == 0
            work.begin()
            assert work.attempt == 1


def test_a_notifier_passes_over_a_job_whose_state_lock_cannot_be_had(outside: Path) -> None:
    made = [Thing(f"jobs/{job_id}", "job", FULFILLED) for job_id in ("a", "b")]
    made += [Thing(f"waiting/{job_id}", "dangling", b"../jobs/a") for job_id in ("a", "b")]
    clock = Clock()
    with store_of(outside, *made, Thing("jobs/a.lock", "file", b"")) as root:
        store = JobStore(root, durability="process", must_exist=True, _host=host_with(clock=clock))
        assert store.pull_notification() is None
        assert os.listdir(store.layout.waiting) == ["a"], "the other's empty list has lost its link"
    assert not clock.waited
