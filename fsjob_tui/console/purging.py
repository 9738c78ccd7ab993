"""Making room: what is done or deleted, for long, is removed for good. What will be hit is shown, and fixed, first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fsjob_core.operator import Operator
from fsjob_core.removal import Due

from .screens.dialogs import Ask

if TYPE_CHECKING:
    from .acting import Acts

AGES = {"h": ("1h", "an hour", 3600.0), "d": ("1d", "a day", 86_400.0),
        "w": ("7d", "a week", 7 * 86_400.0), "m": ("30d", "30 days", 30 * 86_400.0)}  # fmt: skip
"""By the key that chooses it: as the shell has it, in words, in seconds."""


class Purging:
    """Purge, for the console's acts."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def purge(self) -> None:
        """Ask for an age, once it was counted what is older, then whether to remove it."""
        acts, app = self._acts, self._acts.screen.app
        ages, counted = [seconds for _, _, seconds in AGES.values()], dict[str, Due]()
        dialog = Ask("PURGE", _lines(counted), {key: words for key, (_, words, _) in AGES.items()}, danger=True)

        def found(dues: list[Due]) -> None:
            counted.update(zip(AGES, dues, strict=True))
            dialog.put_lines(_lines(counted))

        def answered(key: str | None) -> None:
            if key in counted:
                self._ask(counted[key], *AGES[key])
            elif key is not None:  # chosen before all was counted
                self._look(*AGES[key])

        app.push_screen(dialog, answered)
        dialog.call_after_refresh(acts.look, lambda store: Operator(store, via="console").due_each(ages), found)

    def _look(self, age: str, words: str, seconds: float) -> None:
        self._acts.look(
            lambda store: Operator(store, via="console").due(seconds), lambda due: self._ask(due, age, words, seconds)
        )

    def _ask(self, due: Due, age: str, words: str, seconds: float) -> None:
        acts, count = self._acts, len(due.jobs) + len(due.trash)
        if not count:
            acts.screen.tell(f"nothing has been fulfilled, or deleted, for over {words}")
            return
        lines = [
            _first(due.jobs, "fulfilled job"),
            _first(due.trash, "deleted job"),
            f"All for longer than {words}. They are removed for good: z does not bring them back.",
        ]
        shell = acts.shell("purge", "--older-than", age, "--yes")
        acts.ask(
            "PURGE", [line for line in lines if line], shell,
            lambda: acts.do(shell, lambda operator: operator.purge(seconds, due)),
            count=count,
        )  # fmt: skip


def _lines(counted: Mapping[str, Due]) -> list[str]:
    """What a purge does, and how many each age would hit."""
    rows = []
    for key, (_, words, _) in AGES.items():
        due = counted.get(key)
        count = f"{len(due.jobs):,} fulfilled, {len(due.trash):,} deleted" if due is not None else "counting …"
        rows.append(f"{key}  {words:<8} {count}")
    return [
        "Removes for good what was fulfilled, or lies in the trash, for longer than:",
        *rows,
        "There is no way back. A job that somebody waits to be told of stays.",
    ]


def _first(names: tuple[str, ...], what: str) -> str:
    """How many, and the first few of them."""
    if not names:
        return ""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{len(names):,} {what}{'s' if len(names) > 1 else ''}: {', '.join(names[:3])}{more}"
