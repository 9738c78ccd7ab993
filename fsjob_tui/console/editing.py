"""Editing a request in the page: written only if the version is still the same, else both are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fsjob_core.errors import FsJobError, VersionMismatch
from fsjob_core.journal import Outcome
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord
from fsjob_core.store import JobStore

from ..text import editable_json, short_size
from .records import audited_look
from .saying import sentence, short_word
from .screens.editors import Edited
from .screens.requests import RequestEditor
from .targets import Target

if TYPE_CHECKING:
    from .acting import Acts

LARGEST = 200_000
"""Characters that are edited in the page."""


class Editing:
    """The dialogs and the act that change a request."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def edit(self, target: Target) -> None:
        """Read the job as it is now, then edit its request."""
        self._acts.look(lambda store: audited_look(store, target.id)[0], self._open)

    def _open(self, record: JobRecord, yours: str | None = None, why: str = "") -> None:
        """`yours`: what was typed before somebody else changed it, or before it could not be written, and why."""
        theirs = editable_json(record.request)
        text = theirs if yours is None else yours
        if record.fulfilled:
            self._acts.screen.tell(f"job {record.id} is fulfilled; its request is not changed any more", wrong=True)
            return
        if len(text) > LARGEST:
            line = self._acts.shell("edit", record.id)
            self._acts.screen.tell(f"{short_size(len(text))} are too much for a page; in a shell: {line}", wrong=True)
            return
        lines = [f"job  {record.id}   version {record.version}", "Whoever pulls it next gets the new one; z undoes."]
        title = "EDIT THE REQUEST"
        if why:
            title = "IT WAS NOT WRITTEN"
            lines = [why, f"Theirs, version {record.version}:", *theirs.split("\n"), "Yours stands below."]
        editor = RequestEditor(title, lines, text, lambda edited: self._shell(record, edited))
        self._acts.screen.app.push_screen(editor, lambda edited: self._write(record, edited))

    def _shell(self, record: JobRecord, edited: Edited) -> str:
        word = short_word(json.dumps(edited.value, ensure_ascii=False))
        return self._acts.shell("edit", record.id, "--version", str(record.version), word)

    def _write(self, record: JobRecord, edited: Edited | None) -> None:
        if edited is None:
            return
        if edited.value == record.request and type(edited.value) is type(record.request):
            self._acts.screen.tell("nothing was changed in it")
            return

        def act(operator: Operator) -> Outcome:
            try:
                return operator.edit(record.id, record.version, edited.value)
            except (FsJobError, OSError) as error:
                self._again(operator.store, record.id, edited.text, error)
                raise

        self._acts.do(self._shell(record, edited), act)

    def _again(self, store: JobStore, job_id: str, yours: str, error: Exception) -> None:
        """What was typed is not lost: it is shown again, under what stands there now."""
        try:
            now = store.get(job_id)
        except (FsJobError, OSError):
            return
        why = "somebody has changed it meanwhile" if isinstance(error, VersionMismatch) else sentence(error)
        self._acts.screen.app.call_from_thread(self._open, now, yours, why)
