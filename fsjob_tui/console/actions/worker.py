"""Starting, draining and stopping the worker in this console."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ..embedded import EmbeddedWorker, WorkerSaid
from ..screens.dialogs import Ask
from ..screens.editors import WorkerCommand, WorkerDialog
from .action import Action

if TYPE_CHECKING:
    from ..screens.main import MainScreen


def _worker(screen: MainScreen) -> None:
    worker = screen.worker
    if worker is not None and worker.alive:
        lines = [f"{worker.how.command}", f"{len(worker.running)} jobs run now."]
        choices = {"d": "drain: finish what runs, then end", "s": "stop: end what runs now"}
        screen.app.push_screen(Ask("THE WORKER HERE", lines, choices), lambda answer: _end(screen, answer))
        return
    command = worker.how.command if worker is not None else ""
    dialog = WorkerDialog(command, directory=screen.directory)
    screen.app.push_screen(dialog, lambda how: start(screen, how) if how is not None else None)


def _why_not(screen: MainScreen) -> str | None:
    """One that runs can be ended whatever may be changed."""
    return None if screen.worker is not None and screen.worker.alive else screen.acts.why_not()


def start(screen: MainScreen, how: WorkerCommand) -> None:
    """Start a worker as a child of the console."""
    try:
        screen.worker = EmbeddedWorker(screen.directory, how, lambda: screen.post_message(WorkerSaid()))
    except (OSError, ValueError) as error:
        screen.tell(f"the worker could not be started: {error}", wrong=True)
        return
    screen.model.here = screen.worker.pid
    screen.tell(f"a worker runs {shlex.quote(how.command)}; 7 shows its log")


def _end(screen: MainScreen, answer: str | None) -> None:
    if screen.worker is not None and answer is not None:
        screen.worker.drain() if answer == "d" else screen.worker.stop()
        screen.refresh_around()


WORKER = Action("worker", "w", "worker", "start a worker in this console, drain or stop it", _worker, _why_not, worth=5,
                in_browser=False)  # fmt: skip
UNIT = Action(
    "unit", "U", "systemd unit", "copy a systemd unit that runs the worker without this console",
    lambda screen: screen.copy(screen.worker.unit, "the systemd unit") if screen.worker is not None else None,
    lambda screen: None if screen.worker is not None else "no worker was started here",
)  # fmt: skip
