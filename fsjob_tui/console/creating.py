"""Creating from the console: one request, or one of each line of a text or a file, checked whole before any is made."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from fsjob_core.errors import FsJobError, InvalidRequest
from fsjob_core.journal import Outcome
from fsjob_core.masking import too_deep
from fsjob_core.operator import Operator
from fsjob_core.record import MAX_STATE, Json
from fsjob_core.store import JobStore

from ..commands.arguments import json_lines, parse_json, read_lines
from ..text import editable_json
from .records import audited_look
from .saying import request_word, sentence
from .screens.dialogs import Progress
from .screens.editors import Edited
from .screens.requests import CreateEditor, is_file

if TYPE_CHECKING:
    from .acting import Acts

TOLD_EVERY = 0.1


class Creating:
    """The dialogs and acts that make jobs."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._last = ""
        """What was typed last, made or left."""

    def create(self, like: str = "", *, at_once: bool = False) -> None:
        """Edit a request and make a job of it; where there is no store yet, make that first.

        `like`: the job under the cursor, whose request may be taken; `at_once`: is taken.
        """
        acts = self._acts
        if acts.screen.model.problem is not None:
            self._make_store()
            return
        lines = ["A request is any JSON value, or @FILE. Workers get it as it is; z takes the job back."]
        editor = CreateEditor("CREATE A JOB", lines, last=self._last, like=like, load=self._load, shell=self._shell)

        def done(edited: Edited | None) -> None:
            self._last = editor.draft or self._last
            if edited is not None and is_file(edited.text) and acts.screen.app.is_web:
                acts.screen.tell("no files of this machine in a browser", wrong=True)
            elif edited is not None:
                self._many(edited.text) if edited.many else self._one(edited)

        acts.screen.app.push_screen(editor, done)
        if at_once:
            editor.call_after_refresh(editor.action_like)

    def _load(self, editor: CreateEditor) -> None:
        """Put the request of the ancestor into the editor, which shows what is masked: that is audited."""
        job_id = editor.ancestor

        def read(store: JobStore) -> Json:
            request = audited_look(store, job_id, self._acts.screen.settings.masked_words)[0].request
            if too_deep(request):
                raise InvalidRequest(f"the request of {job_id} is nested too deep to be shown")
            return request

        def put(request: Json) -> None:
            editor.name_ancestor(job_id)
            editor.put(editable_json(request))

        self._acts.look(read, put)

    def _shell(self, edited: Edited) -> str:
        like = ["--like", edited.like] if edited.like else []
        more = self._acts.screen.settings.masked_words
        word = edited.text.strip() if is_file(edited.text) else request_word(edited.value, more)
        return self._acts.shell("create", *like, word)

    # ── one ──

    def _one(self, edited: Edited) -> None:
        def act(operator: Operator) -> Outcome:
            value = edited.value
            if is_file(edited.text):
                with open_given(edited.text) as file:
                    value = parse_json(file.read(MAX_STATE + 1), "the request")
            job = operator.create(value, like=edited.like)
            return Outcome(True, f"job {job.id} is pending", job.id)

        self._acts.do(self._shell(edited), act)

    # ── many ──

    def _many(self, text: str) -> None:
        """Look at every line, say how many there are, and ask."""
        progress = Progress("LOOKING AT EVERY LINE", ["Nothing is made before all of them are JSON."])

        def look(store: JobStore) -> int:
            return sum(1 for _ in self._counted(_requests(text), progress, "lines are JSON"))

        def run(store: JobStore) -> int | str:
            try:
                return look(store)
            except (FsJobError, OSError) as error:
                return f"{sentence(error)}; nothing was made"

        def found(count: int | str) -> None:
            if isinstance(count, str):
                self._acts.told(Outcome(False, count), self._shell_of_many(text))
            elif not progress.given_up:
                self._ask(text, count)

        self._acts.look(run, found, countdown=progress)

    def _ask(self, text: str, count: int) -> None:
        shell = self._shell_of_many(text)
        if not count:
            self._acts.told(Outcome(False, "it holds no line"), shell)
            return
        lines = [f"{count:,} jobs, one of each line. z takes all of them back.", "esc while it runs: those made stay."]
        title = f"CREATE {count:,} JOBS"
        self._acts.ask(title, lines, shell, lambda: self._make(text, count, shell), count=count)

    def _make(self, text: str, count: int, shell: str) -> None:
        progress = Progress(f"CREATING {count:,} JOBS", ["Those that were made stay."])

        def act(operator: Operator) -> Outcome:
            made = 0
            try:
                for _ in operator.create_many(self._counted(_requests(text), progress, f"of {count:,}")):
                    made += 1
            except (FsJobError, OSError) as error:
                return Outcome(False, f"{made:,} of {count:,} jobs were made: {sentence(error)}")
            stopped = ", then you stopped it" if progress.given_up else ""
            return Outcome(made == count or progress.given_up, f"{made:,} of {count:,} jobs were made{stopped}")

        self._acts.do(shell, act, countdown=progress)

    def _counted(self, requests: Iterator[Json], progress: Progress, what: str) -> Iterator[Json]:
        """The requests until somebody gives up: ending them, and not whoever makes jobs of them, loses no count."""
        told = 0.0
        for count, request in enumerate(requests, 1):
            if progress.given_up:
                return
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                self._acts.screen.app.call_from_thread(progress.say, f"{count:,} {what}")
            yield request

    def _shell_of_many(self, text: str) -> str:
        return self._acts.shell("create", "--ndjson", text.strip() if is_file(text) else "@FILE")

    # ── the store itself ──

    def _make_store(self) -> None:
        acts, directory = self._acts, self._acts.directory

        def make() -> Outcome:
            JobStore(directory, read_only=acts.read_only)
            return Outcome(True, f"{directory} is a store now")

        lines = [str(acts.screen.model.problem), f"Make an empty job store in {directory}?"]
        acts.ask("MAKE A STORE", lines, "", lambda: acts.call("", make))


def open_given(text: str) -> BinaryIO:
    """The regular file that `@FILE` names: it may be read twice, and a FIFO would be waited for, for ever perhaps."""
    path = os.path.expanduser(text.strip()[1:].strip())
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        kind = "FIFO" if stat.S_ISFIFO(mode) else "directory" if stat.S_ISDIR(mode) else "device"
        raise InvalidRequest(f"{path} is a {kind}, not a file")
    return os.fdopen(fd, "rb")


def _requests(text: str) -> Iterator[Json]:
    """A request of each line. Raises InvalidRequest with the line's number."""
    if not is_file(text):
        yield from json_lines(text.encode("utf-8", "replace").split(b"\n"))
        return
    with open_given(text) as file:
        yield from json_lines(read_lines(file))
