"""Each view, dialog and theme as it looks, on a store and a clock that stand still.

Where it is meant to look otherwise, `pytest tests/console/test_snapshots.py --snapshot-update`; then look at it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from fsjob_core.facts import Counts, Label, Mood, StoreVerdict
from fsjob_core.feed import Delta, Hello, Message, Overview, Workers
from fsjob_tui.console.themes import THEMES
from fsjob_tui.console.views import VIEWS

from .stage import NOW, console, still, store

Compare = Callable[..., bool]
SMALL, MIDDLE, LARGE, LEAST = (80, 24), (120, 30), (200, 50), (60, 15)
KEYS = {view.key: name for name, view in VIEWS.items()}
LISTED = ("pending", "waiting", "fulfilled", "parked")
NOTHING: list[Message] = [
    Hello("/srv/spool/render", Label(), "ext4", "ops-1", None),
    *(Delta(view, reset=True) for view in LISTED),
    Workers(()),
    Overview(Counts(), StoreVerdict(Mood.EMPTY, "no job has been made yet"), 0, 0, None, None, None, None),
]
NO_STORE: list[Message] = [Hello("/srv/spool/render", Label(), "ext4", "ops-1", "/srv/spool/render does not exist")]

SHOTS: dict[str, tuple[tuple[int, int], str, tuple[str, ...], list[Message] | None]] = {
    **{f"{name}-small": (SMALL, "dark", (key,), None) for key, name in KEYS.items()},
    **{f"{name}-middle": (MIDDLE, "light", (key,), None) for key, name in KEYS.items()},
    "pending-large": (LARGE, "dark", (), None),
    "locked-large": (LARGE, "light", ("2",), None),
    "pending-least": (LEAST, "dark", (), None),
    "open-small": (SMALL, "dark", ("enter",), None),
    "empty": (SMALL, "dark", (), NOTHING),
    "no-store": (SMALL, "dark", (), NO_STORE),
    **{f"theme-{name}": (SMALL, name, ("2",), None) for name in THEMES if name not in ("dark", "light")},
    "dialog-help": (SMALL, "dark", ("question_mark",), None),
    "dialog-copy": (SMALL, "dark", ("y",), None),
    "dialog-release": (SMALL, "dark", ("2", "x"), store(klass="")),
    "dialog-take-away": (SMALL, "light", ("2", "G", "x"), store(klass="")),
    "dialog-create": (SMALL, "dark", ("c",), store(klass="")),
    "dialog-worker": (SMALL, "safe", ("w",), store(klass="")),
    "dialog-park": (SMALL, "light", ("G", "p"), store(klass="")),
    "dialog-delete": (SMALL, "dark", ("G", "D"), store(klass="")),
    "dialog-fulfill": (SMALL, "dark", ("G", "F"), store(klass="")),
    "dialog-canary": (SMALL, "dark", ("5", "C"), store(klass="")),
    "dialog-order": (SMALL, "light", ("o",), None),
    "dialog-log": (SMALL, "dark", ("l",), None),
    "filter": (SMALL, "dark", ("slash", "7"), None),
}


@pytest.mark.parametrize("name", SHOTS)
def test_it_looks_as_it_did(name: str, snap_compare: Compare) -> None:
    size, theme, keys, messages = SHOTS[name]

    async def press(pilot: Pilot[int]) -> None:
        await pilot.pause(0.05)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await pilot.pause(0.05)

    with still(messages):
        app = console(theme)
        assert snap_compare(app, terminal_size=size, run_before=press)
        assert app._main.now() == NOW
