"""A standard output that is full, or closed: an error in one line, which says what was done all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT

HELP = ("-h", "--version", "ls -h")
PRINTS = ("show", "value", "ls", "stats --json", "queue --again", *HELP)


def fsjob(store: JobStore, line: str, where: str) -> tuple[int, str]:
    """The exit code, and what was complained of."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m fsjob_tui.cli {line} {where}"],
        capture_output=True, text=True, env={"FSJOB_DIR": store.directory, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == "" and "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


FULL = (">/dev/full", "No space left on device")
CLOSED = (">&-", "Bad file descriptor")


@pytest.mark.parametrize(("where", "why"), [FULL, CLOSED], ids=["full", "closed"])
def test_what_cannot_be_printed_is_told_in_a_line(store: JobStore, where: str, why: str) -> None:
    job = store.create(1)
    store.fulfill(job.id, "v")
    store.queue(job.id, "target")
    store.create(2)
    named = {"show": f"{job.id} {job.id}", "value": f"{job.id} {job.id}", "queue --again": f"{job.id} '\"target\"'"}
    for command in PRINTS:
        told = fsjob(store, f"{command} {named.get(command, '')}", where)
        assert told == (1, f"fsjob: standard output: {why}\n"), command


@pytest.mark.parametrize(("where", "why"), [FULL, CLOSED], ids=["full", "closed"])
def test_a_job_whose_id_cannot_be_printed_is_made_and_named(store: JobStore, where: str, why: str) -> None:
    code, complaint = fsjob(store, "create '{}'", where)
    (entry,) = store.views.entries("pending")
    assert code == 1
    assert complaint == f"fsjob: standard output: {why}; job {entry.id} was made, but its id could not be printed\n"
    code, complaint = fsjob(store, "create --ndjson - <<< $'1\\n2\\n3'", where)
    made = {entry.id for entry in store.views.entries("pending")} - {entry.id}
    assert code == 1 and len(made) == 3
    assert complaint.count("\n") == 1 and "`fsjob undo` takes all of them back" in complaint, complaint
    assert fsjob(store, "undo", ">/dev/null") == (0, "") and store.counts().pending == 1


def test_where_nothing_is_printed_a_closed_output_is_no_trouble(store: JobStore) -> None:
    for handler in ("--handler builtins:print", "-- cat"):
        job = store.create("x" * 20_000)  # more than is kept back before it is written
        assert fsjob(store, "worker --until-empty --max-attempts 1", f">&- 2>/dev/null {handler}")[0] == 0
        assert store.get(job.id).fulfilled, handler


def test_whoever_reads_no_further_ends_every_command_alike(store: JobStore) -> None:
    store.create(1)
    for command in ("ls", *HELP):
        assert fsjob(store, command, "| (exec <&-; sleep 0)")[0] in (0, 141), command
