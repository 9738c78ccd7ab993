"""The one table of actions, most used first: bindings, the line of keys, the help and the palette are made of it."""

from __future__ import annotations

from textual.binding import Binding

from . import acting, looking, moving, records
from .action import Action
from .canary import CANARY
from .worker import UNIT, WORKER

__all__ = ["ACTIONS", "Action", "bindings"]

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        looking.OPEN,
        *acting.ACTIONS[:2],
        CANARY,
        *acting.ACTIONS[2:],
        WORKER,
        acting.PAUSE,
        moving.WORST,
        moving.FILTER,
        moving.MARK,
        moving.MARK_ALL,
        acting.WRITE,
        *looking.ACTIONS,
        UNIT,
        *moving.ACTIONS,
        *records.ACTIONS,
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
