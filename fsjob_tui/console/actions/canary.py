"""Running a parked group again with care."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsjob_core.journal import Outcome

from ..canary import CanaryEnded, RunningCanary
from ..screens.canary import CanaryProgress
from ..screens.dialogs import Ask
from ..targets import Target, names
from .action import Action

if TYPE_CHECKING:
    from ..screens.main import MainScreen

RATES = {"y": 10.0, "s": 1.0, "f": 100.0}
"""Keys, and how many jobs a second they mean."""


def _why_not(screen: MainScreen) -> str | None:
    if screen.canary is not None and screen.canary.alive:
        return None
    return None if _group(screen) else "only parked jobs: 5 shows them"


def _group(screen: MainScreen) -> list[str]:
    """The jobs of the groups that are marked or under the cursor; in a group the marked jobs, else all that match."""
    view, table = screen.view, screen.table
    if view.state != "parked" or screen.opened is not None:
        return []
    if table.marked or not view.job_of(screen.model, table.cursor or ""):
        return [target.id for target in screen.targets()]
    return [view.job_of(screen.model, table.source.key(index)) for index in range(len(table.source))]


def _whose(screen: MainScreen, ids: list[str]) -> list[str]:
    """What these jobs failed of."""
    if screen.table.marked or not screen.view.job_of(screen.model, screen.table.cursor or ""):
        return screen.whose()
    return screen.view.whose(screen.model, ids)


def _run(screen: MainScreen) -> None:
    """Show the one that runs, or ask for another."""
    if screen.canary is not None and screen.canary.alive:
        _show(screen)
        return
    ids = _group(screen)
    lines = [
        *names([Target(job_id) for job_id in ids]),
        *_whose(screen, ids),
        "Runs 1 again and waits for its outcome, then 10, then the rest at so many a second.",
        "It stops by itself when an error comes back: what was not sent stays parked.",
        "It ends with this console unless k tells it otherwise.",
    ]
    shell = screen.acts.shell("requeue", "--canary", "-") + " < ids"
    choices = {"y": "starts, 10/s", "s": "slowly, 1/s", "f": "fast, 100/s"}

    def asked(answer: str | None) -> None:
        if answer is None:
            return
        rate = RATES[answer]
        words = screen.acts.shell("requeue", "--canary", "--rate", f"{rate:g}", "-") + " < ids"
        screen.acts.ask_number("CANARY", lines, words, lambda: _start(screen, ids, rate, words), count=len(ids))

    screen.app.push_screen(Ask(f"CANARY · {len(ids):,} PARKED JOBS", lines, choices, shell=shell), asked)


def _start(screen: MainScreen, ids: list[str], rate: float, shell: str) -> None:
    def ended() -> None:
        screen.post_message(CanaryEnded())

    try:
        screen.canary = RunningCanary(
            screen.directory, ids, rate, write=screen.acts.writing, shell=shell, ended=ended
        )
    except OSError as error:
        screen.tell(f"the canary could not be started: {error}", wrong=True)
        return
    _show(screen)


def _show(screen: MainScreen) -> None:
    assert screen.canary is not None
    screen.app.push_screen(CanaryProgress(screen.canary, nobody_works=lambda: not screen.model.workers))


def has_ended(screen: MainScreen) -> None:
    """Tell what came of it, and keep it with its shell line."""
    if screen.canary is None:
        return
    canary, progress = screen.canary, screen.canary.progress
    screen.acts.log.extend(f"    {note}" for note in canary.notes)
    what = f"canary {progress.state}: {progress.text}" + (f"; {progress.why}" if progress.why else "")
    screen.acts.told(Outcome(progress.state == "done" and not progress.failed, what), canary.shell)


CANARY = Action(
    "canary", "C", "canary", "run parked jobs again with care: 1, then 10, then the rest; it stops at an old error",
    _run, _why_not, changes=True, aims=True, worth=6,
)  # fmt: skip
