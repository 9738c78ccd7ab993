"""What the lines around the table never lose, however narrow they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.widgets import Static

from fsjob_core.facts import Entry, Mood, StoreVerdict
from fsjob_core.feed import Delta, Details, Locks, Overview, RowDetail
from fsjob_core.journal import Outcome
from fsjob_tui.console.app import ConsoleApp
from fsjob_tui.console.headings import empty_in, spark
from fsjob_tui.console.model import Model
from fsjob_tui.console.screens.painted import Batch
from fsjob_tui.console.views import VIEWS
from fsjob_tui.console.views.column import fit
from fsjob_tui.console.widgets.line import Line

from .stage import LOCKS, STALLED, console, still, store

FALLING = [(1.0, 3.0)] * 10


@pytest.fixture(autouse=True)
def stage() -> Iterator[None]:
    with still():
        yield


def text(app: ConsoleApp, name: str) -> str:
    return str(app._main.query_one(f"#{name}", Line).content)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 30), (200, 50)])
async def test_nothing_that_is_needed_is_cut_off(size: tuple[int, int]) -> None:
    app = console()
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.1)
        assert text(app, "verdict").rstrip().endswith("· 3") and "! go" in text(app, "verdict")
        assert text(app, "verdict").startswith(" ▲ STALLED: none finished for 5 min")
        assert text(app, "store").startswith(" spool/render  PROD · guarded (W to act)")
        assert text(app, "store").rstrip().endswith("12:03 UTC")
        assert all(f" {key} " in text(app, "tabs") for key in "12345")
        assert "6▲3" in text(app, "tabs"), "trouble is counted at any width"
        assert text(app, "keys").rstrip().endswith("? all keys")
        assert all(keys in text(app, "keys") for keys in ("enter open", "/ filter", "! worst", "space mark"))
        for line in app._main.query(Line):
            assert cell_len(str(line.content)) <= size[0], line.id
        if size[0] >= 80:
            assert "7 Workers 4, busy" in text(app, "store")
        if size[0] >= 120:
            assert "ext4, full durability, host ops-1" in text(app, "store") and "█" in text(app, "rates")


async def test_one_thing_is_said_at_a_time_and_what_went_wrong_until_a_key() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        main = app._main
        main.tell("job a is pending")
        main.tell("no lock stands here " * 9, wrong=True)
        said = main.query_one("#said", Static)
        assert said.display and str(said.content) == f" ▲ {'no lock stands here ' * 9}", "what is long is said whole"
        assert "enter open" in text(app, "keys") and text(app, "keys").endswith("? all keys ")
        await pilot.pause()
        assert main.table.size.height == 19, "nothing moves for it"
        assert main.notice is not None
        main._end_notice(main.notice)  # what its time does
        assert not said.display and "enter open" in text(app, "keys")
        main.tell("no lock stands here", wrong=True)
        main.tell("no lock stands here", wrong=True)
        assert main.acts.log.count("no lock stands here") <= 1, "not twice in the log"
        await pilot.press("j")
        assert "enter open" in text(app, "keys"), "a key ends it"
        main.tell("all is well")
        await pilot.press("j")
        assert "all is well" in text(app, "keys")
        assert not app._notifications, "nothing covers anything"


async def test_what_was_acted_on_is_not_marked_any_more_and_the_rest_is() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        main = app._main
        await pilot.pause(0.1)
        await pilot.press("space", "space", "space")
        assert "3 marked" in text(app, "keys")
        first, second, third = (main.table.source.key(index) for index in range(3))
        main.acts._done = {first, third}
        main.acts.told(Outcome(True, "park: done 2, skipped 1 (held), failed 0"), "fsjob park - < ids")
        assert main.table.marked == {second} and " 1 marked " in text(app, "keys")


async def test_where_nothing_is_wrong_it_is_said_and_a_bare_word_that_no_id_has_can_be_anywhere() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        main = app._main
        await pilot.pause(0.1)
        main.model.narrowed.set_filter("report is:dead")
        main.filter_changed()
        said = [line for line, _ in main.table._nothing()]
        assert said[0].startswith("0 of 1,204 match") and said[-1] == "request:report   value:report   error:report"
        overview = main.model.overview
        assert overview is not None
        main.post_message(Batch([replace(overview, verdict=StoreVerdict(Mood.IDLE, "nothing is pending"))]))
        await pilot.pause(0.1)
        await pilot.press("exclamation_mark")
        assert "nothing is wrong" in text(app, "keys")


@pytest.mark.parametrize(("width", "whole"), [(77, False), (85, True), (300, True)])
def test_an_id_stands_whole_where_the_request_has_room_enough(width: int, whole: bool) -> None:
    widths = {column.title: cells for column, cells in fit(VIEWS["pending"].columns, width)}
    assert (widths["JOB"] >= 20, widths["REQUEST"] >= 30) == (whole, True)


def test_a_forecast_asks_for_five_minutes() -> None:
    assert empty_in(FALLING, 600) == 300
    assert empty_in(FALLING[1:], 600) is None, "not known for as long"
    assert empty_in([*FALLING[2:], (3.0, 3.0), (3.0, 3.0)], 600) is None, "not in every minute"
    assert empty_in(FALLING, 0) is None


def test_bars() -> None:
    assert spark([0, 1, 4, 8], 8) == "▁▂▅█"


def test_only_what_is_new_or_reads_differently_is_marked() -> None:
    model = Model("/store")
    for message in store():
        model.apply(message)
    assert model.take_changed() == set(), "not what was there at the beginning"
    model.apply(Delta("pending", came=(Entry("new", 1.0),)))
    model.apply(Details((RowDetail("new", "first read"),)))
    assert model.take_changed() == {"new"} and model.take_changed() == set()
    model.apply(Details((RowDetail("new", "first read"),)))
    model.apply(Locks(LOCKS))
    assert model.take_changed() == set(), "read again, and the same"
    model.apply(Details((RowDetail("new", "changed"),)))
    model.apply(Locks(LOCKS[1:]))
    model.apply(Locks(LOCKS))
    first = f"work:{LOCKS[0].info.id}"
    assert model.take_changed() == {"new", first}


async def test_a_row_that_changed_is_marked_where_it_stands() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        table = app._main.table
        key = table.source.key(3)
        table.mark_changed([key])
        assert [table.line(y)[1] for y in (3, 4)] == [(" ", ""), ("•", "new")]
        table.clock = lambda: 2e9
        assert table.line(4)[1] == (" ", "")


async def test_while_frozen_nothing_moves_and_then_all_is_there() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        main = app._main
        await pilot.pause(0.1)
        await main.action_do("freeze")
        assert "FROZEN" in text(app, "store")
        calm = StoreVerdict(Mood.IDLE, "nothing is pending")
        before = main.model.overview
        assert before is not None
        later = Overview(before.counts, calm, 0, 0, None, None, None, None)
        main.post_message(Batch([later, Delta("pending", came=(Entry("came-meanwhile", 1.0),))]))
        await pilot.pause(0.1)
        assert main.model.verdict == STALLED and main.table.source.index("came-meanwhile") is None
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert "FROZEN" not in text(app, "store")
        assert main.model.verdict == calm and main.table.source.index("came-meanwhile") == 0
