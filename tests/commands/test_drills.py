"""Drills: each trouble is there, is solved by the shell lines of a good answer and not before, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import JobStore
from fsjob_core.facts import Verdict
from fsjob_tui.drills import NAMES
from fsjob_tui.drills.table import DRILLS

from ..conftest import ROOT
from ..terminal.terminal import Terminal

FSJOB = [sys.executable, "-m", "fsjob_tui.cli"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
AT_ONCE = 3
"""Drills that are played at one time: most of each is waiting."""


class Played:
    """A drill without a screen, and somebody at a shell beside it."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [*FSJOB, "demo", "--incident", name, "--headless", "--json", "--seconds", "90"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=ENVIRONMENT,
        )  # fmt: skip
        self.said: list[dict[str, Any]] = []
        first = self.hear()
        self.store = JobStore(first["directory"], read_only=True)

    def hear(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr is not None
            raise EOFError(self.process.stderr.read())
        self.said.append(json.loads(line))
        return self.said[-1]

    def until_left(self, text: str) -> None:
        while text not in self.said[-1]["left"]:
            assert self.hear()["state"] == "made", "it is not solved yet"

    def shell(self, *arguments: str) -> str:
        done = subprocess.run(
            [*FSJOB, "-C", self.store.directory, *arguments], capture_output=True, text=True, env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def lock(self, *verdicts: Verdict) -> Any:
        """One of the work locks, of these verdicts; it is waited for."""
        deadline = time.monotonic() + 30
        while not (found := [one for one in self.store.locks() if one.verdict in verdicts]):
            assert time.monotonic() < deadline, self.store.locks()
            time.sleep(0.05)
        return found[0]


# ── answers: one that is not enough, after which it is not solved, and a good one ──


def dead_worker(it: Played) -> None:
    it.shell("unlock", it.lock(Verdict.DEAD).id)
    it.until_left("2 locks")
    it.shell("unlock", *(lock.id for lock in it.store.locks()))


def dead_worker_taken_over(it: Played) -> None:
    it.shell("worker", "--until-empty", "--", "cat")


def hung(it: Played) -> None:
    lock = it.lock(Verdict.LONG, Verdict.LIVE)
    assert it.store.counts().pending > 1, "others wait behind it"
    it.shell("unlock", "--force", "--park", lock.id)


def hung_and_its_worker_killed(it: Played) -> None:
    lock = it.lock(Verdict.LONG, Verdict.LIVE)
    os.kill(lock.owner.pid, signal.SIGKILL)
    it.until_left("its worker is dead")
    it.shell("unlock", lock.id)
    it.until_left("free to hang again")
    it.shell("fulfill", lock.id, "by hand")


def ghost(it: Played) -> None:
    assert "ghost" in it.said[0]["left"]
    it.shell("unlock", "--force", it.lock(Verdict.DEAD).id)


def full_disk(it: Played) -> None:
    assert it.store.views.lacks_room(1)
    it.shell("purge", "--older-than", "3650d", "--yes")
    assert it.store.views.lacks_room(1)
    it.shell("purge", "--older-than", "30d", "--yes")


def moved_store(it: Played) -> None:
    job_id = min(entry.id for entry in it.store.views.entries("pending"))
    link = Path(it.store.layout.pending_link(job_id))
    link.unlink()
    link.symlink_to(it.store.layout.link_text(job_id))
    it.until_left("11 links")
    it.shell("doctor", "--repair")


def poison(it: Played) -> None:
    job_id = it.lock(Verdict.DEAD).id
    it.shell("unlock", job_id)
    it.until_left("2 times")
    it.shell("park", job_id)


ANSWERS: list[tuple[str, Callable[[Played], None]]] = [
    ("dead-worker", dead_worker), ("dead-worker", dead_worker_taken_over), ("hung", hung),
    ("hung", hung_and_its_worker_killed), ("ghost", ghost), ("full-disk", full_disk), ("moved-store", moved_store),
    ("poison", poison),
]  # fmt: skip


def play(name: str, answer: Callable[[Played], None]) -> list[dict[str, Any]]:
    """Play one drill to its end; gives all that it said."""
    it = Played(name)
    try:
        answer(it)
        while it.said[-1]["state"] == "made":
            it.hear()
        assert it.process.wait(30) == 0
        return it.said
    finally:
        it.process.terminate()
        it.process.wait(30)
        for pipe in (it.process.stdout, it.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> Iterator[dict[Callable[[Played], None], Future[list[dict[str, Any]]]]]:
    """All that are asked for, some at a time."""
    wanted = [item.callspec.params.get("answer") for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {answer: pool.submit(play, name, answer) for name, answer in ANSWERS if answer in wanted}


@pytest.mark.parametrize(("name", "answer"), ANSWERS, ids=[answer.__name__ for _, answer in ANSWERS])
def test_it_is_solved_by_a_good_answer_and_not_before(
    played: dict[Callable[[Played], None], Future[list[dict[str, Any]]]], name: str, answer: Callable[[Played], None]
) -> None:
    try:
        said = played[answer].result()
    except EOFError as error:
        if "mounting is refused" in str(error):
            pytest.skip(str(error))
        raise
    first, last = said[0], said[-1]
    assert (first["incident"], first["state"], first["text"]) == (name, "made", DRILLS[name].trouble)
    assert (last["state"], last["left"], last["text"]) == ("solved", "", DRILLS[name].answer)
    assert not os.path.exists(os.path.dirname(first["directory"]))
    assert not processes_of(first["directory"])


def processes_of(directory: str) -> list[int]:
    """Processes whose command line names a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if directory.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_every_drill_has_an_answer_that_is_played() -> None:
    assert set(NAMES) == set(DRILLS) == {name for name, _ in ANSWERS}


def test_one_that_nobody_solves_says_so_and_leaves_nothing() -> None:
    done = subprocess.run(
        [*FSJOB, "demo", "--incident", "moved-store", "--headless", "--json", "--seconds", "0.5"],
        capture_output=True, text=True, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and [one["state"] for one in said] == ["made", "not solved"]
    assert said[-1]["left"] == "12 links lead elsewhere" and not os.path.exists(os.path.dirname(said[0]["directory"]))


def test_one_whose_command_is_killed_leaves_no_process() -> None:
    it = Played("poison")
    it.process.kill()
    it.process.wait()
    assert it.process.stdout is not None and it.process.stderr is not None
    it.process.stdout.close()
    it.process.stderr.close()
    deadline = time.monotonic() + 30
    while processes_of(it.store.directory) or os.path.exists(it.store.directory):
        assert time.monotonic() < deadline, processes_of(it.store.directory)
        time.sleep(0.05)
    assert not os.path.exists(os.path.dirname(it.store.directory))


def test_in_the_console_it_tells_what_is_wrong_and_that_it_is_solved() -> None:
    console = Terminal("demo", "--incident", "dead-worker", columns=120, lines=30)
    try:
        console.until("drill dead-worker  3 locks of a dead worker", 60)
        console.until("A worker was killed while it had three jobs")
        for left in ("2 locks of a dead worker", "1 lock of a dead worker", "solved in"):
            console.press("2")
            console.until("DEAD")
            console.press("xy")
            console.until(left, 30)
        console.until("A good answer: 2, then x and y releases a lock")
        console.press("q")
        assert console.process.wait(30) == 0
    finally:
        console.end()


def test_where_no_disk_can_be_mounted_the_full_one_says_so_in_one_line() -> None:
    done = subprocess.run(
        [*FSJOB, "demo", "--incident", "full-disk", "--headless"], capture_output=True, text=True,
        env={**ENVIRONMENT, "PATH": "/nowhere"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 1 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and "mounting is refused" in done.stderr
