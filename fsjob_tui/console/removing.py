"""Deleting to the trash, and undoing the last act: what will be hit is named, and judged again when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsjob_core.errors import FsJobError
from fsjob_core.journal import Group, Outcome
from fsjob_core.operator import Operator

from ..text import short_age, short_count
from .targets import Target, names

if TYPE_CHECKING:
    from .acting import Acts

WORDS = {
    "create": "made: it goes to the trash",
    "requeue": "run again: it is put back to what it was",
    "park": "parked: it is pending again",
    "edit": "edited: its request of before comes back",
    "unqueue": "relieved of a target: who was to be told is on its list again",
    "delete": "deleted: it comes back out of the trash",
}
"""What an act did to a job, and what its undo does."""


class Removing:
    """Delete and undo, for the console's acts."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def delete(self, targets: list[Target]) -> None:
        """Move jobs into the trash."""
        acts = self._acts
        shell = acts.shell_for("delete", targets)
        them = "it" if len(targets) == 1 else "them"
        held = f"Into the trash; z brings {them} back until that is purged. A held job is refused."
        lines = [*names(targets), *acts.screen.whose(), held]
        acts.ask(
            "DELETE", lines, shell,
            lambda: acts.each("delete", targets, shell, lambda operator, target: operator.delete(target.id)),
            count=len(targets),
        )  # fmt: skip

    def undo(self) -> None:
        """Look up the last act of this person that can be undone, then ask."""
        acts, screen = self._acts, self._acts.screen

        def look() -> None:
            try:
                group = Operator(acts.store(), via="console").last()
            except (FsJobError, OSError) as error:
                outcome = Outcome(False, f"what can be undone cannot be read: {error}")
                screen.app.call_from_thread(acts.told, outcome, "")
            else:
                screen.app.call_from_thread(self._ask, group)

        screen.run_worker(look, thread=True, exit_on_error=False, group="acts")

    def _ask(self, group: Group | None) -> None:
        acts = self._acts
        if acts.screen.app.screen is not acts.screen:  # something else was asked meanwhile
            return
        if group is None:
            acts.screen.tell("there is nothing of yours to undo")
            return
        first, shell = group.first, acts.shell("undo", group.name)
        act = first.jobs[0].act
        more = f" and {short_count(group.count - len(group.ids))} more" if group.count > len(group.ids) else ""
        lines = [
            f"{short_count(group.count)} job{'s' if group.count != 1 else ''}: {', '.join(group.ids)}{more}",
            f"{short_age(acts.screen.now() - first.at)} ago, {first.via}: {WORDS.get(act, act)}",
            "Only where nothing has changed since; else what has is told.",
        ]
        acts.ask("UNDO", lines, shell, lambda: self._undo(group, shell), count=group.count)

    def _undo(self, group: Group, shell: str) -> None:
        if group.count > 1:
            self._acts.sets.undo(group, shell)
            return

        def act(operator: Operator) -> Outcome:
            outcomes = operator.undo(group)
            return outcomes[0] if outcomes else Outcome(False, "it was undone already")

        self._acts.do(shell, act)
