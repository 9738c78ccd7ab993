"""The one table of keys: bindings, the line of keys, the help and the README's table are all made of it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

VIEWS = {"1": "pending", "2": "locked", "3": "waiting", "4": "fulfilled", "5": "parked", "7": "workers"}
"""The views by the key that goes there."""
TITLES = {
    "pending": "Pending",
    "locked": "Locked",
    "waiting": "Waiting",
    "fulfilled": "Fulfilled",
    "parked": "Parked",
    "workers": "Workers",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what it does, in two words for the line of keys and in a sentence for the help."""

    keys: str
    action: str
    short: str
    help: str
    show: bool = True
    """Whether it stands in the line of keys where there is room."""
    shown_as: str = ""


KEYS = (
    Key("enter,d", "open", "open", "open the job under the cursor", shown_as="enter"),
    Key("x", "release", "release", "release the lock under the cursor; a live one only with a typed word"),
    Key("r", "requeue", "run again", "run a parked or fulfilled job again"),
    Key("p", "park", "park", "give a job up until it is run again; a locked one is released too"),
    Key("c", "create", "create", "make a job"),
    Key("F", "fulfill", "fulfill", "give the job its value by hand"),
    Key("D", "delete", "delete", "move the job into the trash, from where z brings it back"),
    Key("z", "undo", "undo", "undo your last act: create, run again, park, delete, edit, unqueue"),
    Key("w", "worker", "worker", "start a worker in this console, drain or stop it"),
    Key("P", "pause", "pause", "pause taking of work, or end the pause"),
    Key("exclamation_mark", "worst", "worst", "go to what is worst; again: to the next", shown_as="!"),
    Key("slash", "filter", "filter", "show only jobs whose id has this text; escape clears", shown_as="/"),
    Key("space", "mark", "mark", "mark the job; acts then go to all that are marked", shown_as="space"),
    Key("a", "mark_all", "mark all", "mark all that match; again: none", show=False),
    Key("W", "write", "open writing", "on a guarded store: open writing until the console ends"),
    Key("y", "copy", "copy id", "copy the id, in the detail the request or value", show=False),
    Key("u", "unmask", "unmask", "show what is masked in the detail, or mask it again", show=False),
    Key("o", "order", "order", "order newest first, or oldest first", show=False),
    Key("n", "next", "next trouble", "go to the next row that is marked as trouble", show=False),
    Key("N", "previous", "previous trouble", "go to the row of trouble before", show=False),
    Key("1", "view('pending')", "pending", "the pending jobs", show=False),
    Key("2", "view('locked')", "locked", "the locks, with the proof of each verdict", show=False),
    Key("3", "view('waiting')", "waiting", "the jobs whose value somebody waits for", show=False),
    Key("4", "view('fulfilled')", "fulfilled", "the fulfilled jobs", show=False),
    Key("5", "view('parked')", "parked", "the jobs that were given up", show=False),
    Key("7", "view('workers')", "workers", "the workers, and the log of the one in this console", show=False),
    Key("tab,right_square_bracket", "next_view", "next view", "the next view", show=False, shown_as="tab ]"),
    Key("shift+tab,left_square_bracket", "previous_view", "view before", "the view before", show=False, shown_as="["),
    Key("minus", "last_view", "last view", "the view you came from", show=False, shown_as="-"),
    Key("up,k", "up", "up", "one row up", show=False, shown_as="k ↑"),
    Key("down,j", "down", "down", "one row down", show=False, shown_as="j ↓"),
    Key("pageup", "page_up", "page up", "a page up", show=False),
    Key("pagedown", "page_down", "page down", "a page down", show=False),
    Key("home,g", "top", "top", "the first row", show=False, shown_as="g home"),
    Key("end,G", "bottom", "bottom", "the last row", show=False, shown_as="G end"),
    Key("T", "theme", "theme", "dark or light", show=False),
    Key("l", "log", "acts", "what was done in this console, with the shell line of each", show=False),
    Key("escape", "close", "close", "close what was opened last", show=False, shown_as="esc"),
    Key("q", "back", "back", "close what was opened last; at the root quit", show=False),
    Key("ctrl+q", "leave", "leave", "leave the console", show=False),
    Key("ctrl+c", "interrupt", "leave", "copy a selection; twice within two seconds: leave", show=False),
    Key("ctrl+p,colon", "palette", "palette", "every action by name", show=False, shown_as="ctrl+p :"),
    Key("question_mark", "help", "all keys", "this help; enter runs the key under the cursor", shown_as="?"),
)

ACTS = frozenset({"release", "requeue", "park", "create", "fulfill", "delete", "undo", "pause"})
"""Actions that change the store: not valid where it is read-only or guarded."""


def bindings() -> list[Binding]:
    """The table as Textual wants it; each has an id, so that it can be remapped."""
    return [Binding(key.keys, key.action, key.short, show=False, id=f"fsjob.{_name(key.action)}") for key in KEYS]


def _name(action: str) -> str:
    return action.replace("('", ".").replace("')", "")
