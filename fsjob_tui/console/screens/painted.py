"""The main screen as it is painted: what the monitor says comes in, and what reads differently is painted again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import events, on
from textual.message import Message

from fsjob_core.feed import Examine, Gone, Open, Read, Request, Wanted
from fsjob_core.feed import Message as FeedMessage

from ...text import safe_text
from .. import headings
from ..embedded import WorkerSaid
from ..feed import Feed
from ..occasion import NEWS_FOR
from ..widgets.lines import Line, keys_line
from ..widgets.panes import Pane, job_pieces
from ..widgets.table import JobTable
from .frame import Frame

if TYPE_CHECKING:
    from ..actions.action import Action

WIDE = 100
"""Columns from which on the detail stands beside the table."""
HIGH = 20
"""Lines from which on there is room for a pane below the table."""


class Batch(Message):
    """What the monitor said since the last batch."""

    def __init__(self, messages: list[FeedMessage]) -> None:
        super().__init__()
        self.messages = messages


class Painted(Frame):
    """Follows the store and paints it."""

    def on_mount(self) -> None:
        if not self.query(JobTable):
            return  # told to end before it was there
        self.table.focus()
        self._feed = Feed(self.directory, lambda messages: self.post_message(Batch(messages)))
        self._feed.start()
        self.examine()
        self.set_interval(1.0, self.tick)

    def close_down(self) -> None:
        """End the feed; the embedded worker drains for thirty seconds at most."""
        if self._put_away:
            return
        self._put_away = True
        if self._feed is not None:
            self._feed.close()
        if self.worker is not None:
            self.worker.hang_up()
        if self.canary is not None:
            self.canary.hang_up()

    # ── what comes in ──

    def on_batch(self, event: Batch) -> None:
        gone_before = self.model.problem
        for message in event.messages:
            self.model.apply(message)
        self.table.model_changed()
        self.refresh_around()
        self.ask_for_rows()
        if self.model.problem != gone_before and self.model.problem is not None:
            hint = "" if self.acts.why_not() else "; c makes a store here"
            if not any(isinstance(message, Gone) for message in event.messages):
                self.tell(f"{self.model.problem}{hint}", wrong=True)

    @on(WorkerSaid)
    def worker_said(self) -> None:
        self.refresh_around()

    @on(JobTable.Moved)
    def moved(self) -> None:
        self.ask_for_rows()
        self.refresh_around()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.refresh_around)

    def tick(self) -> None:
        """A second has passed: repaint what reads differently now."""
        self._occasion = self._occasions()
        if self._occasion.news != self._told_news:
            self._told_news = self._occasion.news
            self.notify(safe_text(self._told_news), markup=False, timeout=NEWS_FOR)
        self.table.repaint()
        self.refresh_around()

    def examine(self) -> None:
        """Have the doctor look now; it goes on by itself from the first time on."""
        if self._feed is not None:
            self._feed.send(Examine())

    def ask_for_rows(self) -> None:
        """Tell the monitor which rows are on the screen and which job is open."""
        if self._feed is None:
            return
        view = self.view
        wanted = Wanted(view.read_as, self.table.visible_keys() if view.reads else ())
        opened = Open(self.shown_job() if self.query_one("#detail", Pane).display or self.opened else None)
        narrowed = self.model.narrowed
        requests: list[Request] = [wanted, opened, narrowed.search(view.searched)]
        if to_read := narrowed.to_read():
            requests.append(Read(view.read_as, to_read))
        for request in requests:
            if self._asked.get(type(request)) != request:
                self._asked[type(request)] = request
                self._feed.send(request)

    # ── painting ──

    def refresh_around(self) -> None:
        """Everything but the table; each part repaints only if it reads differently."""
        if not self.is_mounted:
            return
        now = self.now()
        self._arrange()
        model, width = self.model, self.size.width
        store = headings.store_pieces(model, width, mode=self._mode(), worker=self._worker_words())
        self.query_one("#store", Line).spread(store, headings.clock(now))
        self.query_one("#verdict", Line).put(headings.verdict_pieces(model))
        self.query_one("#tabs", Line).put(headings.tabs_pieces(model, width, self.view))
        self.query_one("#rates", Line).put(headings.rates_pieces(model, width, self.view, now))
        marked = len(self.table.marked)
        lead = f" {marked} marked " if marked else ""
        keys_line(self.query_one("#keys", Line), self.possible(), lead)
        self._paint_panes(now)

    def possible(self) -> Iterable[Action]:
        """The actions that are possible now, most used first."""
        raise NotImplementedError

    def _mode(self) -> str:
        if self.acts.read_only:
            return "read-only"
        if self._occasion.words:
            return safe_text(self._occasion.words)
        if self.model.guarded:
            return "WRITING" if self.acts.writing else "guarded (W to act)"
        return ""

    def _worker_words(self) -> str:
        worker = self.worker
        if self.canary is not None and self.canary.alive:
            progress = self.canary.progress
            return f"canary {progress.sent:,}/{progress.total:,}"
        if worker is None or not worker.alive:
            return ""
        return f"worker here {'drains' if worker.draining else f'{len(worker.running)} now'}"

    def _arrange(self) -> None:
        wide = self.size.width >= WIDE
        detail, below = self.query_one("#detail", Pane), self.query_one("#below", Pane)
        detail.display = self.opened is not None or (wide and self.view.beside)
        self.query_one("#left").display = wide or self.opened is None
        detail.styles.width = 46 if wide and self.size.width < 140 else ("45%" if wide else "1fr")
        height = self.view.height_below(self) if self.size.height >= HIGH else 0
        below.display = height > 0
        below.styles.height = height

    def _paint_panes(self, now: float) -> None:
        detail, below = self.query_one("#detail", Pane), self.query_one("#below", Pane)
        if detail.display:
            job, wanted = self.model.job, self.shown_job()
            if job is not None and job.detail.id == wanted:
                pieces = job_pieces(job, now, unmasked=self.unmasked == wanted, directory=self.directory)
                detail.put(safe_text(wanted), pieces)
            else:
                text = "reading …" if wanted else "no job is under the cursor"
                detail.put(safe_text(wanted or ""), [(text, "$foreground-muted")])
        if below.display and (shown := self.view.below(self, below.size.height - 3)) is not None:
            below.put(*shown)
            if self.view.follows:
                below.scroll_end(animate=False)
