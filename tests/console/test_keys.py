"""What each key does and does not do: on a store that stands still, so that nothing but the key can have done it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from textual.screen import Screen
from textual.widgets import Input, OptionList

from fsjob_tui.console.actions import ACTIONS
from fsjob_tui.console.app import ConsoleApp
from fsjob_tui.console.screens.dialogs import Choice, Dialog
from fsjob_tui.console.screens.help import Help
from fsjob_tui.console.screens.main import MainScreen
from fsjob_tui.console.widgets.line import Line

from .stage import console, job_id, still, store

Seen = Callable[[MainScreen], object]


@pytest.fixture(autouse=True)
def stage() -> Iterator[None]:
    with still(store(klass="")):
        yield


def title(screen: Screen[object]) -> str:
    """What stands on the frame of a dialog; nothing where none is open."""
    return str(screen.query_one("Dialog > Vertical").border_title) if isinstance(screen, Dialog) else ""


MOVES: list[tuple[str, Seen, object]] = [
    ("j", lambda main: main.table.index, 1),
    ("down", lambda main: main.table.index, 2),
    ("k", lambda main: main.table.index, 1),
    ("up", lambda main: main.table.index, 0),
    ("G", lambda main: main.table.index, 59),
    ("g", lambda main: main.table.index, 0),
    ("end", lambda main: main.table.index, 59),
    ("home", lambda main: main.table.index, 0),
    ("pagedown", lambda main: main.table.index == main.table.page, True),
    ("pageup", lambda main: main.table.index, 0),
    ("N", lambda main: main.table.index, 1),  # the last row in trouble: two locks are dead
    ("n", lambda main: main.table.index, 0),
    ("space", lambda main: (main.table.marked, main.table.index), ({job_id(0)}, 1)),
    ("a", lambda main: len(main.table.marked), 60),
    ("a", lambda main: len(main.table.marked), 0),
    ("d", lambda main: (main.opened, title(main.app.screen)), (job_id(1), "")),
    ("q", lambda main: main.opened, None),
    ("enter", lambda main: main.opened, job_id(1)),
    ("escape", lambda main: main.opened, None),
    *((key, lambda main: main.view.key, key) for key in "234567"),
    ("tab", lambda main: main.view.key, "1"),
    ("right_square_bracket", lambda main: main.view.key, "2"),
    ("left_square_bracket", lambda main: main.view.key, "1"),
    ("minus", lambda main: main.view.key, "2"),
    ("minus", lambda main: main.view.key, "1"),
    ("exclamation_mark", lambda main: main.table.cursor, f"work:{job_id(0)}"),
    ("exclamation_mark", lambda main: main.table.cursor, f"work:{job_id(1)}"),
    ("exclamation_mark", lambda main: main.view.key, "5"),
    *((key, lambda main: (main.view.key, main.table.index, main.notice and main.notice.text), ("5", 0, "3 parked"))
      for key in ("ctrl+s", "ctrl+z", "ctrl+b", "backspace")),
]  # fmt: skip


async def test_keys_that_look_and_move_and_those_that_do_nothing() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        for key, seen, there in MOVES:
            await pilot.press(key)
            assert seen(app._main) == there, key
            assert app.screen is app._main, key


ASKED: dict[str, tuple[tuple[str, ...], str]] = {
    "a locked job that is parked": (("1", "g", "p"), "RELEASE AND PARK"),
    "a set of locks": (("2", "a", "x"), "RELEASE"),
    "a live lock": (("2", "G", "x"), "TAKE A LIVE JOB AWAY"),
    "a lock not seen for ten seconds": (("2", "g", "j", "j", "j", "x"), "RELEASE"),
    "a group": (("5", "r"), "RUN AGAIN"),
    "a fulfilled job": (("4", "r"), "RUN AGAIN"),
    "a canary": (("5", "C"), "CANARY · 2 PARKED JOBS"),
    "repair": (("6", "R"), "REPAIR"),
    "pause": (("7", "P"), "PAUSE"),
}


async def test_neither_enter_nor_the_asking_key_is_a_yes_and_escape_leaves_all_as_it_was() -> None:
    app = console()
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.pause(0.1)
        for name, (keys, asked) in ASKED.items():
            app._main.table.marked.clear()
            for key in keys:
                app._main.table._shown.clear()  # what came by one's own keys has taken nobody's place
                await pilot.press(key)
            for key in (keys[-1], "enter"):
                assert title(app.screen) == asked, f"{name}: {app._main.notice}"
                await pilot.press(key)
            assert title(app.screen) == asked, name
            shell = foot(app)
            assert "fsjob -C /srv/spool/render " in shell and "..." not in shell, f"{name}: {shell}"
            assert name != "a set of locks" or "--kind notification 1k10fpn0090abavvy724" in shell, "each of its kind"
            await pilot.press("escape")
            assert app.screen is app._main and not app._main.acts.log, name


def foot(app: ConsoleApp) -> str:
    return " ".join(str(app.screen.query(".foot").last().render()).split())


async def test_the_shell_line_is_that_of_what_is_chosen() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        await pilot.press("2", "G", "x")
        assert foot(app).endswith("unlock 1k10fpn0003abavvy724 --if-token 0003 --force --park")
        await pilot.click(Choice)
        await pilot.pause()
        assert foot(app).endswith("unlock 1k10fpn0003abavvy724 --if-token 0003 --force")


async def test_no_key_is_offered_that_would_be_refused() -> None:
    with still():
        app = console()
        async with app.run_test(size=(200, 24)) as pilot:
            await pilot.pause(0.1)
            keys = str(app._main.query_one("#keys", Line).content)
            assert " enter open" in keys and " w worker" not in keys and " x release" not in keys, "it is guarded"
            await pilot.press("enter")
            keys = str(app._main.query_one("#keys", Line).content)
            assert " esc close" in keys and " enter open" not in keys


async def test_rows_that_are_no_jobs_are_not_exported() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        for view in "67":
            await pilot.press(view)
            await app._main.action_do("export")
            notice = app._main.notice
            assert notice is not None and notice.text == "no row here is a job" and title(app.screen) == ""


async def test_who_is_at_work_on_a_job_is_said_before_it_is_fulfilled_by_hand() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        await pilot.press("j", "j", "j", "F")
        told = str(app.screen.query_one(".lines Static").render())
        assert "At work now: bundler-1 on render-07 (pid 3110) (live)" in " ".join(told.split())


async def test_inside_an_input_keys_are_text() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        for opens in (("2", "G", "x"), ("w",), ("slash",)):
            await pilot.press(*opens)
            main, screen, view = app._main, app.screen, app._main.view
            field = screen.focused
            assert isinstance(field, Input)
            await pilot.press(*"yq1:?D/x")
            assert field.value == "yq1:?D/x" and app.screen is screen and main.view is view
            await pilot.press("escape")
            assert app.screen is main and main.table.has_focus and main.opened is None


async def test_help_runs_the_key_under_its_cursor_and_says_why_others_are_grey() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        options = app.screen.query_one(OptionList)
        assert {options.get_option_at_index(at).id for at in range(options.option_count)} == set(ACTIONS)
        grey = options.get_option("repair")
        assert grey.disabled and "6 shows what can be repaired" in str(grey.prompt)
        options.highlighted = options.get_option_index("view-waiting")
        await pilot.press("enter")
        await pilot.pause()
        assert app._main.view.name == "waiting"


async def test_the_palette_has_every_action_that_is_possible() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        offered = {command.title for command in app.get_system_commands(app._main)}
        for name in ("audit", "export", "freeze", "notify", "create-like", "purge", "mouse", "release", "park"):
            assert ACTIONS[name].help.partition(";")[0] in offered, name
        assert {f"theme: {name}" for name in ("dark", "light", "plain")} <= offered


async def test_ctrl_c_copies_a_selection_and_does_not_leave() -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        copied: list[tuple[str, str]] = []
        app._main.copy = lambda text, what: copied.append((text, what))  # type: ignore[method-assign]
        await pilot.press("enter")
        app._main.text_select_all()
        await pilot.press("ctrl+c", "ctrl+c")
        assert len(copied) == 2 and job_id(0) in copied[0][0] and app.is_running
