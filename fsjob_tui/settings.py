"""What a person has set, in `settings.toml` of the folder for configuration. All runs without it.

What cannot be used is told in one line and left alone; the file is only ever changed by a choice made in the console,
one line of it, the rest as it stands.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

THEMES = ("dark", "light", "safe", "safe-light", "plain", "terminal")
FASTEST, SLOWEST = 0.25, 5.0
"""Seconds between two refreshes."""
RECENT = 8
"""Stores that are remembered without having been named."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set. The names are those in the file."""

    theme: str = ""
    """One of THEMES; empty: what suits the terminal."""
    refresh: float = FASTEST
    """Seconds between two refreshes at least."""
    times: str = "utc"
    """utc or local."""
    mouse: bool = True
    kind: tuple[str, ...] = ()
    """Members that tell what kind of job a request is, the first that it has; empty: the usual ones."""
    masked: tuple[str, ...] = ()
    """Words in the names of members whose values are masked, beside the usual ones."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """View to titles of its columns in their order."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action to its keys, with commas between."""
    stores: Mapping[str, str] = field(default_factory=dict)
    """Name to directory."""

    @property
    def masked_words(self) -> tuple[str, ...]:
        """`masked` in lower case, as names are compared with it."""
        return tuple(word.lower() for word in self.masked)


def settings_file() -> Path:
    """Where the settings are, or would be."""
    return Path(platformdirs.user_config_path("fsjob", appauthor=False)) / "settings.toml"


def load(path: Path | None = None, only: str = "") -> tuple[Settings, list[str]]:
    """The settings, and a sentence for each that cannot be used; of all or, if named, of one alone."""
    path = path or settings_file()
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings(), []
    except (OSError, ValueError) as error:  # ValueError: no TOML, or no UTF-8
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Settings(), [f"{path.name} is not used: {reason} ({path})"]
    settings, wrong = Settings(), []
    for name, value in found.items():
        if only and name != only:
            continue
        if name not in _CHECKS:
            wrong.append(f"{path.name}: there is no setting {name}")
            continue
        expected, check = _CHECKS[name]
        checked = check(value)
        if checked is None:
            wrong.append(f"{path.name}: {name} is {expected}")
        else:
            settings = replace(settings, **{name: checked})
    return settings, wrong


def _one_of(*words: str) -> Callable[[Any], str | None]:
    return lambda value: value if value in words else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _seconds(value: Any) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and FASTEST <= value <= SLOWEST
    return float(value) if fits else None


def _words(value: Any) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) and all(isinstance(each, str) and each for each in value) else None


def _table(check: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any] | None]:
    def checked(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        found = {name: check(each) for name, each in value.items()}
        return None if None in found.values() else found

    return checked


def _keys(value: Any) -> str | None:
    words = [value] if isinstance(value, str) else value
    return ",".join(words) if _words(words) is not None and words else None


_CHECKS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "theme": (f"one of {', '.join(THEMES)}", _one_of(*THEMES)),
    "refresh": (f"a number of seconds, {FASTEST} to {SLOWEST:.0f}", _seconds),
    "times": ("utc or local", _one_of("utc", "local")),
    "mouse": ("true or false", lambda value: value if isinstance(value, bool) else None),
    "kind": ("a list of names of members", _words),
    "masked": ("a list of words in names of members", _words),
    "columns": ("a table: view = [titles]", _table(_words)),
    "keys": ('a table: action = "key" or ["key", "key"]', _table(_keys)),
    "stores": ('a table: name = "directory"', _table(_text)),
}


# ── named stores ──


def directory_of(name: str, settings: Settings | None = None) -> str:
    """The directory of `@NAME`, as the settings have it; anything else is a directory already.

    Raises KeyError, with a sentence, where there is no such name, or the settings cannot be used.
    """
    if not name.startswith("@") or os.path.isdir(name):
        return name
    found, wrong = (settings, []) if settings else load(only="stores")
    stores = found.stores
    if wrong:
        raise KeyError(wrong[0])
    if name[1:] not in stores:
        known = ", ".join(f"@{each}" for each in stores) or "none"
        raise KeyError(f"no store is named {name} in {settings_file()} (named are: {known})")
    return os.path.expanduser(stores[name[1:]])


# ── keeping a choice ──


def keep(name: str, value: str | bool, path: Path | None = None) -> str | None:
    """Write one setting into the file, which is made where there is none; gives why that could not be done.

    The rest of the file, comments and all, stays as it stands. One that cannot be read as settings is not touched.
    """
    path = path or settings_file()
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        found = tomllib.loads(before)
        after = _with_line(before, name, f"{name} = {json.dumps(value)}")
        if tomllib.loads(after) != {**found, name: value}:
            return f"{path.name} has {name} in a way that only its author can change ({path})"
        _replace(path, after)
    except OSError as error:
        return f"{path}: {error.strerror}"
    except ValueError as error:
        return f"{path.name} is broken, so it is left alone: {error} ({path})"
    return None


def _with_line(text: str, name: str, line: str) -> str:
    """`text` with a line of the topmost part replaced, or put before all else."""
    head, rest = text, ""
    if found := re.search(r"^[ \t]*\[", text, re.M):
        head, rest = text[: found.start()], text[found.start() :]
    old = re.compile(rf"^[ \t]*{name}[ \t]*=[^\n#]*?([ \t]*#[^\n]*)?$", re.M)
    changed, times = old.subn(lambda found: line + (found[1] or ""), head)
    return (changed if times else f"{line}\n{head}") + rest


def _replace(path: Path, text: str) -> None:
    """Whole or not at all, through a link to where the file really is."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, "utf-8")
    new.replace(path)


# ── stores that were open ──


def _recent_file() -> Path:
    return Path(platformdirs.user_state_path("fsjob", appauthor=False)) / "recent"


def recent() -> list[str]:
    """Directories of stores that were open in a console, the last one first."""
    try:
        return _recent_file().read_text("utf-8", "surrogateescape").splitlines()[:RECENT]
    except OSError:
        return []


def remember(directory: str) -> None:
    """Keep a store among the recent ones; where that cannot be written, it is not kept."""
    if "\n" in directory:
        return
    stores = [directory, *(each for each in recent() if each != directory)][:RECENT]
    path = _recent_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"recent.{os.getpid()}")
        new.write_text("".join(f"{each}\n" for each in stores), "utf-8", "surrogateescape")
        new.replace(path)
    except OSError:
        return
