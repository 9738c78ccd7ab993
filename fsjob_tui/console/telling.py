"""Who waits to be told of a value: shown with what became of telling them, told anew, taken off the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fsjob_core.errors import FsJobError
from fsjob_core.facts import JobDetail
from fsjob_core.ledger import entry_of, given_up, read_ledger
from fsjob_core.masking import masked
from fsjob_core.record import JobRecord, Json, dump

from ..text import safe_bytes, short_age, short_size
from .saying import target_word
from .screens.dialogs import Ask
from .screens.picking import Pick
from .targets import Target

if TYPE_CHECKING:
    from .acting import Acts

PREVIEW = 400
"""Bytes of the value that are shown before it is told again."""


class Telling:
    """The acts on the targets of a job."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._more = acts.screen.settings.masked_words

    def targets(self, target: Target) -> None:
        """Look up who waits, then ask whom it is about."""
        acts, screen = self._acts, self._acts.screen

        def look() -> None:
            try:
                detail = acts.store().views.detail(target.id, value=True)
            except (FsJobError, OSError) as error:
                screen.app.call_from_thread(screen.tell, str(error), wrong=True)
            else:
                screen.app.call_from_thread(self._pick, detail)

        screen.run_worker(look, thread=True, exit_on_error=False, group="acts")

    def _pick(self, detail: JobDetail) -> None:
        acts, record = self._acts, detail.record
        if acts.screen.app.screen is not acts.screen:  # something else was asked meanwhile
            return
        if record is None or not record.waiting:
            acts.screen.tell("nobody waits to be told of this job")
            return
        now, gone = acts.screen.now(), given_up(record)
        choices: list[list[Json]] = [[target] for target in record.waiting]
        rows = [f"{short_target(target, self._more)}  {tried(record, target, now)}" for target in record.waiting]
        if len(gone) > 1:
            choices.insert(0, gone)
            rows.insert(0, f"the {len(gone):,} that were given up")
        if len(choices) == 1:
            self._ask(detail, record, choices[0])
            return

        def picked(index: int | None) -> None:
            if index is not None:
                self._ask(detail, record, choices[index])

        acts.screen.app.push_screen(Pick(f"WHO WAITS · {detail.id}", rows), picked)

    def _ask(self, detail: JobDetail, record: JobRecord, targets: list[Json]) -> None:
        acts, now = self._acts, self._acts.screen.now()
        lines = [f"job     {detail.id}"]
        lines += [f"target  {short_target(target, self._more)}  {tried(record, target, now)}" for target in targets[:5]]
        if len(targets) > 5:
            lines.append(f"        and {len(targets) - 5:,} more")
        if record.fulfilled:
            shown = safe_bytes(detail.value_start[:PREVIEW], lines=True).splitlines() or [""]
            lines += [f"value   {short_size(detail.value_size or 0)}, it is told this:", *(f"  {one}" for one in shown)]
        else:
            lines.append("The job is not fulfilled yet: nobody is told before it is.")
        lines.append("A notifier tells it, within a second where one runs. Who takes it twice gets it twice.")
        words = [target_word(target, self._more) for target in targets] if len(targets) == 1 else []
        again, off = acts.shell("queue", "--again", detail.id, *words), acts.shell("unqueue", detail.id, *words)
        choices = {"y": "tells it anew"} | ({"u": "takes it off the list"} if len(targets) == 1 else {})
        shell = f"{again}   u: {off}" if len(targets) == 1 else again

        def answered(answer: str | None) -> None:
            if answer == "y":
                acts.do(again, lambda operator: operator.tell_again(detail.id, targets))
            elif answer == "u":
                acts.do(off, lambda operator: operator.unqueue(detail.id, targets[0]))

        acts.screen.app.push_screen(Ask("TELL AGAIN", lines, choices, shell=shell), answered)


def short_target(target: Json, more: Sequence[str]) -> str:
    """A target in short, what looks secret masked; `more`: words that are masked too."""
    return dump(masked(target, more)).decode("utf-8", "replace")[:120]


def tried(record: JobRecord, target: Json, now: float) -> str:
    """What became of telling one target so far."""
    entry = entry_of(read_ledger(record), target)
    if entry is None:
        return "not tried yet"
    many = "1 try" if entry.count == 1 else f"{entry.count:,} tries"
    due = f"next in {short_age(entry.due - now)}" if entry.due is not None and entry.due > now else "due now"
    after = "given up" if entry.given_up else due
    return f"{many}, the last {short_age(now - entry.at)} ago: {entry.error or 'no error is written'}; {after}"
