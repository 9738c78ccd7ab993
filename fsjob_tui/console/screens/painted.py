"""The main screen as it is painted: what the monitor says comes in, and what reads differently is painted again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from textual import events, on
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from fsjob_core.feed import Examine, Job, Open, Read, Request, Show, Wanted
from fsjob_core.feed import Message as FeedMessage

from ...text import safe_text
from ..embedded import WorkerSaid
from ..feed import Feed
from ..headings import BAD, KEY, WARN, rates_parts, store_parts, tabs_parts, verdict_parts
from ..held import Held
from ..keyline import fits_beside_keys, keys_parts, notice_parts
from ..model import Model
from ..occasion import NEWS_FOR
from ..parts import Part
from ..widgets.line import Line
from ..widgets.panes import Pane, job_pieces
from ..widgets.table import JobTable
from .frame import Frame

if TYPE_CHECKING:
    from ..actions.action import Action

WIDE = 100
"""Columns from which on the detail stands beside the table."""
HIGH = 20
"""Lines from which on there is room for a pane below the table."""
STILL = 5
"""Seconds after which, where nothing has read differently, it is looked at every so many seconds only."""


class Batch(Message):
    """What the monitor said since the last batch."""

    def __init__(self, messages: list[FeedMessage]) -> None:
        super().__init__()
        self.messages = messages


class Painted(Frame):
    """Follows the store and paints it."""

    _held: Held | None = None
    """What came while the screen was frozen."""
    _waits_for: tuple[str, Callable[[Job], object]] | None = None
    _about: tuple[str, str | None] = "", None
    """Of which view, and of which row of it, the pane below the table tells."""
    _still = 0
    """Seconds for which nothing has read differently."""

    def on_mount(self) -> None:
        if not self.query(JobTable):
            return  # told to end before it was there
        self.table.focus()
        self._feed = Feed(self.directory, lambda messages: self.post_message(Batch(messages)), self.settings.refresh)
        self._feed.send(Show(self.settings.kind, self.settings.masked_words))
        self._feed.start()
        self.examine()
        self.set_interval(1.0, self.tick)

    def close_down(self) -> None:
        """End the feed; the embedded worker drains for thirty seconds at most."""
        if self._put_away:
            return
        self._put_away = True
        self.model = Model(self.directory)  # a million rows need not be kept
        self.table.model = self.model
        if self._feed is not None:
            self._feed.close()
        if self.worker is not None:
            self.worker.hang_up()
        if self.canary is not None:
            self.canary.hang_up()

    # ── what comes in ──

    def on_batch(self, event: Batch) -> None:
        if self._put_away:
            return
        self._take(event.messages if self._held is None else self._held.keep(event.messages))
        if self._held is not None and self._held.full:
            self.freeze()
            self.tell("too much has changed while the screen was frozen: it goes on", wrong=True)

    def _take(self, messages: Iterable[FeedMessage]) -> None:
        self._still = 0
        for message in messages:
            self.model.apply(message)
        self.table.mark_changed(self.model.take_changed())
        self.table.model_changed()
        self.refresh_around()
        self.ask_for_rows()
        self._answer_for_job()

    def freeze(self) -> None:
        """Stop refreshing, or go on: what came meanwhile is taken in."""
        if self._held is None:
            self._held, self.frozen = Held(), self.now()
            self.refresh_around()
        else:
            held, self._held, self.frozen = self._held, None, None
            self._take(held.release())

    def with_job(self, job_id: str, then: Callable[[Job], object]) -> None:
        """Call `then` once with all of a job, which is read for it where it is not open."""
        self._waits_for = job_id, then
        self.ask_for_rows()
        self._answer_for_job()

    def _answer_for_job(self) -> None:
        job = self.model.job
        if self._waits_for is not None and job is not None and job.detail.id == self._waits_for[0]:
            then, self._waits_for = self._waits_for[1], None
            then(job)

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
        """A second has passed: repaint what reads differently now.

        Where nothing has for some seconds, no seconds are on the screen, and minutes can wait as long.
        """
        if self._put_away:
            return
        self._occasion = self._occasions()
        if self._occasion.news != self._told_news:
            self._told_news = self._occasion.news
            self.acts.log.append(self._told_news)
            self.tell(self._told_news, stays=NEWS_FOR)
        self._still += 1
        if self._still <= STILL or self._still % STILL == 0:
            if self.table.repaint():
                self._still = 0
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
        job_id = self.shown_job() if self.query_one("#detail", Pane).display or self.opened else None
        opened = Open(self._waits_for[0] if self._waits_for is not None else job_id)
        narrowed = self.model.narrowed
        requests: tuple[Request, ...] = wanted, opened, narrowed.search(view.searched)
        for request in requests:
            if self._asked.get(type(request)) != request:
                self._asked[type(request)] = request
                self._feed.send(request)
        if to_read := narrowed.to_read():  # said once, so that the same again is for an order that was asked for anew
            self._feed.send(Read(view.read_as, to_read))

    # ── painting ──

    def refresh_around(self) -> None:
        """Everything but the table; each part repaints only if it reads differently."""
        if not self.is_mounted:
            return
        now = self.now()
        self._arrange()
        model, width, modes, worker = self.model, self.size.width, list(self._modes()), self._worker_words()
        lead = list(self._lead())
        fits = self.notice is None or fits_beside_keys(self.notice, lead, width)
        lines = {
            "store": store_parts(model, width, now=now, local=self.local, modes=modes, worker=worker),
            "verdict": verdict_parts(model, width),
            "tabs": tabs_parts(model, width, self.view),
            "rates": rates_parts(model, width, self.view, now),
            "keys": keys_parts(width, self.possible(), lead, self.notice if fits else None),
        }
        changed = [self.query_one(f"#{name}", Line).put(parts) for name, parts in lines.items()]
        said = self.query_one("#said", Static)
        said.display = not fits
        if self.notice is not None and not fits:
            said.update(Content.assemble(*((part.text, part.style) for part in notice_parts(self.notice))))
        if self._paint_panes(now) or any(changed):
            self._still = 0

    def _lead(self) -> Iterator[Part]:
        """What stands before the keys: how many are marked, and how to close what is open."""
        if marked := len(self.table.marked):
            yield Part(f" {marked} marked ", "bold")
        if self.opened is not None:
            yield from (Part(" esc", KEY, "close"), Part(" close ", "", "close"))

    def possible(self) -> Iterable[Action]:
        """The actions that are possible now, most used first."""
        raise NotImplementedError

    def _modes(self) -> Iterator[Part]:
        if self.frozen is not None:
            yield Part("FROZEN, esc goes on", WARN, "freeze")
        if self._occasion.words:
            yield Part(safe_text(self._occasion.words), WARN)
        if self.acts.read_only:
            yield Part("read-only", WARN)
        elif self.model.guarded and self.acts.writing:
            yield Part("WRITING", BAD)
        elif self.model.guarded:
            yield Part("guarded (W to act)", WARN, "write")

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
        detail.set_class(self.opened is not None, "-open")
        self.query_one("#left").display = wide or self.opened is None
        detail.styles.width = 48 if wide and self.size.width < 140 else ("45%" if wide else "1fr")
        height = self.view.height_below(self) if self.size.height >= HIGH else 0
        below.display = height > 0
        below.styles.height = height

    def _paint_panes(self, now: float) -> bool:
        """Says whether they read differently."""
        detail, below = self.query_one("#detail", Pane), self.query_one("#below", Pane)
        changed = False
        if detail.display:
            job, wanted = self.model.job, self.shown_job()
            if job is not None and job.detail.id == wanted:
                pieces = job_pieces(
                    job, now, unmasked=self.unmasked == wanted, directory=self.directory,
                    more=self.settings.masked_words,
                )  # fmt: skip
                changed = detail.put(safe_text(wanted), pieces)
            else:
                text = "reading …" if wanted else "no job is under the cursor"
                if wanted and self.model.problem is not None:
                    text = "not read: the store does not answer"
                changed = detail.put(safe_text(wanted or ""), [(text, "$foreground-muted")])
        if below.display and (shown := self.view.below(self, below.size.height - 3)) is not None:
            changed = below.put(*shown) or changed
            about = self.view.name, self.table.cursor
            if self.view.follows:
                below.scroll_end(animate=False)
            elif about != self._about:
                below.scroll_home(animate=False)
            self._about = about
        return changed
