"""The main screen: the keys that act on the store, open, copy, help, and run a worker in the console."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.widgets import Input

from fsjob_core.feed import Job

from ...text import short_size
from ..bindings import KEYS, TITLES, bindings
from ..clipboard import copy
from ..embedded import EmbeddedWorker
from .dialogs import Ask, Lines
from .editors import WorkerCommand, WorkerDialog
from .help import Help
from .moving import Moving
from .painted import WorkerSaid


class MainScreen(Moving):
    """The console."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]

    def on_mount(self) -> None:
        if self._worker_command:
            self._start_worker(WorkerCommand(self._worker_command, 1, 5))

    def on_key(self, event: events.Key) -> None:
        """A key that is not valid now says why."""
        for key in KEYS:
            if event.key in key.keys.split(",") and (why := self.why_not(key.action)) is not None:
                self.tell(f"{key.short}: {why}")

    # ── acts ──

    def action_release(self) -> None:
        self.acts.locks.release(self._targets())

    def action_requeue(self) -> None:
        self.acts.requeue(self._targets())

    def action_park(self) -> None:
        self.acts.park(self._targets())

    def action_create(self) -> None:
        self.acts.create()

    def action_fulfill(self) -> None:
        self.acts.fulfill(self._targets()[0])

    def action_delete(self) -> None:
        self.acts.removal.delete(self._targets())

    def action_undo(self) -> None:
        self.acts.removal.undo()

    def action_pause(self) -> None:
        overview = self.model.overview
        self.acts.pause(overview is not None and overview.paused is not None)

    def action_write(self) -> None:
        name = self.model.hello.label.name if self.model.hello else ""

        def open_writing() -> None:
            self.acts.writing = True
            self.refresh_around()

        self.acts.ask("OPEN WRITING", [f"{name or self.directory} is guarded. Open writing until this console ends?"],
                      "", open_writing)  # fmt: skip

    # ── looking ──

    def action_back(self) -> None:
        """Close what was opened last; at the root, quit."""
        if not self.action_close():
            self._quit()

    def action_close(self) -> bool:
        """Close what was opened last; says whether there was anything."""
        field = self.query_one("#filter", Input)
        if field.has_focus:
            field.value = ""
            self._end_filter()
        elif self._opened is not None:
            self._opened = None
            self.refresh_around()
        elif self.table.marked:
            self.table.marked.clear()
            self.table.repaint()
            self.refresh_around()
        elif self.model.filter:
            field.value = ""
            self._end_filter()
        else:
            return False
        return True

    def _quit(self) -> None:
        if self._worker is not None and self._worker.alive:
            lines_ = ["A worker runs in this console. It finishes what it has, for 30 s at most, and ends."]
            dialog = Ask("LEAVE", lines_, {"y": "leaves"}, shell=self._worker.shell)
            self.app.push_screen(dialog, lambda answer: self._leave() if answer == "y" else None)
        else:
            self._leave()

    def _leave(self) -> None:
        self.close_down()
        self.app.exit(0)

    def action_unmask(self) -> None:
        self._unmasked = not self._unmasked
        self.refresh_around()

    def action_theme(self) -> None:
        self.app.theme = "textual-light" if self.app.current_theme.dark else "textual-dark"

    def action_log(self) -> None:
        self.app.push_screen(Lines("ACTS OF THIS CONSOLE", [line for act in self.acts.log for line in act.split("\n")]))

    def action_palette(self) -> None:
        self.app.action_command_palette()

    async def action_help(self) -> None:
        def chosen(action: str | None) -> None:
            if action is not None:
                self.call_later(self.run_action, action)

        self.app.push_screen(Help(f"KEYS · {TITLES[self.view]}", self.every_key()), chosen)

    # ── copying ──

    def action_copy(self) -> None:
        job, job_id = self.model.job, self._shown_job() or ""
        opened = job is not None and job.detail.id == job_id and job.detail.record is not None
        choices = {"i": "id", "s": "shell line"}
        if opened:
            choices |= {"r": "request"}
            if job is not None and job.detail.value_size is not None:
                choices |= {"v": "value (its first 64 kB)"}
        dialog = Ask("COPY", [f"job  {job_id}", "What goes to the clipboard, as it is:"], choices)
        self.app.push_screen(dialog, lambda answer: self._copied(answer, job_id, job))

    def _copied(self, answer: str | None, job_id: str, job: Job | None) -> None:
        import json

        if answer == "i":
            self.copy(job_id, "the id")
        elif answer == "s":
            self.copy(self.acts.shell("show", job_id), "the shell line")
        elif answer == "r" and job is not None and job.detail.record is not None:
            self.copy(json.dumps(job.detail.record.request, ensure_ascii=False), "the request")
        elif answer == "v" and job is not None:
            self.copy(job.detail.value_start.decode("utf-8", "replace"), "the value")

    def copy(self, text: str, what: str) -> None:
        """Copy raw text; say what, how much, and how."""
        way = copy(text, self.app.copy_to_clipboard)
        self.tell(f"{what} copied: {short_size(len(text.encode('utf-8', 'replace')))}, {way}")

    # ── the worker in this console ──

    def action_worker(self) -> None:
        worker = self._worker
        if worker is not None and worker.alive:
            lines_ = [f"{worker.how.command}", f"{len(worker.running)} jobs run now."]
            choices = {"d": "drain: finish what runs, then end", "s": "stop: end what runs now"}
            self.app.push_screen(Ask("THE WORKER HERE", lines_, choices), self._end_worker)
            return
        if (why := self.acts.why_not()) is not None:
            self.tell(f"no worker can be started: {why}", wrong=True)
            return
        command = worker.how.command if worker is not None else ""
        self.app.push_screen(WorkerDialog(command, directory=self.directory), self._start_worker)

    def _start_worker(self, how: WorkerCommand | None) -> None:
        if how is None:
            return
        try:
            self._worker = EmbeddedWorker(self.directory, how, lambda: self.post_message(WorkerSaid()))
        except (OSError, ValueError) as error:
            self.tell(f"the worker could not be started: {error}", wrong=True)
            return
        self.tell(f"a worker runs {shlex.quote(how.command)}; 7 shows its log")

    def _end_worker(self, answer: str | None) -> None:
        if self._worker is not None and answer is not None:
            self._worker.drain() if answer == "d" else self._worker.stop()
            self.refresh_around()
