"""The main screen as it is painted: what the monitor says comes in, and what reads differently is painted again."""

from __future__ import annotations

import time

from textual import events, on
from textual.message import Message

from fsjob_core.feed import Gone, Open, Wanted
from fsjob_core.feed import Message as FeedMessage

from ...text import safe_text, short_seconds, short_size
from ..bindings import KEYS
from ..embedded import EmbeddedWorker
from ..feed import Feed
from ..widgets import lines
from ..widgets.lines import Line
from ..widgets.panes import Pane, job_pieces, proof_pieces
from ..widgets.table import JobTable
from .frame import Frame

WIDE = 100
"""Columns from which on the detail stands beside the table."""
HIGH = 20
"""Lines from which on there is room for a pane below the table."""


class Batch(Message):
    """What the monitor said since the last batch."""

    def __init__(self, messages: list[FeedMessage]) -> None:
        super().__init__()
        self.messages = messages


class WorkerSaid(Message):
    """The embedded worker did something."""


class Painted(Frame):
    """Follows the store and paints it."""

    def on_mount(self) -> None:
        self.table.focus()
        self._feed = Feed(self.directory, lambda messages: self.post_message(Batch(messages)))
        self._feed.start()
        self.set_interval(1.0, self.tick)

    def close_down(self) -> None:
        """End the feed; the embedded worker drains for thirty seconds at most."""
        if self._put_away:
            return
        self._put_away = True
        if self._feed is not None:
            self._feed.close()
        if self._worker is not None:
            self._worker.hang_up()

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
                shell = self.acts.locks.unlock_line(row.info)
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
