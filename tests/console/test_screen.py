"""What the parts of the screen show at each size: columns, tabs, the detail and its times. No disk, no process."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from textual.containers import Vertical

from fsjob_core.facts import Counts, Entry, Verdict
from fsjob_core.feed import Delta, Details, Locks, RowDetail
from fsjob_core.health import StoreFacts, judge_store
from fsjob_core.masking import Hiding
from fsjob_tui.console.embedded import EmbeddedWorker
from fsjob_tui.console.headings import verdict_parts
from fsjob_tui.console.model import Model
from fsjob_tui.console.screens.editors import WorkerCommand
from fsjob_tui.console.screens.requests import RequestEditor
from fsjob_tui.console.views import VIEWS
from fsjob_tui.console.views.column import Column, fit, gaps
from fsjob_tui.console.widgets.panes import Pane, job_pieces

from .stage import NOW, console, job_id, lock, opened, still, store
from .test_lines import text


@pytest.mark.parametrize("name", VIEWS)
def test_columns_go_by_what_they_are_worth_and_never_wrap(name: str) -> None:
    columns, gone = VIEWS[name].columns, set[Column]()
    for width in range(220, 20, -1):
        fitted = fit(columns, width)
        kept = [column for column, _ in fitted]
        assert sum(cells for _, cells in fitted) + gaps(kept) <= width or len(kept) == 2
        left = set(columns) - set(kept)
        if width != 99:  # where the id gets shorter there is room for others again
            assert gone <= left, f"{width}: one came back"
        assert max((column.worth for column in left), default=0) <= min(column.worth for column in kept), width
        gone = left
    assert gone < set(columns)


async def test_the_detail_stands_beside_the_table_from_100_columns_on_and_else_in_its_place() -> None:
    with still():
        for columns, beside in ((99, False), (100, True)):
            app = console()
            async with app.run_test(size=(columns, 24)) as pilot:
                await pilot.pause(0.1)
                detail = app._main.query_one("#detail", Pane)
                assert (app._main.table.size.width > 0, detail.display) == (True, beside)
                await pilot.press("enter")
                assert (app._main.query_one("#left").display, detail.display) == (beside, True)


async def test_no_filter_changes_the_totals_of_the_tabs() -> None:
    with still():
        app = console()
        async with app.run_test(size=(120, 30)) as pilot:
            await pilot.pause(0.1)
            tabs = text(app, "tabs")
            assert "1 Pending 1,204" in tabs and "5 Parked 3" in tabs
            app._main.model.narrowed.set_filter(job_id(7))
            app._main.filter_changed()
            assert f"/{job_id(7)} 1 of 1,204" in text(app, "rates") and text(app, "tabs") == tabs


async def test_a_screen_on_which_nothing_changes_is_looked_at_every_fifth_second_until_something_does() -> None:
    with still():
        app = console()
        async with app.run_test(size=(120, 30)) as pilot:
            await pilot.pause(0.1)
            screen, looks = app._main, list[int]()
            for second in range(1, 21):
                with patch.object(screen.table, "repaint", lambda second=second: looks.append(second)):
                    screen.tick()
            assert looks == [1, 2, 3, 4, 5, 10, 15, 20]
            screen.tell("something")
            with patch.object(screen.table, "repaint", lambda: looks.append(21)):
                screen.tick()
            assert looks[-1] == 21


def test_times_are_told_exactly_in_utc_and_as_they_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XST-5:30")
    time.tzset()
    try:
        told = "".join(piece for piece, _ in job_pieces(opened(0), NOW, unmasked=False, directory="/store"))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "08:59:44 UTC  3 h ago" in told and "14:29:44 XST" in told


def test_a_run_time_that_nobody_wrote_is_not_guessed() -> None:
    model = Model("/store")
    took = next(column for column in VIEWS["fulfilled"].columns if column.title == "TOOK")
    for known, shown in ((None, "?"), (3.1, "3.1 s")):
        model.apply(Details((RowDetail("job", fulfilled=True, took=known),)))
        assert took.cell(model, "job", NOW).text == shown


def test_of_who_waits_the_lock_of_who_tells_is_shown_else_of_who_works() -> None:
    model, view = Model("/store"), VIEWS["waiting"]
    shown = {column.title: column for column in view.columns}
    model.apply(Delta("waiting", came=(Entry(job_id(3), NOW),), reset=True))
    work, note = lock(3, Verdict.LIVE, "bundler-1", 2, 4), lock(3, Verdict.DEAD, "bundler-3", 41, 58, "notification")
    for locks, words, sign in (((), "", ""), ((work,), "live", "●"), ((work, note), "dead", "▲")):
        model.apply(Locks(locks))
        assert shown["LOCK"].cell(model, job_id(3), NOW).text == words
        assert shown[""].cell(model, job_id(3), NOW).text == sign
        held = view.lock_of(model, job_id(3))
        assert (held.verdict if held is not None else None) == (locks[-1].info.verdict if locks else None)


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (80, 20), (80, 28), (120, 40)])
async def test_the_keys_of_an_editor_are_in_sight_however_much_it_says(size: tuple[int, int]) -> None:
    with still():
        app = console()
        async with app.run_test(size=size) as pilot:
            lines = [f"line {number}" for number in range(30)]
            text = json.dumps({"path": "/srv/" * 60}, indent=2)
            editor = RequestEditor("EDIT", lines, text, lambda edited: f"fsjob edit {edited.text}", Hiding({}))
            await app.push_screen(editor)
            await pilot.pause(0.1)
            foot, box = editor.query_one(".foot"), editor.query_one(Vertical)
            assert box.content_region.contains_region(foot.region) and foot.region.height >= 1
            assert editor.area.size.height >= 3 and editor.query_one(".lines").size.height >= 2


async def test_the_pane_below_begins_at_its_top_after_a_log_was_followed_to_its_end(tmp_path: Path) -> None:
    with still():
        app = console()
        async with app.run_test(size=(80, 24)) as pilot:
            app._main.worker = worker = EmbeddedWorker(str(tmp_path), WorkerCommand("true", 1, 5), lambda: None)
            worker.log.extend({"kind": "done", "text": f"number {number} " * 20} for number in range(50))
            below = app._main.query_one("#below", Pane)
            await pilot.press("7")
            await pilot.pause(0.2)
            assert below.scroll_y > 0
            await pilot.press("2")
            await pilot.pause(0.2)
            assert below.scroll_y == 0 and below.max_scroll_y > 0
            worker.hang_up()


def test_the_detail_tells_the_size_of_the_request_itself() -> None:
    job = opened(0)
    assert job.detail.record is not None
    for request, size in (([], "2 B"), ({"n": 1}, "7 B"), ("é\ud800", "7 B")):
        record = replace(job.detail.record, request=request)
        told = job_pieces(replace(job, detail=replace(job.detail, record=record)), NOW, unmasked=False, directory="/s")
        assert f"request  {size}\n" in "".join(piece for piece, _ in told)


def test_a_size_that_is_not_known_is_not_told_as_none() -> None:
    model = Model("/store")
    model.apply(Details((RowDetail("a", problem="too large"),)))
    size = next(column for column in VIEWS["fulfilled"].columns if column.title == "SIZE")
    assert size.cell(model, "a", NOW).text == "?"
    model.apply(Details((RowDetail("a", value_size=0),)))
    assert size.cell(model, "a", NOW).text == "0 B"


@pytest.mark.parametrize(
    ("columns", "facts", "said"),
    [
        (80, {}, "STALLED: none finished for 59 min; no worker is signed in"),
        (80, {"workers": 12}, "STALLED: none finished for 59 min; no job taken for 59 min"),
        (120, {}, "no worker is signed in, no job taken for 59 min; 4 parked"),
    ],
)
def test_why_a_store_is_stalled_is_told_at_80_columns(columns: int, facts: dict[str, int], said: str) -> None:
    stalled = StoreFacts(
        Counts(pending=3, parked=4), (), None, 0.0, 0.0, since_finished=3599.0, since_pulled=3599.0, oldest=3599.0,
    )  # fmt: skip
    verdict = judge_store(replace(stalled, **facts))  # type: ignore[arg-type]
    model = Model("/store")
    for message in store(verdict=verdict):
        model.apply(message)
    assert said in "".join(part.text for part in verdict_parts(model, columns))


def test_the_words_of_an_empty_view_fit_into_80_columns() -> None:
    assert [view.name for view in VIEWS.values() if len(view.empty) > 76] == []
