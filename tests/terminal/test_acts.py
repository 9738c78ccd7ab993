"""An operator at the keys, in a real terminal, on a real store with real holders of its locks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT
from ..interop.conftest import Process
from .conftest import Open


def audit(store: JobStore) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(store.layout.audit).read_text().splitlines()]


def holder(store: JobStore, name: str = "bundler-3") -> subprocess.Popen[str]:
    """Another process that holds the oldest job."""
    script = (
        "import sys\nfrom fsjob_core.store import JobStore\n"
        f"work = JobStore({store.directory!r}, durability='process', worker_name={name!r}).pull_work()\n"
        "work.oncompromised = lambda lease: print('compromised', flush=True)\n"
        "print(work.id, flush=True)\nsys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline()
    return process


def hold_and_die(store: JobStore) -> None:
    """Leave the lock of a dead holder at the oldest job."""
    dead = holder(store)
    dead.kill()
    dead.wait()


def test_each_view_shows_what_the_directory_holds_within_a_second(store: JobStore, open_console: Open) -> None:
    console = open_console()
    job = store.create({"type": "resize", "w": 640})
    assert console.until('resize {"w":640}') < 1
    jobs, root = Path(store.layout.jobs), Path(store.directory)
    by_hand = jobs / "job-by-hand"
    by_hand.mkdir()
    (by_hand / "state.json").write_text('{"version":0,"state":1,"waiting":["mail"],"request":{"name":"hand"}}')
    (root / "pending" / "job-by-hand").symlink_to("../jobs/job-by-hand")
    assert console.until("job-by-hand") < 1
    console.press("3")
    console.until("nobody waits")
    (root / "waiting" / "job-by-hand").symlink_to("../jobs/job-by-hand")
    assert console.until("job-by-hand") < 1
    console.press("5")
    console.until("no job was given up")
    (root / "pending" / "job-by-hand").rename(root / "parked" / "job-by-hand")
    assert console.until("job-by-hand") < 1
    console.press("4")
    console.until("no job is fulfilled yet")
    store.fulfill(job.id, b"the value of it")
    assert console.until("the value of it") < 1
    console.press("2")
    console.until("no lock stands")
    (root / "waiting" / "job-by-hand.lock").mkdir()
    assert console.until("job-by-hand", 3) < 2


def test_a_dead_workers_job_moves_in_three_keys(store: JobStore, open_console: Open) -> None:
    job = store.create(1)
    hold_and_die(store)
    console = open_console()
    console.press("2")
    console.until("DEAD")
    console.until("is gone on this host")
    console.press("x")
    console.until("RELEASE")
    console.press("x")
    console.press("\r")
    console.read(0.4)
    assert os.path.isdir(store.layout.work_lock(job.id)), "neither the asking key nor enter confirms"
    console.press("y")
    console.until("is released")
    assert not os.path.exists(store.layout.work_lock(job.id))
    line = audit(store)[-1]
    assert (line["act"], line["id"], line["done"], line["via"]) == ("release", job.id, True, "console")


def test_a_job_that_is_taken_again_while_one_asks_is_not_parked_and_it_is_said_how(
    store: JobStore, open_console: Open
) -> None:
    job = store.create(1)
    hold_and_die(store)
    console = open_console()
    console.until("dead")
    console.press("p")
    console.until("RELEASE AND PARK")
    again = holder(store, "bundler-4")
    console.press("y")
    console.until("bundler-4 has taken it again meanwhile: P pauses taking first, then p parks it")
    assert store.counts().parked == 0
    again.kill()
    again.wait()
    console.press("P")
    console.until("PAUSE")
    console.press("y")
    console.until("PAUSED")
    console.until("dead")
    console.press("p")
    console.until("RELEASE AND PARK")
    console.press("y")
    console.until("and the job is parked")
    assert job.id in os.listdir(store.layout.parked)


def test_a_live_lock_is_not_taken_without_the_typed_word(store: JobStore, open_console: Open) -> None:
    job = store.create(1)
    live = holder(store)
    console = open_console()
    console.press("2")
    console.until("LIVE")
    console.press("x")
    console.until("TAKE A LIVE JOB AWAY")
    console.until("bundler-3")
    console.press("y\r")
    console.read(0.5)
    assert os.path.isdir(store.layout.work_lock(job.id))
    console.press("\x7f\x7f")
    console.press("bundler-3\r")
    console.until("s left")
    assert store.pull_work() is None, "barred: nobody takes it"
    console.until("is released", 12)
    assert live.stdout is not None and live.stdout.readline() == "compromised\n"
    assert store.counts().parked == 1
    live.kill()


def test_a_live_node_workers_lock_is_taken_by_the_end_of_the_id_and_it_is_told(
    store: JobStore, open_console: Open, node_driver: Callable[..., list[str]], tmp_path: Path
) -> None:
    job = store.create(1)
    node = Process(node_driver("hold", store.directory, ""), tmp_path / "node-tmp")
    try:
        node.until("pulled")
        console = open_console()
        console.press("2")
        console.until("no owner (Node?)")
        console.press("x")
        console.until("the end of the job's id")
        console.press("wrong\r")
        console.read(0.3)
        assert os.path.isdir(store.layout.work_lock(job.id))
        console.press("\x7f" * 5 + job.id[-5:] + "\r")
        assert node.until("compromised", 8)["compromised"] == job.id
        console.until("is released", 12)
    finally:
        node.kill()


def test_create_with_the_place_of_an_error_then_fulfill_run_again_and_park(
    store: JobStore, open_console: Open
) -> None:
    console = open_console()
    console.press("c")
    console.until("CREATE A JOB")
    console.press('{"type": x}')
    console.until("line 1, column 10")
    console.press("\x13")
    console.read(0.3)
    assert store.counts().pending == 0, "what is no JSON is not made"
    console.press("\x7f\x7f7}\x13")
    console.until(lambda: store.counts().pending == 1)
    job_id = next(iter(store.views.entries("pending"))).id
    assert store.get(job_id).request == {"type": 7}

    console.until('{"type":7}')
    console.press("r")
    console.until("only a parked or fulfilled job is run again")
    console.press("F")
    console.until("FULFILL BY HAND")
    console.press("forty-two\x13")
    console.until("is fulfilled")
    assert store.read_value(job_id) == b"forty-two"

    console.press("4")
    console.until("forty-two")
    console.press("r")
    console.until("in place")
    console.press("n")
    console.until("with the request of")
    assert store.counts().pending == 1 and store.counts().fulfilled == 1
    console.press("r")
    console.until("RUN AGAIN")
    console.press("i")
    console.until("version 1")
    assert store.counts().pending == 2

    console.until("1 Pending 2")
    console.press("1 ")
    console.until("marked")
    console.press("a")
    console.until("2 marked")
    console.press("p")
    console.until("2 jobs")
    console.press("y")
    console.until("park: done 2, skipped 0, failed 0")
    assert store.counts().parked == 2
    acts = [line["act"] for line in audit(store)]
    assert acts == ["create", "fulfill", "create", "requeue", "park", "park"]


def test_what_was_asked_about_is_what_is_acted_on(store: JobStore, open_console: Open) -> None:
    first, second = store.create(1), store.create(2)
    console = open_console()
    console.until(second.id[-4:])
    console.press("p")
    console.until("PARK")
    store.fulfill(first.id, b"done meanwhile")
    console.read(1.0)
    console.press("y")
    console.until("there is nothing to park")
    assert store.counts().parked == 0 and not store.get(second.id).fulfilled


def test_read_only_acts_on_nothing(store: JobStore, open_console: Open) -> None:
    store.create(1)
    console = open_console("--read-only")
    console.until("read-only")
    for key in ("p", "c", "F", "y"):
        console.press(key)
        console.read(0.3)
    assert "PARK" not in console.text and "CREATE" not in console.text
    assert store.counts().pending == 1
    assert not os.path.exists(store.layout.audit)


def test_the_worker_in_the_console_works_and_ends_with_it(store: JobStore, open_console: Open) -> None:
    for _ in range(3):
        store.create({"n": 1})
    console = open_console()
    console.press("w")
    console.until("START A WORKER")
    for keys in ("cat", "\r", "\r", "\r"):
        console.press(keys)
        console.read(0.3)
    console.until("a worker runs")
    console.press("7")
    console.until("3 done, 0 failed")
    assert store.counts().fulfilled == 3
    console.press("q")
    console.until("LEAVE")
    console.press("y")
    console.process.wait(10)
    deadline = time.monotonic() + 10
    while any(worker.state != "gone" for worker in store.workers()):
        assert time.monotonic() < deadline, "it ends with the console"
        time.sleep(0.1)


@pytest.mark.parametrize(("columns", "lines"), [(60, 15), (80, 24), (120, 30), (200, 50)])
def test_it_is_usable_at_every_size(store: JobStore, open_console: Open, columns: int, lines: int) -> None:
    job = store.create({"type": "resize"})
    console = open_console(columns=columns, lines=lines)
    console.until("? all keys")
    console.until("resize")
    assert job.id[-4:] in console.text
    for key, there in (("2", "no lock"), ("3", "nobody waits"), ("7", "no worker"), ("1", "resize"), ("?", "KEYS")):
        console.press(key)
        console.until(there)


def test_a_terminal_of_no_size_and_back(store: JobStore, open_console: Open) -> None:
    store.create({"type": "resize"})
    console = open_console()
    console.resize(1, 1)
    console.read(0.5)
    console.resize(80, 24)
    console.until("resize")
    console.press("q")
    assert console.process.wait(10) == 0


def test_a_closed_terminal_ends_the_console(store: JobStore, open_console: Open) -> None:
    console = open_console()
    console.close()
    console.process.wait(10)


def test_ctrl_c_twice_leaves_once_does_not(store: JobStore, open_console: Open) -> None:
    console = open_console()
    console.press("\x03")
    console.until("again within")
    assert console.process.poll() is None
    console.press("\x03")
    assert console.process.wait(10) == 0


def test_a_directory_that_is_no_store_is_made_one_only_when_told(tmp_path: Path) -> None:
    from .terminal import Terminal

    console = Terminal("console", str(tmp_path / "new"))
    try:
        console.until("does not exist")
        assert not (tmp_path / "new").exists()
        console.press("c")
        console.until("MAKE A STORE")
        console.press("y")
        console.until("The store is empty")
        assert (tmp_path / "new" / "jobs").is_dir()
    finally:
        console.end()


def test_a_store_that_vanishes_is_told_and_followed_when_it_is_back(store: JobStore, open_console: Open) -> None:
    import shutil

    job = store.create(1)
    console = open_console()
    console.until(job.id[-4:])
    shutil.rmtree(store.directory)
    console.until("does not exist", 5)
    again = JobStore(store.directory, durability="process").create({"type": "again"})
    console.until(again.id[-4:], 5)
    assert job.id[-4:] not in console.text
