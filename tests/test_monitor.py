"""The monitor is a real process on a real store; it is told nothing, it must see."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Protocol

import pytest

from fsjob_core import JobStore
from fsjob_core.facts import Counts, Entry, Mood, Verdict
from fsjob_core.feed import Delta, Details, Gone, Hello, Job, Locks, Message, Open, Overview, Request, Wanted
from fsjob_core.hints import Hints
from fsjob_core.host import REAL, RealCalls
from fsjob_core.monitor import ENDED, Monitor
from fsjob_core.watch import Watch

from .conftest import ROOT


class Source(Protocol):
    def receive(self, seconds: float | None) -> Message | None: ...
    def send(self, request: Request) -> None: ...
    def close(self) -> None: ...


class Watched:
    """What a parent of the monitor knows: the views as the deltas told them."""

    def __init__(self, directory: Path, monitor: Source | None = None) -> None:
        self.monitor = monitor or Monitor(str(directory))
        self.views: dict[str, set[str]] = {"pending": set(), "waiting": set(), "fulfilled": set(), "parked": set()}
        self.last: dict[type, Message] = {}
        self.flashed: dict[str, set[str]] = {view: set() for view in self.views}
        """All that was ever in a view."""

    def until(self, true: Callable[[], object], seconds: float = 8.0) -> float:
        """Receive until something is true; gives how long that took."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < seconds, f"not seen: {self.views} {self.last}"
            message = self.monitor.receive(0.2)
            if message is None:
                continue
            self.last[type(message)] = message
            if isinstance(message, Delta):
                if message.reset:
                    self.views[message.view].clear()
                self.views[message.view] -= set(message.gone)
                self.views[message.view] |= {entry.id for entry in message.came}
                self.flashed[message.view] |= {entry.id for entry in message.came}
        return time.monotonic() - began

    @property
    def counts(self) -> Counts:
        found = self.of(Overview)
        return found.counts if isinstance(found, Overview) else Counts()

    @property
    def mood(self) -> Mood | None:
        found = self.of(Overview)
        return found.verdict.mood if isinstance(found, Overview) else None

    def verdicts(self) -> dict[str, Verdict]:
        found = self.of(Locks)
        return {row.info.id: row.info.verdict for row in found.locks} if isinstance(found, Locks) else {}

    def of(self, kind: type) -> Message | None:
        return self.last.get(kind)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def watched(store: JobStore) -> Iterator[Watched]:
    watched = Watched(Path(store.directory))
    watched.until(lambda: watched.of(Overview))
    yield watched
    watched.monitor.close()


def test_each_view_follows_what_the_directory_holds_within_a_second(store: JobStore, watched: Watched) -> None:
    job = store.create({"type": "resize"})
    assert watched.until(lambda: job.id in watched.views["pending"]) < 1
    store.queue(job.id, "somebody")
    assert watched.until(lambda: job.id in watched.views["waiting"]) < 1
    work = store.pull_work()
    assert work is not None
    assert watched.until(lambda: isinstance(lock := watched.of(Locks), Locks) and lock.locks) < 2
    work.fulfill(b"1")
    work.release()
    assert watched.until(lambda: job.id in watched.views["fulfilled"]) < 1
    assert job.id not in watched.views["pending"]
    store.requeue(job.id)
    store.park(job.id)
    assert watched.until(lambda: job.id in watched.views["parked"]) < 1
    assert watched.views["pending"] == watched.views["fulfilled"] == set()


def test_changes_by_hand_are_seen(store: JobStore, watched: Watched) -> None:
    job = Path(store.directory, "jobs", "job-by-hand")
    job.mkdir()
    (job / "state.json").write_text('{"version":0,"state":1,"waiting":[],"request":{"name":"x"}}')
    link = Path(store.directory, "pending", "job-by-hand")
    link.symlink_to("../jobs/job-by-hand")
    assert watched.until(lambda: watched.views["pending"] == {"job-by-hand"}) < 1
    (job / "state.json").write_text('{"version":0,"state":2,"waiting":[],"request":{"name":"x"}}')
    link.rename(Path(store.directory, "waiting", "job-by-hand"))
    assert watched.until(lambda: watched.views["waiting"] == {"job-by-hand"}) < 1
    assert watched.until(lambda: watched.views["fulfilled"] == {"job-by-hand"}) < 1


def test_rows_and_the_open_job_are_sent_again_when_they_change(store: JobStore, watched: Watched) -> None:
    job = store.create({"type": "resize", "w": 640})
    watched.monitor.send(Wanted("pending", (job.id,)))
    watched.monitor.send(Open(job.id))

    def request() -> str:
        found = watched.of(Details)
        return found.details[0].request if isinstance(found, Details) else ""

    watched.until(lambda: request() == 'resize {"w":640}')
    watched.until(lambda: watched.of(Job))
    store.update(job.id, 0, {"type": "crop"})
    watched.until(lambda: request() == "crop")

    def opened() -> str:
        found = watched.of(Job)
        return found.detail.state if isinstance(found, Job) else ""

    assert opened() == "pending"
    store.fulfill(job.id, b"1")
    watched.until(lambda: opened() == "fulfilled")
    store.delete(job.id)
    watched.until(lambda: opened() == "missing")


def test_nothing_is_sent_while_nothing_changes(store: JobStore, watched: Watched) -> None:
    store.create(1)
    watched.until(lambda: watched.views["pending"])
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 3:
        if watched.monitor.receive(0.5) is not None:
            quiet_since = time.monotonic()


def test_what_is_no_store_says_so_and_a_store_that_comes_is_followed(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "later")
    watched.until(lambda: watched.of(Hello))
    hello = watched.of(Hello)
    assert isinstance(hello, Hello) and "does not exist" in str(hello.problem)
    assert not (tmp_path / "later").exists(), "reading makes nothing"
    job = JobStore(tmp_path / "later").create(1)
    watched.until(lambda: job.id in watched.views["pending"])
    shutil.rmtree(tmp_path / "later")
    watched.until(lambda: watched.of(Gone))
    again = JobStore(tmp_path / "later").create(2)
    watched.until(lambda: watched.views["pending"] == {again.id})
    watched.monitor.close()


def test_odd_things_in_the_directories_do_not_end_it(store: JobStore, watched: Watched) -> None:
    for name in ("fifo", "big", "empty"):
        os.mkdir(store.layout.job(name))
        os.symlink(f"../jobs/{name}", store.layout.pending_link(name))
    os.mkfifo(store.layout.state("fifo"))
    with open(store.layout.state("big"), "wb") as file:
        file.truncate(2 << 30)
    Path(store.layout.state("empty")).touch()
    os.mkdir(f"{store.layout.pending}/odd\n\x1b[2J")
    watched.until(lambda: watched.views["pending"] == {"fifo", "big", "empty"})
    watched.monitor.send(Wanted("pending", ("fifo", "big", "empty")))
    watched.until(lambda: isinstance(found := watched.of(Details), Details) and len(found.details) == 3)
    found = watched.of(Details)
    assert isinstance(found, Details)
    assert all(row.problem for row in found.details)
    watched.monitor.send(Open("fifo"))
    watched.until(lambda: isinstance(job := watched.of(Job), Job) and job.detail.state == "unreadable")
    store.create(1)
    watched.until(lambda: len(watched.views["pending"]) == 4)


def test_a_job_that_is_nested_as_deep_as_can_be_does_not_end_it(store: JobStore, watched: Watched) -> None:
    ids = []
    for depth in range(600, 1000, 5):
        nested = "[" * depth + "]" * depth
        job = store.create(depth)
        state = f'{{"version":0,"state":1,"waiting":[{nested}],"request":{nested},"other":{nested}}}'
        Path(store.layout.state(job.id)).write_text(state)
        ids.append(job.id)
    watched.monitor.send(Wanted("pending", tuple(ids)))
    for job_id in ids:
        watched.monitor.send(Open(job_id))
        watched.until(lambda job_id=job_id: isinstance(job := watched.of(Job), Job) and job.detail.id == job_id)  # type: ignore[misc]
    assert watched.of(Gone) is None


# ── the process ──


def test_the_child_ends_with_its_parent(store: JobStore) -> None:
    script = (
        "import sys; from fsjob_core.monitor import Monitor; m = Monitor(sys.argv[1]); m.receive(9); "
        "print(m.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, store.directory],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    parent.kill()
    parent.communicate()
    wait_for(lambda: not Path(f"/proc/{child}").exists() or "State:\tZ" in Path(f"/proc/{child}/status").read_text())


def test_the_child_is_deaf_to_ctrl_c_from_its_first_moment_and_ends_by_sigterm(store: JobStore) -> None:
    monitor = Monitor(store.directory)
    os.kill(monitor.pid, signal.SIGINT)
    assert isinstance(monitor.receive(9), Hello)
    os.kill(monitor.pid, signal.SIGINT)
    job = store.create(1)
    Watched(Path(store.directory), monitor).until(lambda: job.id)
    assert monitor.alive
    os.kill(monitor.pid, signal.SIGTERM)
    wait_for(lambda: not monitor.alive)
    while (message := monitor.receive(5)) != Gone(ENDED):
        assert message is not None
    assert monitor.receive(None) == Gone(ENDED), "and again, at once"
    monitor.close()
    monitor.send(Open(None))


def test_the_mask_of_the_parent_is_its_own_again(store: JobStore) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    Monitor(store.directory).close()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_it_can_be_closed_while_another_thread_receives_and_twice(store: JobStore) -> None:
    monitor = Monitor(store.directory)
    while monitor.receive(1) is not None:
        pass
    os.kill(monitor.pid, signal.SIGSTOP)  # it does not end at once, as if it hung on a dead mount
    got: list[Message | None] = []
    receiver = threading.Thread(target=lambda: got.append(monitor.receive(None)))
    receiver.start()
    closer = threading.Thread(target=monitor.close)
    closer.start()
    receiver.join(1)
    assert got == [Gone(ENDED)]
    closer.join()
    monitor.close()
    wait_for(lambda: not monitor.alive)


def test_it_starts_wherever_one_stands_and_says_nothing_on_the_terminal(store: JobStore, tmp_path: Path) -> None:
    (tmp_path / "select.py").write_text("raise SystemExit('the wrong module')")
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import os; from fsjob_core.monitor import Monitor; "
        f"os.chdir({str(tmp_path)!r}); m = Monitor('store'); print(m.receive(9).problem, m.receive(9) is not None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd="/", capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert (done.stdout.strip(), done.stderr) == ("None True", "")


def test_no_screen_is_imported_in_the_child() -> None:
    code = (
        "import sys, fsjob_core.watch\nfrom watchfiles import watch\n"
        "print([m for m in ('textual', 'rich', 'click', 'humanize') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_delta_comes_through_the_pipe_as_it_was() -> None:
    for came in ((), (Entry("a", 1.5), Entry("größe", 2.25))):
        delta = Delta("pending", ("x",), came, complete=False, reset=True)
        assert pickle.loads(pickle.dumps(delta)) == delta


# ── the same in this process, over a machine that misbehaves ──


class Misbehaving(RealCalls):
    """System calls that hang on a dead mount, or fail, while a test wants them to."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.broken = threading.Event()

    def __getattribute__(self, name: str) -> Any:
        call = super().__getattribute__(name)
        if name not in ("lstat", "open", "scandir"):
            return call

        def slow(path: str, *arguments: Any) -> Any:
            self.answers.wait()
            if self.broken.is_set():
                raise OSError(5, "Input/output error", path)
            return call(path, *arguments)

        return slow


class Here:
    """A Watch in a thread of this process."""

    def __init__(self, directory: str, calls: RealCalls) -> None:
        self._ours, theirs = Pipe()
        host = replace(REAL, calls=calls, fstype=lambda path: "tmpfs", services={})
        threading.Thread(target=Watch(host, directory, theirs).run, daemon=True).start()

    def receive(self, seconds: float | None) -> Message | None:
        if not self._ours.poll(seconds):
            return None
        message: Message = self._ours.recv()
        return message

    def send(self, request: Request) -> None:
        self._ours.send(request)

    def close(self) -> None:
        self._ours.close()


@pytest.fixture
def calls() -> Iterator[Misbehaving]:
    calls = Misbehaving()
    yield calls
    calls.answers.set()


def test_a_store_that_hangs_is_told_with_for_how_long_and_goes_on_when_it_answers(
    store: JobStore, calls: Misbehaving
) -> None:
    first = store.create(1)
    watched = Watched(Path(store.directory), Here(store.directory, calls))
    watched.until(lambda: first.id in watched.views["pending"])
    calls.answers.clear()
    watched.until(lambda: watched.mood is Mood.NOT_ANSWERING)
    assert watched.counts.pending == 1, "the last figures stay"

    def silent() -> float:
        found = watched.of(Overview)
        return found.silent if isinstance(found, Overview) else 0.0

    watched.until(lambda: silent() > 3)
    second = store.create(2)
    calls.answers.set()
    watched.until(lambda: second.id in watched.views["pending"] and watched.mood is not Mood.NOT_ANSWERING)
    assert silent() == 0.0
    watched.monitor.close()


def test_a_store_that_hangs_from_the_first_call_on_is_told_too(store: JobStore, calls: Misbehaving) -> None:
    calls.answers.clear()
    watched = Watched(Path(store.directory), Here(store.directory, calls))
    watched.until(lambda: watched.mood is Mood.NOT_ANSWERING)
    assert watched.of(Hello) is None
    calls.answers.set()
    watched.until(lambda: watched.of(Hello) and watched.mood is Mood.EMPTY)
    watched.monitor.close()


def test_a_failing_disk_is_told_once_and_followed_again_when_it_works(store: JobStore, calls: Misbehaving) -> None:
    watched = Watched(Path(store.directory), Here(store.directory, calls))
    watched.until(lambda: watched.of(Overview))
    calls.broken.set()
    watched.until(lambda: watched.of(Gone))
    assert "Input/output error" in str(watched.of(Gone))
    began, said = time.monotonic(), 0
    while time.monotonic() - began < 4:
        said += watched.monitor.receive(0.5) is not None
    assert said <= 1, "a Hello with the problem, and no more"
    watched.last.clear()
    job = store.create(1)
    calls.broken.clear()
    watched.until(lambda: watched.of(Hello) and job.id in watched.views["pending"])
    watched.monitor.close()


def test_without_any_hint_changes_are_seen_all_the_same(
    store: JobStore, calls: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hints, "listen", lambda self: self._stop.wait())
    watched = Watched(Path(store.directory), Here(store.directory, calls))
    watched.until(lambda: watched.of(Overview))
    for number in range(3):
        job = store.create(number)
        assert watched.until(lambda job=job: job.id in watched.views["pending"]) < 1.5  # type: ignore[misc]
    watched.monitor.close()


def test_a_store_made_again_is_listened_to_again(store: JobStore) -> None:
    stop, woken = threading.Event(), threading.Event()
    hints = Hints(REAL, store.layout, stop, woken.set)
    threading.Thread(target=hints.listen, daemon=True).start()
    heard: set[str] = set()

    def hears(path: Path) -> bool:
        os.utime(path.parent, follow_symlinks=False)
        path.unlink(missing_ok=True)
        path.touch()
        woken.wait(0.3)
        woken.clear()
        heard.update(hints.take())
        return str(path) in heard

    wait_for(lambda: hears(Path(store.layout.pending, "one")))
    shutil.rmtree(store.directory)
    Path(store.layout.pending).mkdir(parents=True)
    wait_for(lambda: hears(Path(store.layout.pending, "two")))
    stop.set()


def test_a_failure_in_the_monitor_itself_is_said_and_ends_it(
    store: JobStore, calls: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Hints) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Hints, "listen", fail)
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    watched = Watched(Path(store.directory), Here(store.directory, calls))
    watched.until(lambda: watched.of(Gone))
    assert watched.of(Gone) == Gone("the monitor failed: ZeroDivisionError: oops")


# ── figures and verdicts ──


def test_a_job_being_made_is_never_shown_as_fulfilled(store: JobStore, watched: Watched) -> None:
    jobs, pending = Path(store.directory, "jobs"), Path(store.directory, "pending")
    state = '{"version":0,"state":1,"waiting":[],"request":1}'
    for number in range(20):
        (jobs / f"new-{number}").mkdir()
        (jobs / f"new-{number}" / "state.json").write_text(state)
    other = store.create(1)
    watched.until(lambda: other.id in watched.views["pending"])
    for number in range(20):
        (pending / f"new-{number}").symlink_to(f"../jobs/new-{number}")
    watched.until(lambda: len(watched.views["pending"]) == 21 and watched.counts.pending == 21)
    assert not watched.flashed["fulfilled"]
    found = watched.of(Overview)
    assert isinstance(found, Overview) and found.rate_out == 0.0 and found.rate_in > 0.0


def test_a_job_that_was_never_linked_is_shown_where_its_links_say_after_a_while(
    store: JobStore, watched: Watched
) -> None:
    job = Path(store.directory, "jobs", "cut-off")
    job.mkdir()
    (job / "state.json").write_text('{"version":0,"state":1,"waiting":[],"request":1}')
    assert watched.until(lambda: watched.views["fulfilled"] == {"cut-off"}, 12) > 3
    watched.until(lambda: watched.counts == store.counts())
    found = watched.of(Overview)
    assert isinstance(found, Overview) and found.rate_out == 0.0, "it was not finished"


def test_figures_at_second_zero_come_from_file_times(store: JobStore) -> None:
    for number in range(6):
        store.create(number)
    for _ in range(4):
        with store.pull_work() as work:  # type: ignore[union-attr]
            work.begin()
            work.fulfill(b"1")
    watched = Watched(Path(store.directory))
    watched.until(lambda: watched.of(Overview))
    found = watched.of(Overview)
    assert isinstance(found, Overview)
    assert found.counts == store.counts() == Counts(pending=2, fulfilled=4)
    assert found.rate_in == round(6 / 30, 1) and found.rate_out == round(4 / 30, 1)
    assert found.usual is not None and found.p95 is not None and found.p95 < 5
    assert found.oldest is not None and found.verdict.mood is Mood.MOVING
    watched.until(lambda: len(watched.views["fulfilled"]) == 4)
    watched.monitor.close()


def test_many_jobs_come_in_chunks_figures_first_and_go_again(store: JobStore) -> None:
    jobs, pending = Path(store.directory, "jobs"), Path(store.directory, "pending")
    store.ground.ready()
    wanted = {f"job-{number}" for number in range(30_000)}
    for name in wanted:
        (jobs / name).mkdir()
        (pending / name).symlink_to(f"../jobs/{name}")
    watched = Watched(Path(store.directory))
    watched.until(lambda: watched.of(Overview) or watched.of(Delta))
    assert watched.counts.pending == 30_000 and not watched.of(Delta)
    largest = 0

    def all_there() -> bool:
        nonlocal largest
        delta = watched.of(Delta)
        largest = max(largest, len(delta.came) if isinstance(delta, Delta) else 0)
        return watched.views["pending"] == wanted

    watched.until(all_there)
    assert 1000 < largest <= 6000
    shutil.rmtree(pending)
    pending.mkdir()
    watched.until(lambda: not watched.views["pending"] and watched.counts.fulfilled == 30_000, 20)
    watched.until(lambda: watched.views["fulfilled"] == wanted, 20)
    watched.monitor.close()


def test_a_paused_and_a_stalled_store_say_so(store: JobStore, watched: Watched) -> None:
    old = Path(store.directory, "jobs", "old")
    old.mkdir()
    (old / "state.json").write_text('{"version":0,"state":1,"waiting":[],"request":1}')
    link = Path(store.directory, "pending", "old")
    link.symlink_to("../jobs/old")
    os.utime(link, (1, 1), follow_symlinks=False)
    watched.until(lambda: watched.mood is Mood.STALLED)
    store.pause("upgrade")
    assert watched.until(lambda: watched.mood is Mood.PAUSED) < 1.5
    store.resume()
    watched.until(lambda: watched.mood is Mood.STALLED)
    scratch = old / "scratch"
    later = {"not_before": time.time() + 500}
    scratch.write_text(json.dumps({"version": 0, "state": 1, "waiting": [], "request": 1, "fsjob": later}))
    scratch.rename(old / "state.json")
    watched.until(lambda: watched.mood is Mood.IDLE)


def test_locks_are_seen_at_once_and_their_verdicts_follow(store: JobStore, watched: Watched) -> None:
    job = store.create(1)
    path = Path(store.layout.work_lock(job.id))
    path.mkdir()
    assert watched.until(lambda: watched.verdicts().get(job.id) is Verdict.LIVE) < 1.5
    os.utime(path, (time.time() - 60,) * 2)
    watched.until(lambda: watched.verdicts().get(job.id) is Verdict.LATE)
    watched.until(lambda: watched.verdicts().get(job.id) is Verdict.STALE, 15)
    path.rmdir()
    assert watched.until(lambda: not watched.verdicts()) < 1.5


def test_a_lock_that_beats_on_after_its_owners_death_has_a_ghost(store: JobStore, watched: Watched) -> None:
    job = store.create(1)
    script = (
        "import os, sys; from fsjob_core import JobStore; "
        "JobStore(sys.argv[1], worker_name='gone').pull_work(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, store.directory], cwd=ROOT)
    watched.until(lambda: watched.verdicts().get(job.id) is Verdict.DEAD)
    path = store.layout.work_lock(job.id)

    def beaten() -> bool:
        os.utime(path)
        return watched.verdicts().get(job.id) is Verdict.GHOST

    watched.until(beaten)
    watched.until(lambda: watched.mood is Mood.STALLED)


def test_at_most_four_overviews_a_second(store: JobStore, watched: Watched) -> None:
    stop = threading.Event()

    def make() -> None:
        while not stop.is_set():
            store.create(1)

    maker = threading.Thread(target=make)
    maker.start()
    try:
        began, overviews = time.monotonic(), 0
        while time.monotonic() - began < 3:
            overviews += isinstance(watched.monitor.receive(0.2), Overview)
    finally:
        stop.set()
        maker.join()
    assert 2 <= overviews <= 14


# ── what the parent wants read ──


def test_rows_that_are_asked_for_again_are_told_again(store: JobStore, watched: Watched) -> None:
    job = store.create({"type": "resize"})
    watched.monitor.send(Wanted("pending", (job.id, "never-was", "../etc")))
    for _ in range(2):
        watched.last.clear()
        watched.until(lambda: watched.of(Details))
        found = watched.of(Details)
        assert isinstance(found, Details) and [row.id for row in found.details] == [job.id, "never-was", "../etc"]
        assert [bool(row.problem) for row in found.details] == [False, True, True]
        watched.monitor.send(Wanted("pending", (job.id, "never-was", "../etc")))


def test_a_job_that_cannot_be_opened_is_answered(store: JobStore, watched: Watched) -> None:
    for job_id in ("never-was", "../etc", "x.lock", "\udcff", "a\0b"):
        watched.last.clear()
        watched.monitor.send(Open(job_id))
        watched.until(lambda job_id=job_id: isinstance(j := watched.of(Job), Job) and j.detail.id == job_id)  # type: ignore[misc]
        found = watched.of(Job)
        assert isinstance(found, Job) and not found.detail.found and found.why


def wait_for(true: Callable[[], object], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        os.sched_yield()
