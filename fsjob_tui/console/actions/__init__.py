"""The one table of actions, most used first: bindings, the line of keys, the help and the palette are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual.binding import Binding
from textual.keys import format_key

from . import acting, appearance, looking, moving, records
from .action import Action
from .canary import CANARY
from .worker import UNIT, WORKER

__all__ = ["ACTIONS", "Action", "bindings", "keymap", "remapped"]

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        looking.OPEN,
        *acting.ACTIONS[:2],
        CANARY,
        *acting.ACTIONS[2:],
        WORKER,
        acting.PAUSE,
        acting.PURGE,
        moving.WORST,
        moving.FILTER,
        moving.MARK,
        moving.MARK_ALL,
        acting.WRITE,
        *looking.ACTIONS,
        UNIT,
        *moving.ACTIONS,
        *records.ACTIONS,
        *appearance.ACTIONS,
        *looking.LAST,
    )
}


def bindings() -> list[Binding]:
    """The table as Textual wants it; each has an id, so that it can be remapped."""
    return [
        Binding(action.keys, f"do('{action.name}')", action.short, show=False, id=f"fsjob.{action.name}")
        for action in ACTIONS.values()
        if action.keys
    ]


# ── keys of one's own ──


def remapped(wanted: Mapping[str, str]) -> tuple[dict[str, Action], list[str]]:
    """The table with other keys, and a sentence for each wish that cannot be met; the keys of that action stay."""
    wrong = [f"keys: there is no action {name}" for name in wanted if name not in ACTIONS]
    wrong += [f"keys: {name} keeps its number" for name in wanted if name in ACTIONS and _is_view(name)]
    keys = {name: _keys(wanted[name]) for name in wanted if name in ACTIONS and not _is_view(name)}
    while clash := _clash(keys):
        name, other, key = clash
        del keys[name]
        wrong.append(f"keys: {name} cannot have {format_key(key)}, {other} has it")
    actions = {
        name: replace(action, keys=keys[name], shown_as=" ".join(map(format_key, keys[name].split(","))))
        if name in keys else action
        for name, action in ACTIONS.items()
    }  # fmt: skip
    return actions, wrong


def keymap(actions: Mapping[str, Action]) -> dict[str, str]:
    """What is different from the table, as Textual wants it."""
    return {f"fsjob.{name}": action.keys for name, action in actions.items() if action.keys != ACTIONS[name].keys}


def _is_view(name: str) -> bool:
    return name.startswith("view-") and ACTIONS[name].key.isdigit()


def _keys(wanted: str) -> str:
    """Keys as Textual names them: "?" is question_mark."""
    return ",".join(binding.key for binding in Binding.make_bindings([Binding(wanted, "")]))


def _clash(keys: Mapping[str, str]) -> tuple[str, str, str] | None:
    """A wish for a key that is somebody else's: the wish, who has it, the key."""
    owners: dict[str, list[str]] = {}
    for name, action in ACTIONS.items():
        for key in keys.get(name, action.keys).split(","):
            owners.setdefault(key, []).append(name)
    for key, names in owners.items():
        for name in names:
            if key and len(names) > 1 and name in keys:
                return name, next(other for other in names if other != name), key
    return None
