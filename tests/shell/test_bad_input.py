"""What handlers and commands do wrong: nothing is lost, the reason is kept on the job, nothing is left running."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.errors import InvalidRequest, NotFulfilled
from fsjob_core.handlers import BadHandler, PythonHandler, PythonTeller
from fsjob_tui.commands.arguments import json_argument

from ..conftest import scale
from .conftest import Shell, Start, processes_with

BEHAVIOUR = r"""#!/bin/sh
read -r how
case $how in
'"never ends"') sleep 600;;
'"ignores SIGTERM"') trap '' TERM; while :; do sleep 1; done;;
'"leaves children"') sleep 600 & (sleep 600; :) & echo left;;
'"a child of its own session"') setsid sleep 600 & echo $! > "$PIDS"; sleep 0.5; echo left;;
'"dies by a signal"') kill -SEGV $$;;
'"closes its pipes"') exec 0<&- 1>&- 2>&-; sleep 0.2; exit 0;;
'"half a value"') printf half; exit 9;;
'"no text"') printf '\377\033[31m\n' >&2; exit 1;;
'"much to say"') yes complaint | head -c "$BYTES" >&2; echo "the end" >&2; exit 1;;
'"a large value"') yes value | head -c "$BYTES";;
esac
"""
PARKED = {
    "never ends": "it took over 1.5 s",
    "ignores SIGTERM": "it took over 1.5 s",
    "dies by a signal": "signal SIGSEGV",
    "half a value": "exit 9",
    "no text": "exit 1: \ufffd\x1b[31m",
}


def settled(store: JobStore) -> bool:
    counts = store.counts()
    return counts.pending == 0 and counts.locked == 0


def test_whatever_a_command_does_its_job_is_settled_and_nothing_is_left(
    store: JobStore, start: Start, tmp_path: Path
) -> None:
    script = tmp_path / "behave"
    script.write_text(BEHAVIOUR)
    script.chmod(0o755)
    size, mark = scale(64 << 20, 1 << 30), f"bad-{tmp_path}"
    fulfilled = {"leaves children": b"left\n", "a child of its own session": b"left\n", "closes its pipes": b""}
    ids = {how: store.create(how).id for how in (*PARKED, *fulfilled)}
    environment = {"MARK": mark, "BYTES": str(size), "PIDS": str(tmp_path / "pids")}
    arguments = ("--concurrency", "9", "--max-attempts", "1", "--timeout", "1.5")
    worker = start("worker", *arguments, "--", str(script), env=environment)
    worker.until(lambda: settled(store))
    for how, reason in PARKED.items():
        assert store.get(ids[how]).ours["parked"]["reason"] == reason
        with pytest.raises(NotFulfilled):
            store.read_value(ids[how])
    for how, value in fulfilled.items():
        assert store.read_value(ids[how]) == value
    os.kill(int((tmp_path / "pids").read_text()), signal.SIGKILL)  # what leaves its group is out of reach
    worker.until(lambda: len(processes_with(mark)) == 2)  # the worker and its undertaker
    assert os.listdir(store.layout.tmp) == []
    worker.tell()
    assert worker.wait() == 0
    assert store.locks() == []


def test_however_much_is_said_memory_stays_small(store: JobStore, start: Start, tmp_path: Path) -> None:
    script = tmp_path / "behave"
    script.write_text(BEHAVIOUR)
    script.chmod(0o755)
    size = scale(128 << 20, 1 << 30)
    says, gives = store.create("much to say").id, store.create("a large value").id
    worker = start("worker", "--max-attempts", "1", "--", str(script), env={"BYTES": str(size)})
    worker.until(lambda: settled(store), 300)
    error = store.get(says).ours["parked"]["reason"]
    assert error.startswith("exit 1: complaint\n") and error.endswith("the end") and len(error) < 2100
    with store.open_value(gives) as value:
        assert value.seek(0, 2) == size
    peak = _peak_memory(worker.process.pid)
    print(f"\nworker: {size >> 20} MiB said and as many given, peak {peak >> 20} MiB of memory")
    assert peak < 64 << 20


def _peak_memory(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("nowhere:work", "No module named 'nowhere'"),
        ("broken:work", "ZeroDivisionError"),
        ("leaving:work", "SystemExit"),
        ("fine:nothing", "no attribute 'nothing'"),
        ("fine:number", "is no function"),
        ("fine:later", "is a coroutine"),
        ("fine", "write package.module:function"),
    ],
)
def test_a_handler_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, handler: str, said: str
) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)")
    (tmp_path / "fine.py").write_text("number = 1\nasync def later(request): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for kind in (PythonHandler, PythonTeller):
        with pytest.raises(BadHandler) as caught:
            kind.named(handler)
        assert said in str(caught.value)


@pytest.mark.parametrize("command", ["worker", "notifier"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--", "no-such-command"], "'no-such-command' is no command"),
        ([], "what does the work?"),
        (["--handler", "nowhere:work"], "No module named 'nowhere'"),
        (["--name", "../x", "--", "true"], "cannot be a file's name"),
    ],
)
def test_a_command_that_cannot_be_used(
    store: JobStore, shell: Shell, command: str, arguments: list[str], said: str
) -> None:
    job_id = store.create(1).id
    ran = shell(command, *arguments)
    assert ran.returncode == 2 and ran.stderr.count(b"\n") == 1
    assert said in ran.stderr.decode()
    assert store.get(job_id).number("attempts") == 0 and store.workers() == []


def test_a_command_that_goes_away_costs_no_job_a_try(store: JobStore, start: Start, tmp_path: Path) -> None:
    script = tmp_path / "work"
    script.write_text("#!/bin/sh\necho done\n")
    script.chmod(0o755)
    worker = start("worker", "--", str(script))
    worker.until(lambda: store.workers())
    script.rename(tmp_path / "away")
    job_id = store.create(1).id
    worker.until("error")
    assert "No such file" in next(event["text"] for event in worker.events if event["kind"] == "error")
    assert store.get(job_id).number("attempts") == 0
    (tmp_path / "away").rename(script)
    worker.until("done")
    assert store.get(job_id).number("attempts") == 1


def test_a_job_that_kills_its_worker_each_time_is_parked(store: JobStore, start: Start) -> None:
    job_id = store.create("poison").id
    for attempt in range(1, 4):
        worker = start("worker", "--max-attempts", "3", "--retry-pause", "0.1", "--", "sh", "-c", "kill -9 $PPID")
        assert worker.wait() == -9
        assert store.get(job_id).number("attempts") == attempt
    last = start("worker", "--max-attempts", "3", "--", "true")
    last.until("parked")
    assert store.get(job_id).ours["parked"]["reason"] == "its worker died while it ran"


HANDLERS = """
import os, sys, time
def work(request):
    if request == "prints":
        print("x" * 1_000_000)
        return "printed"
    if request == "exits":
        sys.exit("over")
    if request == "hangs":
        time.sleep(600)
    if request == "object":
        return object()
    if request == "nan":
        return float("nan")
"""


def test_what_a_handler_in_python_does_wrong(store: JobStore, start: Start, tmp_path: Path) -> None:
    (tmp_path / "bad_handlers.py").write_text(HANDLERS)
    ids = {how: store.create(how).id for how in ("prints", "exits", "hangs", "object", "nan", "nothing")}
    worker = start(
        "worker", "--max-attempts", "1", "--timeout", "1", "--concurrency", "6", "--handler", "bad_handlers:work",
        cwd=tmp_path,
    )  # fmt: skip
    worker.until(lambda: settled(store))
    reasons: dict[str, Callable[[str], bool]] = {
        "exits": "SystemExit: over".__eq__,
        "hangs": "it took over 1 s".__eq__,
        "object": lambda reason: "no value that can be kept" in reason,
        "nan": lambda reason: "no value that can be kept" in reason,
    }
    for how, is_right in reasons.items():
        assert is_right(store.get(ids[how]).ours["parked"]["reason"]), how
    assert (store.read_value(ids["prints"]), store.read_value(ids["nothing"])) == (b"printed", b"null")
    worker.tell()
    assert worker.wait() == 0


@pytest.mark.parametrize("target", ["{", "nope", "", "NaN", "1e999", "[1,]", "'x'", '"\udcff"'])
def test_a_target_that_is_no_json(target: str) -> None:
    with pytest.raises(InvalidRequest):
        json_argument(target, "the target")


def test_a_target_that_is_no_json_is_refused_in_one_line(store: JobStore, shell: Shell) -> None:
    job_id = store.create(1).id
    ran = shell("queue", job_id, "nope")
    assert ran.returncode == 2 and ran.stderr.count(b"\n") == 1
    assert store.get(job_id).waiting == []


def test_a_waiting_list_that_is_none_holds_no_notifier_up(store: JobStore, shell: Shell) -> None:
    bad, good = store.create(1).id, store.create(2).id
    for job_id in (bad, good):
        store.queue(job_id, "a")
        store.fulfill(job_id, "v")
    Path(store.layout.state(bad)).write_text('{"version":0,"state":2,"waiting":"a","request":1}')
    assert shell("notifier", "--until-empty", "--", "true").returncode == 0
    assert store.get(good).waiting == []
