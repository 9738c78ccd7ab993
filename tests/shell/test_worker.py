"""`fsjob worker` as operators know it: signals, names, pauses, a service manager, hints."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.systemd import ServiceManager

from ..conftest import need
from .conftest import FSJOB, Shell, Start, processes_with


def test_a_command_gets_the_request_and_gives_the_value(store: JobStore, shell: Shell) -> None:
    job = store.create({"n": 1})
    script = 'cat; echo " $FSJOB_ID $FSJOB_DIR $FSJOB_ATTEMPT $FSJOB_VERSION"'
    ran = shell("worker", "--until-empty", "--json", "--", "sh", "-c", script)
    assert ran.returncode == 0
    assert store.read_value(job.id).decode() == f'{{"n":1}} {job.id} {store.directory} 1 0\n'
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [event["kind"] for event in events] == ["started", "done", "ended"]
    assert events[1]["size"] == len(store.read_value(job.id))


def test_what_failed_is_tried_again_after_growing_pauses_kept_on_the_disk(store: JobStore, start: Start) -> None:
    job_id = store.create(1).id
    worker = start("worker", "--max-attempts", "3", "--retry-pause", "1", "--", "sh", "-c", "echo no >&2; exit 3")
    worker.until("failed")
    first = store.get(job_id)
    assert first.text("last_error") == "exit 3: no"
    assert 0.3 < first.number("not_before") - first.number("started") < 2
    worker.until("parked")
    assert worker.kinds(job_id) == ["started", "failed", "started", "failed", "started", "parked"]
    ends = [event["at"] for event in worker.events if event["kind"] == "failed"]
    begins = [event["at"] for event in worker.events if event["kind"] == "started"]
    assert begins[1] >= ends[0] + 0.4 and begins[2] >= ends[1] + 0.9
    assert store.get(job_id).ours["parked"]["reason"] == "exit 3: no"


def test_a_second_worker_of_one_name_gets_another(store: JobStore, start: Start) -> None:
    workers = [start("worker", "--name", "render", "--", "true") for _ in range(3)]
    workers[0].until(lambda: len(store.workers()) == 3)
    assert {worker.name for worker in store.workers()} == {"render", "render-2", "render-3"}
    for worker in workers:
        worker.tell()
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert store.workers() == []


def test_a_pause_is_honoured_and_ends_at_once(store: JobStore, start: Start) -> None:
    store.pause("for a test")
    worker = start("worker", "--", "true")
    worker.until(lambda: [each.state for each in store.workers()] == ["paused"])
    job_id = store.create(1).id
    store.resume()
    worker.until(lambda: worker.kinds(job_id) == ["started", "done"])


def test_until_empty_a_pause_is_no_end(store: JobStore, start: Start) -> None:
    job_id = store.create(1).id
    store.pause("a disk is replaced")
    worker = start("worker", "--until-empty", "--", "cat")
    worker.until("paused")
    assert worker.events[-1]["text"] == "the store is paused: a disk is replaced; waiting for `fsjob resume`"
    time.sleep(1.5)  # it looks again each second
    assert worker.process.poll() is None
    store.resume()
    assert worker.wait() == 0 and store.get(job_id).fulfilled


def test_a_new_job_is_taken_by_its_hint_and_a_due_one_by_its_time(store: JobStore, start: Start) -> None:
    worker = start("worker", "--retry-pause", "1.2", "--", "sh", "-c", 'test "$FSJOB_ATTEMPT" -gt 1')
    worker.until(lambda: store.workers())
    job_id = store.create(1).id
    worker.until("done")
    assert worker.kinds(job_id) == ["started", "failed", "started", "done"]


# ── how it ends ──


def test_sigterm_drains(store: JobStore, start: Start, tmp_path: Path) -> None:
    first, second = store.create(1).id, store.create(2).id
    worker = start("worker", "--", "sh", "-c", f"until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo done")
    worker.until("started")
    worker.tell()
    worker.until("draining")
    worker.until(lambda: [each.state for each in store.workers()] == ["draining"])
    (tmp_path / "go").touch()
    assert worker.wait() == 0
    assert store.get(first).fulfilled and not store.get(second).fulfilled
    assert store.locks() == [] and store.workers() == []


def test_a_second_sigterm_ends_what_runs_and_gives_it_back(store: JobStore, start: Start, tmp_path: Path) -> None:
    job_id = store.create(1).id
    worker = start("worker", "--", "sh", "-c", "sleep 600 & sleep 600", env={"MARK": f"second-{tmp_path}"})
    worker.until("started")
    for _ in range(2):
        worker.tell()
        worker.until("draining")
    assert worker.wait() == 0
    assert store.get(job_id).number("attempts") == 0 and store.locks() == []
    assert processes_with(f"second-{tmp_path}") == []


def test_ctrl_c_ends_with_130(store: JobStore, start: Start) -> None:
    worker = start("worker", "--", "true")
    worker.until(lambda: store.workers())
    worker.tell(signal.SIGINT)
    assert worker.wait() == 130


def test_a_terminal_that_closes_ends_it_with_leases_released_and_commands_gone(
    store: JobStore, shell: Shell, tmp_path: Path
) -> None:
    tmux, mark = need("tmux"), f"hangup-{tmp_path}"
    job_id = store.create(1).id
    socket_name = f"fsjob-{os.getpid()}"
    # with so short a drain the test need not wait for the 22 seconds that a hangup gives otherwise
    line = [*FSJOB, "worker", "--drain-timeout", "1", "--", "sh", "-c", "trap '' HUP; sleep 600 & sleep 600"]
    subprocess.run(
        [tmux, "-L", socket_name, "-f", "/dev/null", "new-session", "-d", *line],
        env={**shell.environment, "MARK": mark}, check=True,
    )  # fmt: skip
    try:
        _until(lambda: store.get(job_id).number("attempts") == 1)
        assert len(processes_with(mark)) > 2
        subprocess.run([tmux, "-L", socket_name, "kill-session"], check=True)
        _until(lambda: not store.locks() and not store.workers())
        _until(lambda: processes_with(mark) == [])
        assert store.get(job_id).number("attempts") == 0
    finally:
        subprocess.run([tmux, "-L", socket_name, "kill-server"], capture_output=True)


def _until(true: object, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_on_a_terminal_it_speaks_to_people(store: JobStore, shell: Shell) -> None:
    job_id = store.create(1).id
    from ..terminal.terminal import Terminal

    terminal = Terminal("worker", "--until-empty", "--", "echo", "\x1b[31m", FSJOB_DIR=store.directory)
    terminal.until(f"{job_id} done")
    assert "{" not in terminal.text
    terminal.end()


# ── a service manager ──


class Manager:
    """What a service manager hears."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.socket.settimeout(30)
        self.environment = {"NOTIFY_SOCKET": address}

    def hear(self) -> str:
        return self.socket.recv(100).decode()


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_a_service_manager_hears_ready_watchdog_and_stopping(
    store: JobStore, start: Start, tmp_path: Path, kind: str
) -> None:
    address = str(tmp_path / "notify") if kind == "path" else f"@fsjob-test-{os.getpid()}"
    manager = Manager(address)
    script = 'test -z "$NOTIFY_SOCKET$WATCHDOG_USEC"'  # that is the worker's alone
    worker = start("worker", "--", "sh", "-c", script, env={**manager.environment, "WATCHDOG_USEC": "600000"})
    assert [manager.hear() for _ in range(3)] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    assert [each.state for each in store.workers()] == ["idle"]
    job_id = store.create(1).id
    worker.until(lambda: worker.kinds(job_id)[-1:] == ["done"])
    worker.tell()
    heard = []
    while "STOPPING=1" not in heard:
        heard.append(manager.hear())
    assert set(heard) <= {"WATCHDOG=1", "STOPPING=1"}
    assert worker.wait() == 0
    manager.socket.settimeout(0.01)
    with pytest.raises(TimeoutError):
        manager.hear()
    manager.socket.close()


def test_a_watchdog_of_another_process_is_not_ours(tmp_path: Path) -> None:
    manager = Manager(str(tmp_path / "notify"))
    theirs = ServiceManager({**manager.environment, "WATCHDOG_USEC": "10", "WATCHDOG_PID": "1"}, pid=2)
    theirs.beat(5.0)
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, 2).ready()
    ServiceManager({"NOTIFY_SOCKET": "relative", "WATCHDOG_USEC": "x"}, 2).ready()
    theirs.ready()
    assert manager.hear() == "READY=1"
    manager.socket.close()


def test_a_worker_that_is_killed_leaves_no_command_behind(store: JobStore, start: Start, tmp_path: Path) -> None:
    store.create(1)
    mark = f"killed-{tmp_path}"
    worker = start("worker", "--", sys.executable, "-c", "import time; time.sleep(600)", env={"MARK": mark})
    worker.until("started")
    worker.until(lambda: len(processes_with(mark)) == 3)  # itself, the command, the undertaker
    worker.tell(signal.SIGKILL)
    worker.wait()
    worker.until(lambda: processes_with(mark) == [])
