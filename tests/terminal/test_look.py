"""What a person has set, in a real terminal: themes, keys, names of stores, the mouse; and the look without colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import JobStore

from .conftest import Open
from .terminal import Terminal

COLOUR = re.compile(rb"\x1b\[(?:\d+;)*[34]8;[25];[\d;]*m")
SIXTEEN = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7])(?:;\d+)*m")
MOUSE_ON, MOUSE_OFF = b"\x1b[?1000h", b"\x1b[?1000l"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Settings of one's own."""
    (tmp_path / "config" / "fsjob").mkdir(parents=True)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def run() -> Iterator[Callable[..., Terminal]]:
    """Run fsjob with any arguments in a pty."""
    terminals: list[Terminal] = []

    def start(*arguments: str, **environment: Any) -> Terminal:
        terminals.append(Terminal(*arguments, **environment))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.end()


def test_a_theme_is_chosen_with_a_key_and_kept(store: JobStore, open_console: Open, home: dict[str, str]) -> None:
    first = open_console(**home)
    first.press("T")
    first.until("theme light")
    file = Path(home["XDG_CONFIG_HOME"]) / "fsjob" / "settings.toml"
    assert file.read_text() == 'theme = "light"\n'
    second = open_console(**home)
    second.press("T")
    second.until("theme safe:")


def test_no_color_means_none_and_signs_and_words_carry_all(store: JobStore, open_console: Open) -> None:
    store.park(store.create(1).id, "no reason")
    console = open_console(NO_COLOR="1")
    console.press("5")
    console.until("no reason")
    assert not COLOUR.search(console.raw) and not SIXTEEN.search(console.raw)
    assert b"\x1b[7" in console.raw or b";7m" in console.raw, "the cursor and the view are shown in reverse"


def test_a_terminal_of_sixteen_colours_gets_its_own(store: JobStore, open_console: Open) -> None:
    store.create(1)
    console = open_console(TERM="linux", COLORTERM="")
    console.until("nobody has taken one yet")
    assert not COLOUR.search(console.raw) and SIXTEEN.search(console.raw)


def test_settings_of_ones_own(store: JobStore, run: Callable[..., Terminal], home: dict[str, str]) -> None:
    file = Path(home["XDG_CONFIG_HOME"]) / "fsjob" / "settings.toml"
    file.write_text(
        'kind = ["task"]\nmasked = ["iban"]\nmouse = false\n[columns]\npending = ["REQUEST", "JOB"]\n'
        f'[keys]\nhelp = "f1"\nmark = "r"\n[stores]\nmine = "{store.directory}"\n'
    )
    store.create({"type": "x", "task": "pay", "IBAN": "DE00"})
    console = run("@mine", **home)
    console.until('pay {"type":"x","IBAN":"••••••"}')
    console.until("mark cannot have r, requeue has it")
    assert console.text.index("REQUEST") < console.text.index("JOB ")
    assert MOUSE_ON not in console.raw
    console.press("j")
    console.press("?")
    console.read(0.3)
    assert "KEYS" not in console.text
    console.press("\x1bOP")  # f1
    console.until("KEYS · Pending")
    console.press("\x1b")
    console.until("f1 all keys")
    console.read(0.3)
    console.press(":")
    console.press("mouse")
    console.until("mouse on, or off")
    console.press("\r")
    console.until("the mouse is the console's")
    assert MOUSE_ON in console.raw
    assert "mouse = true" in file.read_text() and 'kind = ["task"]' in file.read_text()


def test_settings_that_are_broken_are_told_and_left_alone(
    store: JobStore, open_console: Open, home: dict[str, str]
) -> None:
    file = Path(home["XDG_CONFIG_HOME"]) / "fsjob" / "settings.toml"
    file.write_text("theme = light\n")
    console = open_console(**home)
    console.until("settings.toml is not used")
    console.press("T")
    console.until("for now")
    assert file.read_text() == "theme = light\n"


def test_another_store_is_opened_without_leaving(
    store: JobStore, run: Callable[..., Terminal], home: dict[str, str], tmp_path: Path
) -> None:
    other = JobStore(tmp_path / "other", durability="process")
    other.create({"type": "elsewhere"})
    store.create({"type": "here"})
    file = Path(home["XDG_CONFIG_HOME"]) / "fsjob" / "settings.toml"
    file.write_text(f'[stores]\nother = "{other.directory}"\n')
    console = run("console", store.directory, **home)
    console.until("here")
    console.press(":")
    console.press("open the store")
    console.until("@other")
    console.press("\r")
    console.until("elsewhere")
    console.press(":")
    console.press("open the store")
    console.until(store.directory[-20:])
    console.press("\r")
    console.until("here")
    assert console.process.poll() is None


def test_a_name_that_is_none_is_a_wrong_use(run: Callable[..., Terminal], home: dict[str, str]) -> None:
    console = run("console", "@nobody", **home)
    console.until("no store is named @nobody")
    assert console.process.wait(5) == 2


def test_without_the_mouse(store: JobStore, open_console: Open) -> None:
    assert MOUSE_ON not in open_console("--no-mouse").raw
    assert MOUSE_ON in open_console().raw
