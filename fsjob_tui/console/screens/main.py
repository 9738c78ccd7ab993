"""The main screen: one view of the store at a time, the keys that act on it, and what it tells."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input

from fsjob_core.facts import Evidence
from fsjob_core.feed import Gone, Job, Open, Wanted
from fsjob_core.feed import Message as FeedMessage
from fsjob_core.health import RELEASABLE

from ...text import safe_text, short_seconds, short_size
from ..acting import Acts, Target
from ..bindings import ACTS, KEYS, TITLES, VIEWS, Key, bindings
from ..clipboard import copy
from ..embedded import EmbeddedWorker
from ..feed import Feed
from ..model import Model
from ..widgets import lines
from ..widgets.lines import Line
from ..widgets.panes import Pane, job_pieces, proof_pieces
from ..widgets.table import JobTable
from .dialogs import Ask, Lines
from .editors import WorkerCommand, WorkerDialog
from .help import Help

WIDE = 100
"""Columns from which on the detail stands beside the table."""
HIGH = 20
"""Lines from which on there is room for a pane below the table."""
ORDER = list(VIEWS.values())


class Batch(Message):
    """What the monitor said since the last batch."""

    def __init__(self, messages: list[FeedMessage]) -> None:
        super().__init__()
        self.messages = messages


class WorkerSaid(Message):
    """The embedded worker did something."""


class MainScreen(Screen[None], inherit_bindings=False):
    """The console."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    DEFAULT_CSS = """
    MainScreen { layout: vertical; }
    MainScreen #verdict { background: $boost; }
    MainScreen #body { height: 1fr; }
    MainScreen #left { width: 1fr; }
    MainScreen #detail { width: 46; display: none; }
    MainScreen #below { height: 9; display: none; }
    MainScreen #filter { height: 1; border: none; padding: 0 1; display: none; background: $boost; }
    MainScreen #filter:focus { border: none; }
    """

    def __init__(self, directory: str, *, read_only: bool, worker: str | None, demo: str) -> None:
        super().__init__()
        self.directory = directory
        self.model = Model(directory)
        self.acts = Acts(self, directory, read_only=read_only)
        self._demo = demo
        self._worker_command = worker
        self._feed: Feed | None = None
        self._worker: EmbeddedWorker | None = None
        self._opened: str | None = None
        self._unmasked = False
        self._last_view = "pending"
        self._evidence = -1
        self._asked: tuple[object, object] = (None, None)
        self._put_away = False

    def compose(self) -> ComposeResult:
        yield Line("store")
        yield Line("verdict")
        yield Line("tabs")
        yield Line("rates")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield JobTable(self.model, self.now)
                yield Pane("below")
            yield Pane("detail")
        field = Input(id="filter", placeholder="text in the id; enter keeps it, esc clears it", select_on_focus=False)
        field.cursor_blink = False
        yield field
        yield Line("keys")

    def on_mount(self) -> None:
        self.table.focus()
        self._feed = Feed(self.directory, lambda messages: self.post_message(Batch(messages)))
        self._feed.start()
        self.set_interval(1.0, self.tick)
        if self._worker_command:
            self._start_worker(WorkerCommand(self._worker_command, 1, 5))

    def close_down(self) -> None:
        """End the feed; the embedded worker drains for thirty seconds at most."""
        if self._put_away:
            return
        self._put_away = True
        if self._feed is not None:
            self._feed.close()
        if self._worker is not None:
            self._worker.hang_up()

    # ── parts ──

    @property
    def table(self) -> JobTable:
        return self.query_one(JobTable)

    @property
    def view(self) -> str:
        return self.table.view

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def tell(self, text: str, *, wrong: bool = False) -> None:
        """A line that stays for some seconds."""
        severity: SeverityLevel = "error" if wrong else "information"
        self.notify(safe_text(text), severity=severity, markup=False, timeout=8 if wrong else 5)

    # ── what comes in ──

    def on_batch(self, event: Batch) -> None:
        gone_before = self.model.problem
        for message in event.messages:
            self.model.apply(message)
        self.table.model_changed()
        self.refresh_around()
        self._ask_for_rows()
        if self.model.problem != gone_before and self.model.problem is not None:
            hint = "" if self.acts.why_not() else "; c makes a store here"
            if not any(isinstance(message, Gone) for message in event.messages):
                self.tell(f"{self.model.problem}{hint}", wrong=True)

    def on_worker_said(self) -> None:
        self.refresh_around()

    @on(JobTable.Moved)
    def moved(self) -> None:
        self._ask_for_rows()
        self.refresh_around()

    @on(JobTable.Opened)
    def opened(self) -> None:
        self.action_open()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.refresh_around)

    def tick(self) -> None:
        """A second has passed: repaint what reads differently now."""
        self.table.repaint()
        self.refresh_around()

    def _ask_for_rows(self) -> None:
        """Tell the monitor which rows are on the screen and which job is open."""
        if self._feed is None:
            return
        view = self.view
        wanted = Wanted(view, self.table.visible_keys() if view not in ("locked", "workers") else ())
        opened = Open(self._shown_job() if self.query_one("#detail", Pane).display or self._opened else None)
        for index, request in enumerate((wanted, opened)):
            if self._asked[index] != request:
                self._feed.send(request)  # type: ignore[arg-type]
        self._asked = (wanted, opened)

    def _shown_job(self) -> str | None:
        """The job that was opened, which stays whatever the rows do; else the one under the cursor."""
        key = self.table.cursor
        if self._opened is not None or key is None:
            return self._opened
        return self.model.job_of(self.view, key) or None

    # ── painting ──

    def refresh_around(self) -> None:
        """Everything but the table; each part repaints only if it reads differently."""
        if not self.is_mounted:
            return
        now = self.now()
        self._arrange()
        store, verdict = self.query_one("#store", Line), self.query_one("#verdict", Line)
        lines.store_line(store, self.model, mode=self._mode(), worker=self._worker_words(), now=now)
        lines.verdict_line(verdict, self.model)
        lines.tabs_line(self.query_one("#tabs", Line), self.model, self.view)
        lines.rates_line(self.query_one("#rates", Line), self.model, self.view, now)
        marked = len(self.table.marked)
        lead = f" {marked} marked " if marked else ""
        lines.keys_line(self.query_one("#keys", Line), KEYS, lambda action: self.why_not(action) is None, lead)
        self._paint_panes(now)

    def _mode(self) -> str:
        if self.acts.read_only:
            return "read-only"
        if self._demo:
            return self._demo
        if self.model.guarded:
            return "WRITING" if self.acts.writing else "guarded (W to act)"
        return ""

    def _worker_words(self) -> str:
        worker = self._worker
        if worker is None or not worker.alive:
            return ""
        return f"worker here {'drains' if worker.draining else f'{len(worker.running)} now'}"

    def _arrange(self) -> None:
        wide = self.size.width >= WIDE
        beside = self.view not in ("locked", "workers")
        detail, below = self.query_one("#detail", Pane), self.query_one("#below", Pane)
        detail.display = self._opened is not None or (wide and beside)
        self.query_one("#left").display = wide or self._opened is None
        detail.styles.width = 46 if wide and self.size.width < 140 else ("45%" if wide else "1fr")
        room = self.size.height >= HIGH
        below.display = room and ((self.view == "locked" and bool(self.model.locks)) or self._has_log())
        below.styles.height = 8 if self.view == "locked" else max(self.size.height // 2 - 3, 6)

    def _has_log(self) -> bool:
        return self.view == "workers" and self._worker is not None

    def _paint_panes(self, now: float) -> None:
        detail, below = self.query_one("#detail", Pane), self.query_one("#below", Pane)
        if detail.display:
            job, wanted = self.model.job, self._shown_job()
            if job is not None and job.detail.id == wanted:
                detail.put(safe_text(wanted), job_pieces(job, now, unmasked=self._unmasked, directory=self.directory))
            else:
                text = "reading …" if wanted else "no job is under the cursor"
                detail.put(safe_text(wanted or ""), [(text, "$foreground-muted")])
        if below.display and self.view == "locked":
            row = self.model.locks.get(self.table.cursor or "")
            if row is not None:
                shell = self.acts.unlock_line(row.info)
                title = f"why {safe_text(row.info.id)} is {row.info.verdict.upper()}"
                below.put(title, proof_pieces(row, now, shell=shell, last_pull=None))
        elif below.display and self._worker is not None:
            below.put(*self._log(self._worker, below.size.height - 3))
            below.scroll_end(animate=False)

    def _log(self, worker: EmbeddedWorker, room: int) -> tuple[str, list[tuple[str, str]]]:
        title = safe_text(f"{worker.how.command} · {worker.how.concurrency} at once · tries {worker.how.attempts} · "
                          f"{worker.done} done, {worker.failed} failed")  # fmt: skip
        pieces = []
        for event in list(worker.log)[-max(room, 3) :]:
            at = time.strftime("%H:%M:%S", time.gmtime(event.get("at", 0))) if "at" in event else ""
            took = f" {short_seconds(float(event['seconds']))}" if "seconds" in event else ""
            size = f" {short_size(int(event['size']))}" if "size" in event else ""
            text = f"{at} {event.get('id', '')} {event.get('kind', '')}{took}{size}  {event.get('text', '')}"
            style = "$text-error" if event.get("kind") in ("failed", "parked", "lost") else ""
            pieces.append((safe_text(text) + "\n", style))
        keep = "ends with this console; the same without it:  " + worker.shell
        return title, [*pieces, (safe_text(keep), "$foreground-muted")]

    # ── what is valid now ──

    def why_not(self, action: str) -> str | None:
        """Why an action is not possible now; None where it is."""
        if action in ACTS and (why := self.acts.why_not()) is not None:
            return why
        if self.model.problem is not None and action in ACTS and action != "create":
            return "there is no store"
        if action == "write":
            guarded = self.model.guarded and not self.acts.read_only and not self.acts.writing
            return None if guarded else "the store is not guarded"
        if action in ("release", "requeue", "park", "fulfill", "open", "copy", "mark", "mark_all"):
            target = self._target()
            return "no job is under the cursor" if target is None else self._why_not_this(action, target)
        if action == "worst":
            return None if self.model.verdict.evidence else "nothing is wrong"
        if action == "filter" and self.view == "workers":
            return "workers are not filtered"
        return None

    def _why_not_this(self, action: str, target: Target) -> str | None:
        lock = target.lock
        if action == "release":
            return None if lock is not None else "no lock stands here"
        if action == "requeue":
            possible = target.state in ("parked", "fulfilled") or target.waits
            return None if possible else "only a parked or fulfilled job is run again"
        if action == "park":
            possible = target.state in ("pending", "") and (lock is None or lock.kind == "work")
            return None if possible else "only a pending job is parked"
        if action == "fulfill":
            return "it is fulfilled" if target.state == "fulfilled" else None
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.query_one("#filter", Input).has_focus and action != "close":
            return False
        return True if self.why_not(action) is None else None

    def every_key(self) -> Iterator[tuple[Key, str | None]]:
        """Every key with why it is not valid now."""
        for key in KEYS:
            yield key, self.why_not(key.action)

    # ── acts ──

    def _target(self) -> Target | None:
        """The job that is open, or the one under the cursor, as it is now."""
        key, job = self.table.cursor, self.model.job
        if self._opened is not None:
            if job is None or job.detail.id != self._opened:
                return Target(self._opened)
            lock = next((lock for lock in job.detail.locks if lock.kind == "work"), None)
            return Target(self._opened, job.detail.state, lock or next(iter(job.detail.locks), None))
        return self._target_of(key) if key is not None and self.view != "workers" else None

    def _target_of(self, key: str) -> Target:
        view, model = self.view, self.model
        job_id = model.job_of(view, key)
        detail = model.details.get(job_id)
        state = view if view in ("pending", "fulfilled", "parked") else ""
        if detail is not None and detail.fulfilled:
            state = "fulfilled"
        waits = view == "pending" and detail is not None and detail.not_before is not None
        return Target(job_id, state, model.lock_of(view, key), waits)

    def _targets(self) -> list[Target]:
        """The marked rows in their order, else the one job that is meant: fixed as of now."""
        table = self.table
        if table.marked and self._opened is None:
            return [self._target_of(key) for key in sorted(table.marked, key=lambda key: table.source.index(key) or 0)]
        target = self._target()
        return [target] if target is not None else []

    def action_release(self) -> None:
        self.acts.release(self._targets())

    def action_requeue(self) -> None:
        self.acts.requeue(self._targets())

    def action_park(self) -> None:
        self.acts.park(self._targets())

    def action_create(self) -> None:
        self.acts.create()

    def action_fulfill(self) -> None:
        self.acts.fulfill(self._targets()[0])

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

    # ── moving about ──

    def go(self, view: str) -> None:
        """Show a view."""
        if view != self.view:
            self._last_view = self.view
            self._opened = None
            self.table.show(view)
            self.table.focus()
        self.refresh_around()
        self._ask_for_rows()

    def action_view(self, view: str) -> None:
        self.go(view)

    def action_next_view(self) -> None:
        self.go(ORDER[(ORDER.index(self.view) + 1) % len(ORDER)])

    def action_previous_view(self) -> None:
        self.go(ORDER[ORDER.index(self.view) - 1])

    def action_last_view(self) -> None:
        self.go(self._last_view)

    def action_up(self) -> None:
        self._scroll_or_move(-1)

    def action_down(self) -> None:
        self._scroll_or_move(1)

    def action_page_up(self) -> None:
        self._scroll_or_move(-self.table.page)

    def action_page_down(self) -> None:
        self._scroll_or_move(self.table.page)

    def action_top(self) -> None:
        self._scroll_or_move(-(10**9))

    def action_bottom(self) -> None:
        self._scroll_or_move(10**9)

    def _scroll_or_move(self, rows: int) -> None:
        if not self.query_one("#left").display:
            self.query_one("#detail", Pane).scroll_relative(y=rows, animate=False)
        else:
            self._opened = None
            self.table.move_to(min(max(self.table.index + rows, 0), 10**9))

    def action_worst(self) -> None:
        evidence = self.model.verdict.evidence
        self._evidence = (self._evidence + 1) % len(evidence)
        self._go_to(evidence[self._evidence])

    def _go_to(self, evidence: Evidence) -> None:
        self.go(evidence.view)
        if evidence.view == "locked":
            for key, row in self.model.locks.items():
                if row.info.id == evidence.id:
                    self.table.move_to_key(key)
                    return
        elif evidence.id:
            self.table.move_to_key(evidence.id)

    def action_next(self) -> None:
        self._to_trouble(1)

    def action_previous(self) -> None:
        self._to_trouble(-1)

    def _to_trouble(self, step: int) -> None:
        model, table = self.model, self.table
        if self.view == "locked":
            bad = [key for key, row in model.locks.items() if row.info.verdict in RELEASABLE]
        else:
            bad = [job_id for job_id, lock in model.work_locks.items() if lock.verdict in RELEASABLE]
            bad += [job_id for job_id, detail in model.details.items() if detail.problem]
        found = sorted({index for key in bad if (index := table.source.index(key)) is not None})
        after = [index for index in found if (index > table.index if step > 0 else index < table.index)]
        if found:
            table.move_to((after[0] if step > 0 else after[-1]) if after else (found[0] if step > 0 else found[-1]))
        else:
            self.tell("no trouble among these rows")

    # ── looking ──

    def action_open(self) -> None:
        self._opened = self._shown_job()
        self.refresh_around()
        self._ask_for_rows()

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

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        field.value = self.model.filter
        field.focus()

    def _end_filter(self) -> None:
        field = self.query_one("#filter", Input)
        self.model.set_filter(field.value)
        field.display = False
        self.table.focus()
        self.table.model_changed()
        self.refresh_around()
        self._ask_for_rows()

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        if event.input.has_focus:
            self.model.set_filter(event.value)
            self.table.model_changed()
            self.refresh_around()
            self._ask_for_rows()

    @on(Input.Submitted, "#filter")
    def filter_done(self) -> None:
        self._end_filter()

    def action_mark(self) -> None:
        table = self.table
        if table.cursor is not None:
            table.marked ^= {table.cursor}
            table.move(1)
            self.refresh_around()

    def action_mark_all(self) -> None:
        table = self.table
        every = {table.source.key(index) for index in range(len(table.source))}
        table.marked = set() if table.marked >= every else every
        table.repaint()
        self.refresh_around()

    def action_order(self) -> None:
        rows = self.model.rows.get(self.view)
        if rows is None:
            self.tell("locks are ordered worst first, workers by name")
            return
        rows.newest = not rows.newest
        self.model.set_filter(self.model.filter)
        self.table.model_changed(keep_line=False)
        self.table.repaint()
        self.tell("newest first" if rows.newest else "oldest first")

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
