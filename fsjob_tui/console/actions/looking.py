"""The actions that open, copy, show and close; no job is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsjob_core.feed import Job

from ..embedded import LOG_LINES
from ..records import acts_on, copy_request
from ..screens.dialogs import Ask, Lines
from ..screens.help import Help
from ..views.workers import log_pieces
from .action import Action, with_job
from .records import UNMASK

if TYPE_CHECKING:
    from ..screens.main import MainScreen




def _log(screen: MainScreen) -> None:
    """The acts of this console at once, and once it was read what anybody did to this job; or the worker's log."""
    if screen.view.name == "workers" and screen.worker is not None:
        title, pieces = log_pieces(screen.worker, LOG_LINES)
        screen.app.push_screen(Lines(f"WORKER · {title}", "".join(text for text, _ in pieces).splitlines()))
        return
    lines, job_id = [line for act in screen.acts.log for line in act.split("\n")], screen.shown_job()
    dialog = Lines("ACTS OF THIS CONSOLE", lines)
    screen.app.push_screen(dialog)
    if job_id:
        of_job = [*([""] if lines else ["nothing yet", ""]), f"ACTS ON JOB {job_id}, by anybody:"]
        screen.acts.look(
            lambda store: acts_on(store, job_id) or ["none"], lambda acts: dialog.call_later(dialog.add, of_job + acts)
        )


def _help(screen: MainScreen) -> None:
    def chosen(name: str | None) -> None:
        if name is not None:
            screen.call_later(screen.run_action, f"do('{name}')")

    screen.app.push_screen(Help(f"KEYS · {screen.view.title}", screen.every_action()), chosen)


def _why_no_open(screen: MainScreen) -> str | None:
    key = screen.table.cursor
    if screen.opened is not None:
        return "it is open; esc closes it"
    return screen.view.why_not_open(screen.model, key) if key is not None else "nothing is under the cursor"


def _why_no_copy(screen: MainScreen) -> str | None:
    return None if screen.view.line_to_copy(screen) is not None else with_job(screen)


def _copy(screen: MainScreen) -> None:
    at_once = screen.view.line_to_copy(screen)
    if at_once is not None and screen.opened is None:
        screen.copy(*at_once)
        return
    job_id, target = screen.shown_job() or "", screen.target()
    choices = {"i": "id", "r": "request", "s": "shell line"}
    if target is not None and target.state == "fulfilled":
        choices["v"] = "value (its first 64 kB)"
    dialog = Ask("COPY", [f"job  {job_id}", "What goes to the clipboard, as it is:"], choices)
    screen.app.push_screen(dialog, lambda answer: _copied(screen, answer, job_id))


def _copied(screen: MainScreen, answer: str | None, job_id: str) -> None:
    if answer == "i":
        screen.copy(job_id, "the id")
    elif answer == "s":
        screen.copy(screen.acts.shell("show", job_id), "the shell line")
    elif answer == "r":
        copy_request(screen, job_id)
    elif answer == "v":
        screen.with_job(job_id, lambda job: _copy_value(screen, job))


def _copy_value(screen: MainScreen, job: Job) -> None:
    size, start = job.detail.value_size, job.detail.value_start
    if size is None:
        screen.tell("there is no value", wrong=True)
    else:
        screen.copy(start.decode("utf-8", "replace"), "the value" if size <= len(start) else "the start of the value")


OPEN = Action("open", "enter,d", "open", "open what is under the cursor: a job, the jobs of a group, of a worker",
              lambda screen: screen.open_row(), _why_no_open, worth=9, shown_as="enter")  # fmt: skip

ACTIONS = (
    Action("copy", "y", "copy", "copy the id, the request, the value or the shell line", _copy, _why_no_copy,
           in_browser=False),
    UNMASK,
)  # fmt: skip
LAST = (
    Action("log", "l", "log", "what was done here, with its shell line, and to this job; in 7 the worker's log", _log),
    Action("close", "escape", "close", "close what was opened last", lambda screen: screen.close(), shown_as="esc"),
    Action("back", "q", "back", "close what was opened last; at the root quit", lambda screen: screen.back()),
    Action("leave", "ctrl+q", "leave", "leave the console", lambda screen: screen.app.run_action("leave")),
    Action("interrupt", "ctrl+c", "leave", "copy a selection; twice within two seconds: leave",
           lambda screen: screen.app.run_action("interrupt")),
    Action("palette", "ctrl+p,colon", "palette", "every action by name",
           lambda screen: screen.app.action_command_palette(), shown_as="ctrl+p :"),
    Action("help", "question_mark", "all keys", "this help; enter runs the key under the cursor", _help, shown_as="?"),
)  # fmt: skip
