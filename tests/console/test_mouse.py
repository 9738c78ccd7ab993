"""What can be pressed can be clicked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual import events
from textual.geometry import Offset
from textual.pilot import Pilot

from fsjob_core.facts import Label
from fsjob_core.feed import Hello
from fsjob_tui.console.app import ConsoleApp
from fsjob_tui.console.screens.dialogs import Ask, Dialog
from fsjob_tui.console.screens.help import Help
from fsjob_tui.console.widgets.line import Line

from .stage import console, job_id, still


@pytest.fixture(autouse=True)
def stage() -> Iterator[None]:
    with still():
        yield


async def click(pilot: Pilot[int], line: str, text: str, times: int = 1) -> None:
    """Click on a text in one of the lines."""
    app: ConsoleApp = pilot.app  # type: ignore[assignment]
    at = str(app._main.query_one(f"#{line}", Line).content).index(text)
    await pilot.click(f"#{line}", offset=Offset(at + 1, 0), times=times)
    await pilot.pause(0.05)


async def test_lines_can_be_clicked() -> None:
    app = console()
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause(0.1)
        await click(pilot, "tabs", "3 Waiting")
        assert app._main.view.name == "waiting"
        await click(pilot, "verdict", "! go there")
        assert app._main.view.name == "locked" and app._main.table.cursor == f"work:{job_id(0)}"
        await click(pilot, "store", "7 Workers")
        assert app._main.view.name == "workers"
        await click(pilot, "tabs", "1 Pending")
        await click(pilot, "keys", "space mark")
        assert len(app._main.table.marked) == 1
        await click(pilot, "store", "guarded")
        assert isinstance(app.screen, Ask)
        await pilot.press("escape")
        await click(pilot, "keys", "? all keys")
        assert isinstance(app.screen, Help)


async def test_the_table_can_be_clicked_and_scrolled() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        table = app._main.table
        await pilot.click(table, offset=Offset(10, 4))
        assert table.cursor == job_id(3) and app._main.opened is None
        await pilot.click(table, offset=Offset(10, 6), times=2)
        assert app._main.opened == job_id(5)
        await pilot.press("escape")
        for _ in range(3):
            await pilot._post_mouse_events([events.MouseScrollDown], table)
        await pilot.pause(0.05)
        assert table.scroll_y == 9 and table.cursor == job_id(9), "the cursor comes along"
        app._main.table.model_changed()
        assert table.scroll_y == 9, "and is not jumped back to"


async def test_choices_in_a_dialog_can_be_clicked() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        answers: list[str | None] = []
        for word in ("esc leaves", "y does it"):
            app.push_screen(Ask("PARK", ["one job"], {"y": "does it"}, shell="fsjob park x"), answers.append)
            await pilot.pause(0.05)
            foot = app.screen.query_one(".foot")
            at = str(foot.content).index(word)  # type: ignore[attr-defined]
            await pilot.click(foot, offset=Offset(at + 2, 0))
            await pilot.pause(0.05)
            assert not isinstance(app.screen, Dialog)
        assert answers == [None, "y"]


async def test_where_no_store_is_it_says_so_and_what_to_press() -> None:
    directory = "/srv/nowhere"
    with still([Hello(directory, Label(), "ext4", "ops-1", f"{directory} does not exist")]):
        app = ConsoleApp(directory)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.1)
            lines = [app._main.table.line(y) for y in range(2, 7)]
            told = "\n".join("".join(text for text, _ in line) for line in lines)
            assert "does not exist" in told and "c  makes an empty job store here" in told and "q  leaves" in told
