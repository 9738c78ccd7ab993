"""Settings: read where they can be, told where they cannot, changed by one line, never overwritten."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from fsjob_tui.console.actions import ACTIONS, keymap, remapped
from fsjob_tui.console.screens.main import MainScreen
from fsjob_tui.console.views import VIEWS
from fsjob_tui.console.views.column import chosen
from fsjob_tui.settings import RECENT, Settings, directory_of, keep, load, recent, remember, settings_file

from ..conftest import ROOT

WHOLE = """\
# mine
theme = "light"   # by day
refresh = 1
times = "local"
mouse = false
kind = ["task", "type"]
masked = ["IBAN"]

[columns]
pending = ["JOB", "REQUEST"]

[keys]
release = "X"
requeue = ["ctrl+r", "R"]

[stores]
render = "~/spool"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.toml"


def test_all_that_can_be_set(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(WHOLE)
    assert load(file) == (
        Settings(
            theme="light", refresh=1.0, times="local", mouse=False, kind=("task", "type"), masked=("IBAN",),
            columns={"pending": ("JOB", "REQUEST")}, keys={"release": "X", "requeue": "ctrl+r,R"},
            stores={"render": "~/spool"},
        ),
        [],
    )  # fmt: skip


def test_without_a_file_all_is_as_usual(file: Path) -> None:
    assert load(file) == (Settings(), [])
    assert settings_file().name == "settings.toml" and not settings_file().exists(), "the tests' own folder"


@pytest.mark.parametrize(
    ("text", "told"),
    [("theme = 'pink'", "theme is one of dark"), ("refresh = 0", "refresh is a number"), ("mouse = 1", "mouse is true"),
     ("refresh = true", "refresh is a number"), ("kind = 'type'", "kind is a list"), ("keys = 3", "keys is a table"),
     ("colour = 1", "no setting colour"), ("[columns]\npending = 'JOB'", "columns is a table"),
     ("theme = ", "is not used: Invalid value"), ("[stores]\nrender = 1", "stores is a table"),
     (b"theme = '\xff'", "is not used")],
)  # fmt: skip
def test_what_cannot_be_used_is_told_in_a_line_and_the_rest_holds(file: Path, text: str | bytes, told: str) -> None:
    file.parent.mkdir()
    data = text if isinstance(text, bytes) else text.encode()
    file.write_bytes(b"times = 'local'\n" + data)
    settings, wrong = load(file)
    assert len(wrong) == 1 and told in wrong[0] and "\n" not in wrong[0]
    assert settings == (Settings() if "is not used" in told else Settings(times="local"))


def test_a_choice_changes_its_line_and_nothing_else(file: Path) -> None:
    assert keep("theme", "light", file) is None, "the folder and the file are made"
    assert file.read_text() == 'theme = "light"\n'
    file.write_text(WHOLE)
    assert keep("theme", "dark", file) is None and keep("mouse", True, file) is None
    assert file.read_text() == WHOLE.replace('"light"', '"dark"').replace("mouse = false", "mouse = true")
    file.write_text("[keys]\ntheme = 'T'\n")
    assert keep("theme", "dark", file) is None
    assert file.read_text() == "theme = \"dark\"\n[keys]\ntheme = 'T'\n"


@pytest.mark.parametrize("text", ["theme = \n", 'theme = """\nlight"""\n', "theme.of = 'mine'\n"])
def test_what_is_broken_or_not_understood_is_never_overwritten(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    assert keep("theme", "dark", file)
    assert file.read_text() == text


def test_settings_that_are_a_link_stay_one(file: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_text("mouse = true\n")
    file.parent.mkdir()
    file.symlink_to(tmp_path / "dotfiles.toml")
    assert keep("mouse", False, file) is None
    assert file.is_symlink() and (tmp_path / "dotfiles.toml").read_text() == "mouse = false\n"


# ── keys and columns ──


def test_keys_of_ones_own() -> None:
    actions, wrong = remapped({"release": "X", "help": "f1,?"})
    assert wrong == [] and actions["release"].keys == "X" and actions["release"].key == "X"
    assert keymap(actions) == {"fsjob.release": "X", "fsjob.help": "f1,question_mark"}
    swapped, wrong = remapped({"release": "r", "requeue": "x"})
    assert wrong == [] and swapped["requeue"].keys == "x"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [({"release": "r"}, "release cannot have r, requeue has it"), ({"nothing": "X"}, "no action nothing"),
     ({"view-locked": "9"}, "view-locked keeps its number"), ({"park": "X", "release": "X"}, "cannot have X")],
)  # fmt: skip
def test_a_wish_that_cannot_be_met_is_told_and_the_keys_stay(wanted: dict[str, str], told: str) -> None:
    actions, wrong = remapped(wanted)
    assert len(wrong) == 1 and told in wrong[0]
    keys = [key for action in actions.values() for key in action.keys.split(",") if key]
    assert len(keys) == len(set(keys)), "no key has two meanings"
    assert actions["requeue"].keys == ACTIONS["requeue"].keys


def test_the_readme_names_every_action_and_setting() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in ACTIONS if f"`{name}`" not in readme and not name.startswith("view-")] == []
    (example,) = re.findall(r"```toml\n(theme.*?)```", readme, re.S)
    assert set(tomllib.loads(example)) == {each.name for each in fields(Settings)}


def test_columns_in_ones_own_order() -> None:
    columns = VIEWS["pending"].columns
    assert [column.title for column in chosen(columns, ("request", "JOB", "nothing"))] == ["", "REQUEST", "JOB"]
    assert chosen(columns, ()) == columns == chosen(columns, ("nothing",))


def test_columns_and_views_that_there_are_not_are_told() -> None:
    wanted = {"pending": ("job", "NOPE"), "parked-jobs": ("ERROR",), "nowhere": ("JOB",)}
    told = MainScreen("/nowhere", settings=Settings(columns=wanted)).complaints
    assert [line.partition(" (")[0] for line in told] == [
        "columns: pending has no column NOPE", "columns: there is no view nowhere",
    ]  # fmt: skip


# ── stores ──


def test_a_store_has_a_name() -> None:
    settings = Settings(stores={"render": "~/spool"})
    assert directory_of("@render", settings) == str(Path("~/spool").expanduser())
    assert directory_of("/srv/spool", settings) == "/srv/spool"
    with pytest.raises(KeyError, match="no store is named @other"):
        directory_of("@other", settings)


def test_stores_that_were_open_are_remembered_the_last_first() -> None:
    for number in range(RECENT + 2):
        remember(f"/srv/{number}")
    remember("/srv/5")
    assert recent()[:2] == ["/srv/5", f"/srv/{RECENT + 1}"] and len(recent()) == RECENT == len(set(recent()))
