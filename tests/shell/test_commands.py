"""Every command as a script uses it: help, JSON, exit codes, pipes, streams."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fsjob_core import JobStore
from fsjob_core.ledger import Tries
from fsjob_tui.cli import COMMANDS, fsjob, main

from ..conftest import scale
from .conftest import FSJOB, Shell
from .schemas import SCHEMAS, complaint

Inside = Callable[..., tuple[int, str, str]]


@pytest.fixture
def inside(store: JobStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inside:
    """Run `fsjob ARGUMENTS` in this process: exit code, what it printed, what it complained of."""
    monkeypatch.setenv("FSJOB_DIR", store.directory)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


# ── help ──


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_for_newcomers_with_an_example(name: str) -> None:
    command = fsjob.get_command(click.Context(fsjob), name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=f"fsjob {name}"))
    assert ("Example" in text and f"  fsjob {name}" in text) or name in ("console", "demo")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{name} {parameter.opts}"


# ── JSON ──


def prepare(store: JobStore) -> dict[str, list[str]]:
    """A store with something for each command; gives the arguments of each."""
    pending, parked, waiting, value, held, spare, torn = (store.create({"n": n}).id for n in range(7))
    Path(store.layout.state(torn)).write_text("{")
    for path in (store.layout.state(torn), store.layout.job(torn)):  # the doctor leaves alone what may be in the making
        os.utime(path, (1, 1))
    store.park(parked, "for a test")
    store.queue(waiting, {"mail": "a"})
    store.fulfill(waiting, "v")
    store.fulfill(value, "v")
    with store.pull_due_notification() as note:  # type: ignore[union-attr]
        note.settle([], [Tries({"mail": "a"}, 1, "no", 1.0, None)])
    os.mkdir(store.layout.work_lock(held))
    worker = {"name": "w", "host": "h", "pid": 1, "state": "idle", "boot": "x", "pidns": 1, "start": 1, "since": 1.5}
    Path(store.layout.worker("w")).write_text(str(worker).replace("'", '"'))
    return {
        "edit": [pending, "2"], "delete": [spare], "undo": [], "undo --list": [], "label": [], "doctor": [],
        "purge": ["--older-than", "1d", "--yes"],
        "create": ['{"a": 1}'], "ls": [], "ls locked": [], "show": [waiting, pending, held], "why": [waiting, parked],
        "value": [value], "fulfill": [pending, "v"], "queue": [pending, "1"], "unqueue": [pending, "1"],
        "requeue": [parked], "park": [parked], "locks": [], "unlock": [pending], "workers": [], "pause": [],
        "resume": [], "stats": [],
    }  # fmt: skip


def test_json_is_as_its_schema_says(store: JobStore, inside: Inside) -> None:
    arguments = prepare(store)
    unschemed = {"console", "demo", "worker", "notifier", "watch", "audit", "serve"}  # no JSON, or events, elsewhere
    assert set(COMMANDS) - unschemed <= {name.partition(" ")[0] for name in SCHEMAS}
    for name, schema in SCHEMAS.items():
        lines = [json.loads(line) for line in inside(*name.split(), *arguments[name], "--json")[1].splitlines()]
        assert lines, name
        for line in lines:
            assert complaint(schema, line) is None, f"{name}: {complaint(schema, line)}"


@pytest.mark.parametrize(("view", "wanted", "found"), [
    ("pending", "request.n:0", ["pending"]),
    ("pending", "is:locked", ["held"]),
    ("pending", "!is:locked !request.n:5", ["pending"]),
    ("parked", "error:test is:parked", ["parked"]),
    ("fulfilled", "value:v", ["waiting", "value"]),
    ("fulfilled", "target:mail", ["waiting"]),
    ("waiting", "is:fulfilled error:no", ["waiting"]),
    ("locked", "owner:node", ["held"]),
    ("locked", "request.n:4 is:pending", ["held"]),
    ("locked", "is:live request.n:5", []),
])  # fmt: skip
def test_a_listing_is_filtered(store: JobStore, inside: Inside, view: str, wanted: str, found: list[str]) -> None:
    prepare(store)
    numbers = {"pending": 0, "parked": 1, "waiting": 2, "value": 3, "held": 4, "spare": 5, "torn": 6}
    code, told, said = inside("ls", view, "--filter", wanted, "--json")
    assert code == 0
    listed = {store.get(json.loads(line)["id"]).request["n"] for line in told.splitlines()}
    assert listed == {numbers[name] for name in found}
    torn = view == "pending" and wanted != "is:locked"
    assert ("1 job cannot be read" in said) is torn, "and it does not match"


def test_prometheus_can_read_the_page(store: JobStore, inside: Inside) -> None:
    prepare(store)
    odd = {"name": 'w"\\\n{}', "host": "h", "pid": 1, "state": 'a"b\\c\nd', "boot": "x", "done": 7}
    Path(store.layout.worker("odd")).write_text(json.dumps(odd))
    page = inside("stats", "--prometheus")[1]
    families = {family.name: family for family in text_string_to_metric_families(page)}
    assert {"fsjob_jobs", "fsjob_locks", "fsjob_workers", "fsjob_worker_outcomes", "fsjob_paused"} < set(families)
    jobs = {sample.labels["view"]: sample.value for sample in families["fsjob_jobs"].samples}
    assert jobs == {name: float(count) for name, count in store.counts().as_dict().items()}
    outcomes = {(each.labels["worker"], each.labels["outcome"]): each.value
                for each in families["fsjob_worker_outcomes"].samples}  # fmt: skip
    assert outcomes[("odd", "done")] == 7
    assert families["fsjob_oldest_pending_seconds"].samples[0].value >= 0
    assert inside("stats", "--prometheus", "--json")[0] == 2


# ── exit codes ──


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["why", "PENDING"], 0),
        (["why", "missing"], 3),
        (["show", "PENDING", "missing"], 3),
        (["value", "PENDING"], 4),
        (["value", "../x"], 2),
        (["fulfill", "DONE", "v"], 4),
        (["requeue", "HELD"], 4),
        (["queue", "missing", "1"], 3),
        (["queue", "PENDING"], 2),
        (["ls", "nowhere"], 2),
        (["ls", "--filter", "a kind:x"], 2),
        (["console", "--filter", "is:"], 2),
        (["requeue", "--if-parked", "PENDING"], 4),
        (["requeue", "--if-parked", "DONE"], 4),
        (["nothing"], 2),
        (["create", "{"], 2),
        (["-C", "/nowhere", "ls"], 5),
        (["ls", "-C", "/nowhere"], 5),
        (["notifier", "-C", "/nowhere", "--", "true"], 5),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes(store: JobStore, inside: Inside, arguments: list[str], code: int) -> None:
    held, done, pending = (store.create(n).id for n in range(3))
    with store.pull_work() as work:  # type: ignore[union-attr]
        assert work.id == held
        store.fulfill(done, "v")
        names = {"PENDING": pending, "DONE": done, "HELD": held}
        ended, _, said = inside(*(names.get(word, word) for word in arguments))
    assert ended == code, said
    assert said.count("\n") == bool(code)


# ── pipes ──


def test_ids_come_and_go_through_pipes(store: JobStore, shell: Shell) -> None:
    made = shell("create", "--ndjson", "-", given=b"".join(b'{"n": %d}\n' % n for n in range(300)))
    ids = made.stdout.decode().split()
    assert len(set(ids)) == 300 and store.counts().pending == 300
    few = "\n".join(ids[:8]).encode()
    assert shell("park", "-", given=few).returncode == 0
    assert store.counts().parked == 8
    assert shell("requeue", "-", given=few + b"\n\nmissing\n").returncode == 3
    assert store.counts().parked == 0
    for command in (["show", "-"], ["why", "-"], ["queue", "-", "1"], ["fulfill", "-", "v"], ["value", "-"]):
        assert shell(*command, given=few).returncode == 0, command
    assert shell("fulfill", "-", "-", given=few).returncode == 2


def test_whoever_reads_a_few_lines_only_is_told_no_trouble(store: JobStore, shell: Shell) -> None:
    list(store.create_many(range(3000)))
    for command in (["ls"], ["ls", "--json"]):
        line = f'{" ".join(FSJOB)} {" ".join(command)} | head -n 1'
        ran = subprocess.run(["sh", "-c", line], capture_output=True, env=shell.environment)
        assert ran.stdout.count(b"\n") == 1 and ran.stderr == b""


def test_progress_shows_on_a_terminal_alone(store: JobStore, shell: Shell, tmp_path: Path) -> None:
    requests = tmp_path / "requests"
    requests.write_bytes(b'{"n": 1}\n' * 30)
    ids, shown = _on_a_terminal(shell, "create", "--ndjson", f"@{requests}")
    assert ids.count(b"\n") == 30 and b"jobs" in shown and b"30" in shown
    (tmp_path / "ids").write_bytes(ids)
    assert b"30" in _on_a_terminal(shell, "park", "-", given=ids)[1]
    assert b"30" in _on_a_terminal(shell, "requeue", "-", given=ids)[1]
    assert _on_a_terminal(shell, "park", ids.split()[0].decode())[1] == b""  # one alone is no progress
    assert shell("requeue", "-", given=ids).stderr == b""


def _on_a_terminal(shell: Shell, *arguments: str, given: bytes = b"") -> tuple[bytes, bytes]:
    """What was printed, and what a terminal that is standard error alone was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*FSJOB, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs, env=shell.environment
    )
    os.close(theirs)
    printed, _ = process.communicate(given, timeout=60)
    shown = b""
    try:
        while data := os.read(ours, 1 << 16):
            shown += data
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return printed, shown


# ── streams ──

MEASURED = """
import sys
from fsjob_tui.cli import main
try:
    main(sys.argv[1:])
finally:
    line = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))
    print('PEAK', int(line.split()[1]) << 10, file=sys.stderr)
"""
MOST = 64 << 20


def test_values_are_streamed_both_ways_in_little_memory(store: JobStore, shell: Shell, tmp_path: Path) -> None:
    size = scale(160 << 20, 1 << 30)
    given, got = tmp_path / "given", tmp_path / "got"
    with given.open("wb") as file:  # with holes: what counts is that it is read
        file.truncate(size)
        file.write(b"begin")
        file.seek(size - 3)
        file.write(b"end")
    ids = [store.create(n).id for n in range(2)]

    def peak(*arguments: str, **options: Any) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", MEASURED, *arguments], env=shell.environment, stderr=subprocess.PIPE, **options
        )
        assert ran.returncode == 0, ran.stderr
        return int(ran.stderr.split()[-1])

    peaks = [peak("fulfill", ids[0], f"@{given}", stdout=subprocess.DEVNULL)]
    with given.open("rb") as source:
        peaks.append(peak("fulfill", ids[1], "-", stdin=source, stdout=subprocess.DEVNULL))
    with got.open("wb") as output:
        peaks.append(peak("value", ids[1], stdout=output))
    print(f"\nstreams: {size >> 20} MiB, peaks {[each >> 20 for each in peaks]} MiB")
    assert max(peaks) < MOST
    for path in (store.layout.value(ids[0]), got):
        with open(path, "rb") as kept:
            assert kept.read(5) == b"begin" and kept.seek(0, 2) == size
            kept.seek(size - 3)
            assert kept.read() == b"end"


def test_how_long_ls_takes_on_a_small_store(store: JobStore, shell: Shell) -> None:
    list(store.create_many(range(20)))
    times = []
    for _ in range(5):
        began = time.monotonic()
        assert shell("ls").stdout.count(b"\n") == 20
        times.append(time.monotonic() - began)
    print(f"\nls: {min(times) * 1000:.0f} ms at best of 5")


# ── completion ──


@pytest.fixture
def words(shell: Shell, tmp_path: Path) -> Iterator[Any]:
    """What bash offers after `fsjob WORDS`, with the function that the README has sourced."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    script = bin_folder / "fsjob"
    script.write_text(f'#!/bin/sh\nexec {" ".join(FSJOB)} "$@"\n')
    script.chmod(0o755)
    environment = {**shell.environment, "PATH": f"{bin_folder}:{os.environ['PATH']}"}

    def complete(*given: str) -> list[str]:
        code = (
            'eval "$(_FSJOB_COMPLETE=bash_source fsjob)"; complete -p fsjob >&2; COMP_WORDS=("$@"); '
            'COMP_CWORD=$(($# - 1)); _fsjob_completion fsjob; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        ran = subprocess.run(
            ["bash", "-c", code, "bash", "fsjob", *given], capture_output=True, text=True, env=environment, timeout=60
        )
        assert "-F _fsjob_completion fsjob" in ran.stderr, ran.stderr
        return ran.stdout.split()

    yield complete


def test_bash_completes_commands_options_and_ids(store: JobStore, tmp_path: Path, words: Any) -> None:
    ids = sorted(store.create(n).id for n in range(3))
    assert words("notif") == ["notifier"]
    assert "--prometheus" in words("stats", "--")
    assert words("show", "") == ids
    assert words("show", ids[0], ids[1][:-1]) == [ids[1]]
    other = JobStore(tmp_path / "other", durability="process")
    there = other.create(1).id
    assert words("-C", other.directory, "why", "") == [there]
    assert words("why", "-C", other.directory, "") == [there]
    assert words("-C", "/nowhere", "why", "") == []


@pytest.mark.parametrize("kind", ["zsh", "fish"])
def test_other_shells_get_their_script(shell: Shell, kind: str) -> None:
    shell.environment["_FSJOB_COMPLETE"] = f"{kind}_source"
    ran = shell()
    assert ran.returncode == 0 and b"_FSJOB_COMPLETE" in ran.stdout.upper()
