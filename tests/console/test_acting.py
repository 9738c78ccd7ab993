"""Acts of the console on a real store, its monitor a real process: what they do, and what is said of them before."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

from fsjob_core.masking import TOO_DEEP
from fsjob_core.operator import Operator
from fsjob_core.store import JobStore
from fsjob_tui.console.actions.ordering import order_by
from fsjob_tui.console.app import ConsoleApp
from fsjob_tui.console.canary import RunningCanary
from fsjob_tui.console.clipboard import copy
from fsjob_tui.console.embedded import EmbeddedWorker
from fsjob_tui.console.screens.dialogs import Countdown, Dialog, Lines
from fsjob_tui.console.screens.editors import Editor, WorkerCommand
from fsjob_tui.console.screens.picking import Pick
from fsjob_tui.console.screens.records import TargetEditor
from fsjob_tui.settings import Settings


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


async def until(pilot: Pilot[int], true: Callable[[], object]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, said(pilot.app)  # type: ignore[arg-type]
        await pilot.pause(0.02)


def wait_for(true: Callable[[], object]) -> None:
    """The same without a screen."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def said(app: ConsoleApp) -> str:
    """What a dialog says, in one line."""
    texts = (str(each.render()) for each in app.screen.query(Static))
    return " ".join(" ".join(texts).split()) if isinstance(app.screen, Dialog) else ""


def line(app: ConsoleApp, y: int) -> str:
    return "".join(text for text, _ in app._main.table.line(y))


async def test_what_waits_for_its_next_try_says_when_and_r_makes_it_due_now(store: JobStore) -> None:
    job = store.create({"type": "resize"})
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
        work.fail("no font", retry_in=3600)
    assert store.pull_work() is None
    app = ConsoleApp(store.directory)
    async with app.run_test() as pilot:
        await until(pilot, lambda: "due 59 min" in line(app, 1) or "due 60 min" in line(app, 1))
        await until(pilot, lambda: app._main.table.settled)
        await pilot.press("r", "y")
        await until(pilot, lambda: not store.get(job.id).number("not_before"))
    again = JobStore(store.directory).pull_work()  # the other one lets alone for a second what it has given back
    assert again is not None and again.id == job.id
    again.release()


async def test_a_lock_that_was_not_seen_for_ten_seconds_is_watched_and_escape_leaves_it(store: JobStore) -> None:
    job = store.create(1)
    lock = store.layout.work_lock(job.id)
    os.mkdir(lock)
    os.utime(lock, (1e9, 1e9))
    app = ConsoleApp(store.directory)
    async with app.run_test() as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "LATE" in line(app, 1) and app._main.table.settled)
        await pilot.press("x")
        assert "it is watched for up to 10 s, and left alone if it beats" in said(app)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Countdown) and " s left" in said(app))
        await pilot.press("escape")
        await until(pilot, lambda: app._main.acts.log)
        assert "not done: " in app._main.acts.log[0]
    assert os.path.isdir(lock)


async def test_all_workers_of_ours_pause_and_go_on(store: JobStore) -> None:
    store.create(1)
    app = ConsoleApp(store.directory)
    async with app.run_test() as pilot:
        await pilot.press("7", "P", "y")
        await until(pilot, lambda: app._main.model.overview is not None and app._main.model.overview.paused is not None)
        assert store.pull_work() is None
        await pilot.press("P")
        assert "resume" in said(app)
        await pilot.press("y")
        await until(pilot, lambda: app._main.model.overview and app._main.model.overview.paused is None)
    work = store.pull_work()
    assert work is not None
    work.release()


async def test_the_cursor_goes_to_another_group_and_the_dialogs_say_which_error_they_are_about(store: JobStore) -> None:
    for error, count in (("no font", 5), ("no glue", 3), ("no ink", 2)):
        for _ in range(count):
            store.park(store.create(1).id, error)
    app = ConsoleApp(store.directory)
    main = app._main
    async with app.run_test() as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(main.table.source) == 4 and main.table.settled)
        await pilot.press("j", "j", "r")
        assert "2 jobs: " in said(app) and "error no ink" in said(app)
        await pilot.press("y")
        await until(pilot, lambda: len(main.table.source) == 3)
        assert main.table.cursor == "no glue" and not main.table.settled
        await until(pilot, lambda: main.table.settled)
        for key in "rCD":
            await pilot.press(key)
            assert "error no glue" in said(app)
            await pilot.press("escape", "G", key)
            assert "all errors, whatever went wrong" in said(app)
            await pilot.press("escape", "a", key)
            assert "all errors" in said(app)
            await pilot.press("escape", "a", "g", "enter", "C")
            assert "5 jobs: " in said(app) and "error no font" in said(app)
            await pilot.press("escape", "escape", "j")
        for entry in list(store.views.entries("parked")):
            store.requeue(entry.id)
        await until(pilot, lambda: main.table.cursor is None)
        store.park(next(iter(store.views.entries("pending"))).id, "no glue")
        await until(pilot, lambda: main.table.cursor == "no glue")


async def test_the_log_tells_of_this_job_too_and_in_view_7_of_the_worker_here(store: JobStore) -> None:
    one, other = store.create(1), store.create(2)
    Operator(store, "ann").edit(one.id, 0, 3)
    Operator(store, "bob").edit(other.id, 0, 4)
    app = ConsoleApp(store.directory, worker="cat")
    async with app.run_test() as pilot:
        worker = app._main.worker
        assert worker is not None
        await until(pilot, lambda: worker.done == 2)
        await pilot.press("4")
        await until(pilot, lambda: app._main.shown_job() and app._main.table.settled)
        shown, who = app._main.shown_job(), {one.id: "ann", other.id: "bob"}
        await pilot.press("l")
        await until(pilot, lambda: "by anybody" in said(app))
        assert f"ACTS ON JOB {shown}" in said(app)
        assert who.pop(str(shown)) in said(app) and f" {who.popitem()[1]}@" not in said(app)
        await pilot.press("l", "7", "l")
        assert isinstance(app.screen, Lines) and said(app).count(" done ") == 2
        await pilot.press("escape")
        assert "worker here 0 now" in str(app._main.query_one("#store", Static).content)
        await pilot.press("w", "d")
        await until(pilot, lambda: not worker.alive)
        await until(pilot, lambda: "worker here" not in str(app._main.query_one("#store", Static).content))


async def test_what_is_masked_by_ones_own_settings_is_masked_of_those_who_wait_too(store: JobStore) -> None:
    job = store.create(1)
    store.queue(job.id, {"mail": "ops", "iban": "DE00", "password": "hush"})
    app = ConsoleApp(store.directory, settings=Settings(masked=("IBAN",)))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app._main.shown_job() and app._main.table.settled)
        for ask, tells in (("tell", "TELL AGAIN"), ("notify", "NOTIFY A TARGET")):
            await pilot.press("3")
            await until(pilot, lambda: line(app, 1).split() and app._main.table.settled)
            await app._main.action_do(ask)
            await until(pilot, lambda: "ops" in said(app))
            frame = str(app.screen.query_one("Dialog > Vertical").border_title)
            assert frame == tells and "DE00" not in said(app) and "hush" not in said(app), said(app)
            await pilot.press("escape")


async def test_the_order_by_what_must_be_read_is_reversed_whole(store: JobStore) -> None:
    tries = {job.id: 7 * number % 60 for number, job in enumerate(store.create_many(range(60)))}
    for job_id, count in tries.items():
        Path(store.layout.state(job_id)).write_bytes(store.get(job_id).with_ours(attempts=count).to_bytes())
    app = ConsoleApp(store.directory)
    async with app.run_test(size=(80, 24)) as pilot:
        main = app._main
        await until(pilot, lambda: len(main.table.source) == 60 and main.table.settled)
        by_tries = next(column for column in main.view.columns if column.title == "TRY")
        for reverse in (False, True, False):
            order_by(main, by_tries, reverse=reverse)
            wanted = sorted(range(60), reverse=reverse)
            await until(pilot, lambda wanted=wanted: [tries[main.table.source.key(n)] for n in range(60)] == wanted)  # type: ignore[misc]


async def test_no_dialog_stays_where_the_store_is_gone(store: JobStore) -> None:
    store.create(1)
    app = ConsoleApp(store.directory)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app._main.shown_job() and app._main.table.settled)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Editor) and app.screen.query(TextArea))
        app.screen.query_one(TextArea).text = "1\n2\n"
        shutil.rmtree(store.directory)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app._main.notice and "nothing was changed" in app._main.notice.text)
        await until(pilot, lambda: app.screen is app._main)


async def test_a_number_that_becomes_true_or_false_is_a_change(store: JobStore) -> None:
    job = store.create({"dry_run": 1, "all": [0]})
    app = ConsoleApp(store.directory)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app._main.shown_job() and app._main.table.settled)
        for version, text in enumerate(('{"dry_run": true, "all": [0]}', '{"dry_run": true, "all": [false]}'), 1):
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, Editor) and app.screen.query(TextArea))
            app.screen.query_one(TextArea).text = text
            await pilot.press("ctrl+s")
            await until(pilot, lambda version=version: store.get(job.id).version == version)  # type: ignore[misc]
    assert json.dumps(store.get(job.id).request) == text


async def test_of_a_group_of_parked_jobs_it_is_exported_since_when_and_no_line_is_named_that_does_something_else(
    store: JobStore, tmp_path: Path
) -> None:
    ids = [store.create(n).id for n in range(3)]
    for job_id in ids:
        store.park(job_id, "no ink" if job_id == ids[0] else "no font")
    since = {entry.id: entry.since for entry in store.views.entries("parked")}
    app = ConsoleApp(store.directory)
    async with app.run_test(size=(120, 30)) as pilot:
        main = app._main
        await until(pilot, lambda: main.model.errors.done == 3)
        await pilot.press("5")
        await until(pilot, lambda: "no font" in line(app, 1) and main.table.settled)
        await main.action_do("export")
        await until(pilot, lambda: "3 jobs: all. " in said(app))
        assert "ls parked --json" in said(app)
        await pilot.press("escape", "enter")
        await until(pilot, lambda: main.view.name == "parked-jobs" and len(main.table.source) == 2)
        await main.action_do("export")
        await until(pilot, lambda: "2 jobs: those shown here." in said(app))
        assert "shell" not in said(app) and "fsjob" not in said(app)
        await pilot.press("j")
        await until(pilot, lambda: app.screen.query(Input))
        app.screen.query_one(Input).value = str(tmp_path / "out")
        await pilot.press("enter")
        await until(pilot, lambda: main.notice and "2 lines" in main.notice.text)
        told = [json.loads(text) for text in (tmp_path / "out").read_text().splitlines()]
        assert {one["id"]: one["since"] for one in told} == {job_id: since[job_id] for job_id in ids[1:]}


# ── children ──


def test_a_worker_that_is_told_to_finish_ends_well(store: JobStore) -> None:
    worker = EmbeddedWorker(store.directory, WorkerCommand("true", 1, 5), lambda: None)
    worker.drain()
    wait_for(lambda: worker.log and "text" in worker.log[-1])
    assert worker.log[-1]["text"] == "exit 0"


def loud(request: object) -> str:
    """A handler that says more than a pipe holds."""
    sys.stderr.write("x" * 200_000 + "\nthe end\n")
    return "done"


def test_a_worker_that_says_more_than_a_pipe_holds_goes_on_and_the_last_of_it_is_kept(store: JobStore) -> None:
    jobs = [store.create(1), store.create(2)]
    worker = EmbeddedWorker(store.directory, WorkerCommand(f"{__name__}:loud", 1, 5), lambda: None)
    try:
        wait_for(lambda: all(store.get(job.id).fulfilled for job in jobs))
        worker.drain()
        wait_for(lambda: "text" in worker.log[-1])
        assert worker.log[-1]["text"].endswith("the end") and len(worker.log[-1]["text"]) <= 4_000
    finally:
        worker.stop()
        wait_for(lambda: not worker.alive)


def test_a_canary_with_more_notes_than_a_pipe_holds_is_told_to_have_ended(store: JobStore) -> None:
    ids = [f"{number:020}" for number in range(1000)]  # there is none of them, so that all are skipped
    ended: list[bool] = []
    canary = RunningCanary(store.directory, ids, 10, write=False, shell="", ended=lambda: ended.append(True))
    try:
        wait_for(lambda: ended)
        assert canary.progress.skipped == len(canary.notes) == 1000
        assert ids[0] in canary.notes[0] and ids[-1] in canary.notes[-1]
    finally:
        canary.hang_up()
        wait_for(lambda: not canary.alive)


# ── what is masked ──


@pytest.mark.parametrize(("ask", "begins"), [("create", "create @FILE"), ("notify", "queue ID TARGET")])
async def test_no_line_that_is_shown_or_kept_has_a_secret(store: JobStore, ask: str, begins: str) -> None:
    job = store.create(1)
    app = ConsoleApp(store.directory, settings=Settings(masked=("IBAN",)))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app._main.shown_job() and app._main.table.settled)
        await app._main.action_do(ask)
        await until(pilot, lambda: isinstance(app.screen, Editor) and app.screen.query(TextArea))
        for member in ("iban", "password"):
            app.screen.query_one(TextArea).text = f'{{"{member}": "hush"}}'
            await until(pilot, lambda: begins.replace("ID", job.id) in said(app))
            assert "hush" not in said(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app._main.acts.log)
        assert begins.replace("ID", job.id) in app._main.acts.log[0] and "hush" not in app._main.acts.log[0]


async def test_what_is_nested_too_deep_to_be_shown_says_so_and_is_told_of_all_the_same(store: JobStore) -> None:
    deep = json.loads("[" * 600 + "]" * 600)
    job = store.create(deep)
    store.queue(job.id, {"mail": "ops", "deep": deep})
    store.queue(job.id, deep)
    app = ConsoleApp(store.directory)
    async with app.run_test(size=(120, 30)) as pilot:
        main = app._main

        def told(text: str) -> bool:
            return main.notice is not None and text in main.notice.text

        def detail() -> str:
            return str(main.query_one("#detail > Static", Static).content)

        await until(pilot, lambda: "[[[" in line(app, 1) and TOO_DEEP in detail() and main.table.settled)
        await pilot.press("e")
        await until(pilot, lambda: told("its request is nested too deep to be shown; in a shell: fsjob -C"))
        await pilot.press("c", "f3")
        await until(pilot, lambda: told(f"the request of {job.id} is nested too deep to be shown"))
        app.screen.query_one(TextArea).text = json.dumps(deep)
        await until(pilot, lambda: "create @FILE" in said(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: store.counts().pending == 2)
        await pilot.press("home", "t")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("escape")
        await main.action_do("notify")
        await until(pilot, lambda: isinstance(app.screen, TargetEditor) and "waits [[[" in said(app))
        app.screen.query_one(TextArea).text = json.dumps(deep)
        await until(pilot, lambda: f"queue {job.id} TARGET" in said(app))
        await pilot.press("f2")
        await until(pilot, lambda: len(store.get(job.id).waiting) == 1)


# ── copying ──


def test_in_tmux_it_is_copied_to_its_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here")
    socket = str(tmp_path / "tmux")
    subprocess.run(["tmux", "-S", socket, "-f", "/dev/null", "new-session", "-d", "cat"], check=True)
    try:
        monkeypatch.setenv("TMUX", f"{socket},1,0")
        text, sent = 'a\n[bold]"ü"\x1b', list[str]()
        assert copy(text, sent.append) == "to tmux's buffer" and sent == []
        shown = subprocess.run(["tmux", "-S", socket, "show-buffer"], capture_output=True, check=True)
        assert shown.stdout == text.encode()
    finally:
        subprocess.run(["tmux", "-S", socket, "kill-server"], check=False)
    assert copy("x", sent.append).startswith("by OSC 52") and sent == ["x"], "where tmux does not answer"


async def test_what_is_copied_is_what_lies_there_and_it_is_said_what_and_how_much(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    job = store.create({"type": "x", "token": "hush"})
    store.fulfill(job.id, b"line\n[bold]two\n")
    app = ConsoleApp(store.directory)
    async with app.run_test(size=(80, 24)) as pilot:
        written: list[str] = []
        monkeypatch.setattr(app._driver, "write", written.append)
        await pilot.press("4")
        await until(pilot, lambda: "line" in line(app, 1) and app._main.table.settled)
        for key, text, what in (
            ("i", job.id, "the id copied: 20 B"),
            ("r", '{"type": "x", "token": "hush"}', "the request copied: 30 B"),
            ("v", "line\n[bold]two\n", "the value copied: 15 B"),
            ("s", f"fsjob -C {store.directory} show {job.id}", "the shell line copied"),
        ):
            await pilot.press("y", key)
            await until(pilot, lambda what=what: app._main.notice and what in app._main.notice.text)  # type: ignore[misc]
            assert written[-1] == f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"
    assert [entry["act"] for entry in Operator(store).audit(9)] == ["unmask"], "what is masked was seen"
