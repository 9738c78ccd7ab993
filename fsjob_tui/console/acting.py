"""From a key to an act: what is under the cursor is fixed, asked about, done in a thread, and told."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from fsjob_core.errors import FsJobError
from fsjob_core.journal import Outcome
from fsjob_core.operator import Operator
from fsjob_core.store import JobStore

from ..text import short_size
from .creating import Creating, open_given
from .editing import Editing
from .purging import Purging
from .releasing import Releasing, parked
from .removing import Removing
from .repairing import Repairing
from .saying import sentence, short_word
from .screens.dialogs import Ask, Countdown, Typed
from .screens.editors import Edited, FulfillEditor
from .sets import Sets
from .targets import Target, names
from .telling import Telling

if TYPE_CHECKING:
    from .screens.frame import Frame

MANY = 100
"""Jobs at once from which on the number is typed."""


T = TypeVar("T")

Act = Callable[[Operator], Outcome]


class Acts:
    """The acts of the console. Each goes through the core's Operator, in a thread of its own."""

    def __init__(self, screen: Frame, directory: str, *, read_only: bool) -> None:
        self.screen = screen
        self.directory = directory
        self.read_only = read_only
        self.writing = False
        """Whether writing was opened on a guarded store."""
        self.log: list[str] = []
        self._done: set[str] = set()
        """Jobs that were acted on and may be marked still."""
        self.locks: Releasing = Releasing(self)
        self.removal: Removing = Removing(self)
        self.purging: Purging = Purging(self)
        self.repairs: Repairing = Repairing(self)
        self.telling: Telling = Telling(self)
        self.creation: Creating = Creating(self)
        self.editing: Editing = Editing(self)
        self.sets: Sets = Sets(self)

    # ── what is allowed ──

    def why_not(self) -> str | None:
        """Why nothing can be changed, or None."""
        if self.read_only:
            return "opened read-only"
        if self.screen.model.guarded and not self.writing:
            return "guarded: W opens writing"
        return None

    def shell(self, *words: str) -> str:
        """The line that does the same in a shell."""
        write = ["--write"] if self.screen.model.guarded else []
        return shlex.join(["fsjob", "-C", self.directory, *words, *write])

    # ── doing ──

    def do(self, shell: str, act: Act, *, countdown: Countdown | None = None) -> None:
        """Act in a thread; tell what came of it, and keep it with its shell line."""
        if countdown is not None:
            self.screen.app.push_screen(countdown)

        self.call(shell, lambda: act(Operator(self.store(), via="console", write=self.writing)), countdown)

    def call(self, shell: str, act: Callable[[], Outcome], countdown: Countdown | None = None) -> None:
        """The same where no Operator is needed, or there is no store yet."""

        def run() -> None:
            try:
                outcome = act()
            except (FsJobError, OSError, ValueError) as error:
                outcome = Outcome(False, sentence(error))
            self.screen.app.call_from_thread(self.told, outcome, shell, countdown)

        self.screen.run_worker(run, thread=True, exit_on_error=False, group="acts")

    def store(self) -> JobStore:
        """The store, opened anew for one act."""
        return JobStore(self.directory, must_exist=True, read_only=self.read_only)

    def look(
        self, read: Callable[[JobStore], T], then: Callable[[T], object], *, countdown: Countdown | None = None
    ) -> None:
        """Read something in a thread, then go on with it where nothing else was asked meanwhile."""
        if countdown is not None:
            self.screen.app.push_screen(countdown)
        asked_on = self.screen.app.screen

        def found(what: T) -> None:
            if self.screen.app.screen is asked_on:
                close()
                then(what)

        def failed(error: Exception) -> None:
            close()
            self.screen.tell(sentence(error), wrong=True)

        def close() -> None:
            if countdown is not None and countdown.is_attached:
                countdown.dismiss(None)

        def run() -> None:
            try:
                what = read(self.store())
            except (FsJobError, OSError, ValueError) as error:
                self.screen.app.call_from_thread(failed, error)
            else:
                self.screen.app.call_from_thread(found, what)

        self.screen.run_worker(run, thread=True, exit_on_error=False, group="acts")

    def told(self, outcome: Outcome, shell: str, countdown: Countdown | None = None) -> None:
        """Tell what came of an act, and keep it with its shell line."""
        if countdown is not None and countdown.is_attached:
            countdown.dismiss(None)
        self.screen.unmark(self._done)
        self._done.clear()
        at = datetime.fromtimestamp(self.screen.now(), UTC).strftime("%H:%M:%SZ")
        self.log.append(f"{at} {'done' if outcome.done else 'not done'}: {outcome.what}\n    {shell}")
        self.screen.tell(outcome.what, wrong=not outcome.done)

    def each(self, name: str, targets: list[Target], shell: str, act: Callable[[Operator, Target], Outcome]) -> None:
        """Act on a fixed set, each judged again at its turn, with progress; escape stops it. `name`: of the act."""

        def noted(operator: Operator, target: Target) -> Outcome:
            outcome = act(operator, target)
            if outcome.done:
                self._done.add(target.id)
            return outcome

        if len(targets) == 1:
            self.do(shell, lambda operator: noted(operator, targets[0]))
        else:
            self.sets.act(name, targets, shell, noted)

    # ── asking ──

    def ask(self, title: str, lines: list[str], shell: str, then: Callable[[], None], *, count: int = 1) -> None:
        """Ask with `y`; of more than a hundred jobs the number is typed."""
        if count > MANY:
            self.ask_number(title, lines, shell, then, count=count)
            return
        dialog = Ask(title, lines, {"y": "does it"}, shell=shell)
        self.screen.app.push_screen(dialog, lambda answer: then() if answer == "y" else None)

    def ask_number(self, title: str, lines: list[str], shell: str, then: Callable[[], None], *, count: int) -> None:
        """Have the number of jobs typed where there are more than a hundred; else go on."""
        if count <= MANY:
            then()
            return
        typed = Typed(title, lines, word=str(count), what="the number of jobs", shell=shell)
        self.screen.app.push_screen(typed, lambda answer: then() if answer is not None else None)

    # ── fulfill ──

    def fulfill(self, target: Target) -> None:
        """Give a job its value by hand."""
        lines = [f"job  {target.id}", "The first value stays; nobody works on the job after that."]
        if target.lock is not None:
            lines.append(f"At work now: {target.lock.whose} ({target.lock.verdict.value}); its result will be refused.")

        def shell(text: str) -> str:
            return self.shell("fulfill", target.id, short_word(text))

        editor = FulfillEditor("FULFILL BY HAND", lines, shell)

        def done(edited: Edited | None) -> None:
            if edited is not None:
                self._fulfill(target, edited.text)

        self.screen.app.push_screen(editor, done)

    def _fulfill(self, target: Target, text: str) -> None:
        def act(operator: Operator) -> Outcome:
            if text.startswith("@") and not text.startswith("@@"):
                with open_given(text) as file:
                    outcome, size = operator.fulfill(target.id, file), file.tell()
            else:
                data = text.removeprefix("@").encode("utf-8") if text.startswith("@@") else text.encode("utf-8")
                outcome, size = operator.fulfill(target.id, data), len(data)
            return replace(outcome, what=f"{outcome.what} with {short_size(size)}")

        self.do(self.shell("fulfill", target.id, short_word(text)), act)

    # ── run again, park ──

    def requeue(self, targets: list[Target]) -> None:
        """Parked jobs go back to pending; of a fulfilled one a new job is offered first."""
        if len(targets) == 1 and targets[0].state == "fulfilled":
            self._requeue_fulfilled(targets[0])
            return
        words = ["--if-parked"] if {target.state for target in targets} == {"parked"} else []
        shell = self.shell_for("requeue", targets, *words)
        who, their = ("It goes", "its") if len(targets) == 1 else ("They go", "their")
        effect = f"{who} back to pending, one version up; {their} tries begin anew."
        lines = [*names(targets), *self.screen.whose(), effect]
        self.ask(
            "RUN AGAIN", lines, shell,
            lambda: self.each("run again", targets, shell, _run_again),
            count=len(targets),
        )  # fmt: skip

    def _requeue_fulfilled(self, target: Target) -> None:
        lines = [
            f"job  {target.id}  is fulfilled.",
            "n  makes a new job with the same request; this one and its value stay.",
            "i  runs this one again in place: it has no value until it is done, and who waits is told again.",
        ]
        shell = self.shell("requeue", target.id)
        dialog = Ask("RUN AGAIN", lines, {"n": "new job", "i": "in place"}, shell=f"{shell}  (in place)")

        def answered(answer: str | None) -> None:
            if answer == "i":
                self.do(shell, lambda operator: operator.requeue(target.id))
            elif answer == "n":
                self.do(self.shell("create", "--like", target.id), lambda operator: _again(operator, target.id))

        self.screen.app.push_screen(dialog, answered)

    def park(self, targets: list[Target]) -> None:
        """Give jobs up; a locked one is released as well, a live one taken away with a typed word."""
        if len(targets) == 1 and targets[0].lock is not None:
            self.locks.release(targets, park=True)
            return
        shell = self.shell_for("park", targets)
        who = ("it", "it is") if len(targets) == 1 else ("them", "they are")
        lines = [*names(targets), f"Nobody works on {who[0]} until {who[1]} run again (r)."]
        self.ask(
            "PARK", lines, shell,
            lambda: self.each("park", targets, shell, _park if len(targets) == 1 else lambda op, one: op.park(one.id)),
            count=len(targets),
        )  # fmt: skip

    def shell_for(self, command: str, targets: list[Target], *words: str) -> str:
        """The line for a set: its ids where they are few."""
        if len(targets) <= 3:
            return self.shell(command, *words, *(target.id for target in targets))
        return self.shell(command, *words, "-") + " < ids"

    # ── the store ──

    def pause(self, paused: bool) -> None:
        """Pause taking of work, or end the pause."""
        if paused:
            shell = self.shell("resume")
            lines = ["Workers of ours take work again."]
            self.ask("RESUME", lines, shell, lambda: self.do(shell, lambda op: op.resume()))
        else:
            shell = self.shell("pause")
            lines = ["No worker of ours takes work until it is resumed; Node's go on.", "What runs is finished."]
            self.ask("PAUSE", lines, shell, lambda: self.do(shell, lambda op: op.pause()))


def _park(operator: Operator, target: Target) -> Outcome:
    """One that somebody pulls at this very moment is parked once nobody does any more."""
    return parked(operator, target.id, lambda: operator.park(target.id), target.lock)


def _run_again(operator: Operator, target: Target) -> Outcome:
    """As it was when it was asked about: what was parked then is not run again where it has a value by now."""
    return operator.requeue(target.id, only_parked=target.state == "parked")


def _again(operator: Operator, job_id: str) -> Outcome:
    job = operator.create(operator.store.get(job_id).request, like=job_id)
    return Outcome(True, f"job {job.id} is pending, with the request of {job_id}", job.id)
