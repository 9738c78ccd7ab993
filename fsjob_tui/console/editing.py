"""Editing a request in the page: written only if the version is still the same, else both are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsjob_core.errors import FsJobError, VersionMismatch
from fsjob_core.journal import Outcome
from fsjob_core.masking import MASK, Hiding, too_deep
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord, same_json
from fsjob_core.store import JobStore

from ..text import editable_json, short_size
from .saying import request_word, sentence
from .screens.editors import Edited
from .screens.requests import RequestEditor
from .targets import Target

if TYPE_CHECKING:
    from .acting import Acts

LARGEST = 200_000
"""Characters that are edited in the page."""


class Draft(NamedTuple):
    """What was typed and could not be written, what its bullets stand for, and why."""

    text: str
    hiding: Hiding
    why: str


class Editing:
    """The dialogs and the act that change a request."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def edit(self, target: Target) -> None:
        """Read the job as it is now, then edit its request; what is masked is hidden, and stays as it is."""
        self._acts.look(lambda store: store.get(target.id), self._open)

    def _open(self, record: JobRecord, yours: Draft | None = None) -> None:
        """`yours`: what was typed before somebody else changed it, or before it could not be written."""
        if record.fulfilled:
            self._acts.screen.tell(f"job {record.id} is fulfilled; its request is not changed any more", wrong=True)
            return
        if yours is None and too_deep(record.request):
            line = self._acts.shell("edit", record.id)
            self._acts.screen.tell(f"its request is nested too deep to be shown; in a shell: {line}", wrong=True)
            return
        theirs = self._hiding(record)
        shown = editable_json(theirs.shown)
        text, hiding = (shown, theirs) if yours is None else (yours.text, yours.hiding)
        if len(text) > LARGEST:
            line = self._acts.shell("edit", record.id)
            self._acts.screen.tell(f"{short_size(len(text))} are too much for a page; in a shell: {line}", wrong=True)
            return
        title, lines = "EDIT THE REQUEST", [f"job  {record.id}   version {record.version}"]
        if yours is not None:
            title = "IT WAS NOT WRITTEN"
            lines = [yours.why, f"Theirs, version {record.version}:", *shown.split("\n"), "Yours stands below."]
            if hiding.values and hiding.values != theirs.values:
                lines.append("What is hidden differs too: yours has it as it was when you began.")
        elif hiding.values:
            lines.append(f"{MASK} is hidden, and stays as it is unless you type over it (esc, u, e: edit it shown).")
        else:
            lines.append("Whoever pulls it next gets the new one; z undoes.")
        editor = RequestEditor(title, lines, text, lambda edited: self._shell(record, edited), hiding)
        self._acts.screen.app.push_screen(editor, lambda edited: self._write(record, edited, hiding))

    def _hiding(self, record: JobRecord) -> Hiding:
        """A request as it is edited: all of it only where all of it is shown already, which was audited."""
        screen = self._acts.screen
        if screen.unmasked == record.id:
            return Hiding(record.request, hide=False)
        return Hiding(record.request, screen.settings.masked_words)

    def _shell(self, record: JobRecord, edited: Edited) -> str:
        """The line that does the same."""
        word = request_word(edited.value, self._acts.screen.settings.masked_words)
        return self._acts.shell("edit", record.id, "--version", str(record.version), word)

    def _write(self, record: JobRecord, edited: Edited | None, hiding: Hiding) -> None:
        if edited is None:
            return
        if same_json(edited.value, record.request):
            self._acts.screen.tell("nothing was changed in it")
            return

        def act(operator: Operator) -> Outcome:
            try:
                return operator.edit(record.id, record.version, edited.value)
            except (FsJobError, OSError) as error:
                self._again(operator.store, record.id, edited.text, hiding, error)
                raise

        self._acts.do(self._shell(record, edited), act)

    def _again(self, store: JobStore, job_id: str, text: str, hiding: Hiding, error: Exception) -> None:
        """What was typed is not lost: it is shown again, under what stands there now."""
        try:
            now = store.get(job_id)
        except (FsJobError, OSError):
            return
        why = "somebody has changed it meanwhile" if isinstance(error, VersionMismatch) else sentence(error)
        self._acts.screen.app.call_from_thread(self._open, now, Draft(text, hiding, why))
