"""The read side on stores made by hand, well formed and not: nothing in a directory may hang or end it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.errors import CorruptJob, InvalidJobId, JobNotFound
from fsjob_core.facts import Counts, Verdict
from fsjob_core.host import REAL
from fsjob_core.layout import Layout
from fsjob_core.names import AT_ONCE, BUCKETS, Largest, Names, differences, in_order, read_names
from fsjob_core.record import MAX_STATE, Ids, all_made_at, made_at
from fsjob_core.views import Views

STATE = '{"version":0,"state":%d,"waiting":[],"request":{"name":"x"}}'


class Hand:
    """Makes a store as a person with a shell would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for part in ("jobs", "pending", "waiting"):
            (root / part).mkdir(parents=True)
        self.views = Views(REAL, Layout(str(root)))

    def job(self, job_id: str, state: str | bytes | None = STATE % 1, *, link: str | None = "pending") -> Path:
        job = self.root / "jobs" / job_id
        job.mkdir()
        if state is not None:
            (job / "state.json").write_bytes(state.encode() if isinstance(state, str) else state)
        if link:
            (self.root / link).mkdir(exist_ok=True)
            (self.root / link / job_id).symlink_to(f"../jobs/{job_id}")
        return job


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    return Hand(tmp_path / "store")


def tree(root: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in root.rglob("*"))


def ids(views: Views, view: str) -> set[str]:
    return {entry.id for entry in views.entries(view)}


def test_the_four_views_follow_from_the_entries_of_the_directories(hand: Hand) -> None:
    hand.job("new")
    hand.job("done", STATE % 2, link=None)
    hand.job("told", STATE % 2, link="waiting")
    hand.job("given-up")
    (hand.root / "parked").mkdir()
    (hand.root / "parked" / "given-up").symlink_to("../jobs/given-up")
    (hand.root / "pending" / "new.lock").mkdir()
    (hand.root / "jobs" / "new.lock").mkdir()
    assert hand.views.counts() == Counts(pending=1, locked=2, waiting=1, fulfilled=2, parked=1)
    (hand.root / "jobs" / "cut-off").mkdir()
    assert (hand.views.counts().fulfilled, hand.views.counts(settled=True).fulfilled) == (3, 2), "it has no state.json"
    (hand.root / "jobs" / "cut-off").rmdir()
    assert ids(hand.views, "pending") == {"new"}
    assert ids(hand.views, "waiting") == {"told"}
    assert ids(hand.views, "fulfilled") == {"done", "told"}
    assert ids(hand.views, "parked") == {"given-up"}
    assert {(lock.kind, lock.id) for lock in hand.views.locks()} == {("work", "new"), ("state", "new")}
    assert [lock.kind for lock in hand.views.locks(["state"])] == ["state"]
    with pytest.raises(ValueError, match="no view"):
        list(hand.views.entries("locked"))


def test_reading_makes_and_changes_nothing(hand: Hand) -> None:
    hand.job("new")
    before = tree(hand.root)
    hand.views.counts()
    hand.views.detail("new", value=True)
    hand.views.why("new")
    list(hand.views.entries("pending"))
    hand.views.workers()
    hand.views.locks()
    assert hand.views.label().name == "" and hand.views.paused() is None
    assert tree(hand.root) == before


def test_a_directory_that_is_no_store_is_none_and_reads_as_empty(tmp_path: Path) -> None:
    views = Views(REAL, Layout(str(tmp_path)))
    assert not views.is_store()
    assert views.counts() == Counts()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".fsjob").mkdir()
    assert views.is_store()


# ── what may stand where a job is ──


@pytest.fixture
def odd(hand: Hand, tmp_path: Path) -> Iterator[Hand]:
    """A store with everything in it that should not be."""
    os.mkfifo(hand.job("fifo", None) / "state.json")
    (hand.job("directory", None) / "state.json").mkdir()
    (tmp_path / "secret").write_text(STATE % 2)
    (hand.job("link-out", None) / "state.json").symlink_to(tmp_path / "secret")
    (hand.job("device", None) / "state.json").symlink_to("/dev/zero")
    with (hand.job("huge", None) / "state.json").open("wb") as file:
        file.truncate(2 << 30)
    hand.job("empty", "")
    hand.job("zeros", b"\0" * 100)
    hand.job("deep", "[" * 100_000)
    hand.job("digits", STATE.replace("%d", "1").replace("0,", "1" * 5000 + ",", 1))
    hand.job("list", "[]")
    hand.job("other-state", STATE % 3)
    hand.job("not-utf8", b'{"version":0,"state":1,"waiting":[],"request":"\xff"}')
    hand.job("none", None)
    (hand.root / "jobs" / "a-file").write_text("")
    (hand.root / "pending" / "a-file").symlink_to("../jobs/a-file")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "state.json").write_text(STATE % 1)
    (hand.root / "jobs" / "job-link").symlink_to(tmp_path / "elsewhere")
    (hand.root / "pending" / "job-link").symlink_to("../jobs/job-link")
    (hand.root / "pending" / "dangling").symlink_to("../jobs/dangling")
    yield hand


ODD = (
    "fifo", "directory", "link-out", "device", "huge", "empty", "zeros", "deep", "digits", "list", "other-state",
    "not-utf8", "none", "a-file", "job-link", "dangling",
)  # fmt: skip


@pytest.mark.parametrize("job_id", ODD)
def test_what_is_no_job_is_a_problem_in_one_sentence_and_never_followed(odd: Hand, job_id: str) -> None:
    with pytest.raises((CorruptJob, JobNotFound)):
        odd.views.record(job_id)
    detail = odd.views.detail(job_id, value=True)
    assert detail.found and detail.record is None and detail.state == "unreadable"
    assert detail.problem and "\n" not in detail.problem
    assert odd.views.why(job_id).startswith("it cannot be read: ")


def test_they_are_counted_as_their_links_say(odd: Hand) -> None:
    assert odd.views.counts().pending == len(ODD)
    assert ids(odd.views, "pending") == set(ODD)


def test_a_value_that_is_no_file_is_none(hand: Hand) -> None:
    os.mkfifo(hand.job("x", STATE % 2, link=None) / "value")
    detail = hand.views.detail("x", value=True)
    assert detail.value_size is None and detail.state == "fulfilled"
    assert "value is missing" in hand.views.why("x")


def test_of_a_large_value_the_start_is_read_and_only_when_asked(hand: Hand) -> None:
    with (hand.job("x", STATE % 2, link=None) / "value").open("wb") as file:
        file.write(b"begin")
        file.truncate(3 << 30)
    assert hand.views.detail("x").value_start == b""
    detail = hand.views.detail("x", value=True)
    assert detail.value_size == 3 << 30
    assert detail.value_start.startswith(b"begin") and len(detail.value_start) == 64 << 10


def test_odd_names_are_left_alone(hand: Hand) -> None:
    for name in (b"line\nbreak", b"\x1b[2J", b"\xff\xfe", b".hidden", b"x" * 201, b".lock"):
        os.mkdir(os.path.join(os.fsencode(hand.root), b"pending", name))
        os.mkdir(os.path.join(os.fsencode(hand.root), b"jobs", name))
    hand.job("größe-☃")
    assert hand.views.counts() == Counts(pending=1, locked=2)
    assert ids(hand.views, "pending") == {"größe-☃"}
    assert hand.views.locks() == []
    for bad in ("", "../x", "a/b", "\udcff", "x.lock"):
        with pytest.raises(InvalidJobId):
            hand.views.detail(bad)


def test_a_state_of_the_greatest_size_is_read_and_one_above_is_not(hand: Hand) -> None:
    padding = MAX_STATE - len(STATE % 1)
    hand.job("full", (STATE % 1).replace('"x"', f'"x{" " * padding}"'))
    hand.job("over", (STATE % 1).replace('"x"', f'"x{" " * (padding + 1)}"'))
    assert not hand.views.record("full").fulfilled
    with pytest.raises(CorruptJob, match="at most"):
        hand.views.record("over")


# ── locks ──


def test_a_lock_without_an_owner_beats_goes_late_and_comes_from_the_future(hand: Hand) -> None:
    hand.job("x")
    path = hand.root / "pending" / "x.lock"
    path.mkdir()
    now = REAL.time()
    for age, verdict in ((0, Verdict.LIVE), (7, Verdict.LATE), (3600, Verdict.LATE), (-3600, Verdict.FUTURE)):
        os.utime(path, (now - age, now - age))
        lock = hand.views.lock("work", "x")
        assert lock is not None and lock.verdict is verdict, lock
        assert lock.owner is None and lock.whose == "no owner (Node?)"
    assert hand.views.lock("notification", "x") is None


def test_locks_that_are_held_for_nothing_are_leaked(hand: Hand) -> None:
    hand.job("done", STATE % 2, link=None)
    hand.job("open", link="waiting")
    for path in ("pending/done.lock", "waiting/open.lock", "pending/never-was.lock", "jobs/never-was.lock"):
        (hand.root / path).mkdir()
    found = {(lock.kind, lock.id): lock.verdict for lock in hand.views.locks()}
    assert found == {
        ("work", "done"): Verdict.LEAKED,
        ("notification", "open"): Verdict.LEAKED,
        ("work", "never-was"): Verdict.LEAKED,
        ("state", "never-was"): Verdict.LIVE,
    }
    (hand.root / "pending" / "never-was").symlink_to("../jobs/never-was")
    lock = hand.views.lock("work", "never-was")
    assert lock is not None and lock.verdict is Verdict.LIVE, "Node's create passes through this state"


def test_a_verdict_follows_the_job_at_once(hand: Hand) -> None:
    state = hand.job("x") / "state.json"
    (hand.root / "pending" / "x.lock").mkdir()
    for number, verdict in ((1, Verdict.LIVE), (2, Verdict.LEAKED), (1, Verdict.LIVE)):
        (hand.root / "scratch").write_text(STATE % number)
        os.replace(hand.root / "scratch", state)
        lock = hand.views.lock("work", "x")
        assert lock is not None and lock.verdict is verdict


def test_what_is_no_lock_is_said_to_be_none(hand: Hand) -> None:
    hand.job("file")
    hand.job("link")
    hand.job("fifo")
    hand.job("bar")
    (hand.root / "pending" / "file.lock").write_text("")
    (hand.root / "pending" / "link.lock").symlink_to("/nowhere")
    os.mkfifo(hand.root / "pending" / "fifo.lock")
    (hand.root / "pending" / "bar.lock").symlink_to("fsjob-bar token by ann at 1")
    found = {lock.id: lock for lock in hand.views.locks()}
    assert {lock.verdict for lock in found.values()} == {Verdict.BARRED}
    assert "file" in found["file"].proof and "move it away by hand" in found["fifo"].proof
    assert found["bar"].bar == "fsjob-bar token by ann at 1" and "by ann" in found["bar"].proof
    assert found["link"].bar is None


def test_the_lock_of_a_killed_process_is_dead_by_proof(hand: Hand) -> None:
    JobStore(hand.root, durability="process").create({"n": 1})
    script = (
        "import os; from fsjob_core import JobStore; "
        f"work = JobStore({str(hand.root)!r}, worker_name='gone').pull_work(); print(work.id, flush=True); "
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    lock = hand.views.lock("work", done.stdout.strip())
    assert lock is not None and lock.owner is not None and lock.owner.worker == "gone"
    assert lock.verdict is Verdict.DEAD and "is gone on this host" in lock.proof
    assert f"gone on {REAL.me.host}" in hand.views.why(lock.id)


# ── signed in, paused, labelled ──


def test_what_stands_in_our_own_files_is_never_trusted(hand: Hand) -> None:
    own = hand.root / ".fsjob"
    (own / "workers").mkdir(parents=True)
    (own / "workers" / "list").write_text("[]")
    (own / "workers" / "bad").write_text("{")
    (own / "workers" / "huge").write_bytes(b"{" + b" " * 200_000)
    (own / "workers" / "wrong").write_text('{"pid":"x","state":7,"since":1e300,"done":null}')
    os.mkfifo(own / "workers" / "fifo")
    os.mkfifo(own / "paused")
    (own / "store.json").write_text('{"name":7,"class":["prod"]}')
    (wrong,) = hand.views.workers()
    assert (wrong.name, wrong.pid, wrong.done) == ("wrong", 0, 0)
    assert hand.views.paused() is None
    assert not hand.views.label().guarded
    (own / "paused").unlink()
    (own / "paused").write_bytes(b"upgrade \xff\n")
    assert str(hand.views.paused()).startswith("upgrade")


# ── names ──


def test_of_a_listing_only_legal_ids_and_locks_are_kept() -> None:
    for odd in (".x", "c\n", "x" * 201, "\udcff", "b.lock", ".lock"):
        names, locks = read_names(iter(["a", odd, "ü"]), lambda: None)
        assert {"a", "ü"} == {name for index in range(BUCKETS) for name in names.bucket(index)}, odd
        assert locks == ({odd} if odd.endswith(".lock") else set())
        assert odd not in names and len(names) == 2


def test_a_set_of_names_is_a_set_also_where_one_is_the_end_of_another() -> None:
    short = "a"
    bucket = hash(short) % BUCKETS
    long = next(name for number in range(100_000) if hash(name := f"{number}{short}") % BUCKETS == bucket)
    names = Names()
    for name in (long, short, short):
        names.add(name)
    assert len(names) == 2
    names.discard(short)
    names.discard(short)
    assert short not in names and long in names and len(names) == 1
    assert names.bucket(bucket) == {long}
    names.add(short)
    assert names.bucket(bucket) == {long, short}


def test_two_listings_are_compared_whatever_their_order() -> None:
    many = [f"job-{number}" for number in range(AT_ONCE + 1000)]
    old, _ = read_names(iter(many), lambda: None)
    new, _ = read_names(iter([*reversed(many[:-3]), "job-x"]), lambda: None)
    came = set[str]().union(*(came for came, _ in differences(old, new)))
    gone = set[str]().union(*(gone for _, gone in differences(old, new)))
    assert came == {"job-x"} and gone == set(many[-3:])
    assert list(differences(Names(), Names())) == []


def test_the_youngest_are_the_largest() -> None:
    names, _ = read_names((f"1{number:019d}" for number in range(5000)), lambda: None)
    found = Largest(10)
    for index in range(BUCKETS):
        found.add(names.listed(index))
    assert found.names() == [f"1{number:019d}" for number in range(4999, 4989, -1)]


@pytest.mark.parametrize("count", [0, 1, 500, 40_000])
def test_names_are_told_in_order_whatever_their_number(count: int) -> None:
    many = [f"job-{number * 7919 % 100_003:06}" for number in range(count)]
    names, _ = read_names(iter(many), lambda: None)
    for newest in (False, True):
        parts = list(in_order(map(names.bucket, range(BUCKETS)), count, newest=newest))
        assert [name for part in parts for name in part] == sorted(many, reverse=newest)
        assert all(len(part) < 20_000 for part in parts)


def test_when_many_were_made_is_told_as_of_each() -> None:
    ids = [Ids.of(REAL).new() for _ in range(3)]
    told = all_made_at(ids)
    assert told is not None and list(told) == [made_at(job_id) for job_id in ids]
    assert all_made_at([*ids, "foreign"]) is None and all_made_at([]) is None
