"""Panes of many lines: text in a frame, and the detail of a job."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fsjob_core.facts import JobDetail
from fsjob_core.feed import Job
from fsjob_core.health import SIGNS, elapsed
from fsjob_core.ledger import entry_of, read_ledger
from fsjob_core.masking import masked
from fsjob_core.record import JobRecord

from ...text import safe_bytes, safe_text, short_age, short_seconds, short_size
from ..pieces import Piece, line, style_of
from ..times import exact
from .hanging import hang

PREVIEW = 16_000
"""Characters of a request or value that are shown."""
TARGETS = 8
"""Targets that are shown with their tries."""


class Pane(VerticalScroll, can_focus=False):
    """Text with a title on its border, painted again only when it has changed."""

    DEFAULT_CSS = """
    Pane {
        border: round $primary; padding: 0 1; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        border-title-color: $foreground; border-title-style: bold;
    }
    Pane.-open { border: heavy $text-accent; }
    Pane > Static { width: 1fr; height: auto; }
    """

    def __init__(self, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._text = Static("", markup=False)
        self._pieces: tuple[Piece, ...] = ()
        self._shown: list[Piece] = []
        self._hung: tuple[tuple[Piece, ...], int] = (), 0
        """For which pieces and how many columns that is."""
        self._title = ""

    def compose(self) -> Iterable[Static]:
        yield self._text

    def put(self, title: str, pieces: Iterable[Piece]) -> bool:
        """Show this; says whether it reads differently than before."""
        before, self._pieces = self._pieces, tuple(pieces)
        changed = (title, self._pieces) != (self._title, before)
        self._put_text()
        if title != self._title:
            self._title = title
            self.border_title = Content(title)
        return changed

    def on_resize(self) -> None:
        self.call_after_refresh(self._put_text)

    def _put_text(self) -> None:
        asked = self._pieces, self._text.size.width
        if asked == self._hung:
            return
        self._hung = asked
        shown = hang(*asked)
        if shown != self._shown:
            self._shown = shown
            self._text.update(Content.assemble(*shown))
            self.call_after_refresh(self._measure_again)

    def _measure_again(self) -> None:
        """Textual keeps the height of a text that was replaced while it was being laid out."""
        if sum(text.count("\n") for text, _ in self._shown) > self._text.size.height:
            self._text.refresh(layout=True)


# ── a job ──


def job_pieces(
    job: Job, now: float, *, unmasked: bool, directory: str, more: Sequence[str] = ()
) -> list[Piece]:
    """All that the detail says of a job; `more`: words that are masked too."""
    detail, record = job.detail, job.detail.record
    pieces = line("is", f"{detail.state}", "bad" if detail.problem else "")
    pieces += line("why", safe_text(job.why))
    if detail.made is not None:
        pieces += _when("created", detail.made, now)
    if detail.changed is not None:
        pieces += _when("changed", detail.changed, now)
    if record is not None:
        pieces += _record_pieces(record)
        pieces += _ledger_pieces(record, now, unmasked, more)
    for lock in detail.locks:
        style = style_of(lock.verdict)
        pieces += line("lock", f"{SIGNS[lock.verdict]} {lock.verdict.upper()}  {lock.kind}", style)
        pieces += line("", safe_text(lock.whose)) + line("", safe_text(lock.proof))
    if record is not None:
        pieces += _request_pieces(record, unmasked, more)
    if detail.value_size is not None:
        pieces += _value_pieces(detail)
    pieces += [("\n", ""), *line("shell", f"fsjob -C {safe_text(shlex.quote(directory))} show {safe_text(detail.id)}")]
    return pieces


def _record_pieces(record: JobRecord) -> list[Piece]:
    pieces = line("version", str(record.version))
    attempts, error = int(record.number("attempts")), record.text("last_error")
    if attempts or error:
        pieces += line("tries", f"{attempts}  {safe_text(error[:400], lines=True)}".rstrip(), "warn" if error else "")
    started, finished = record.number("started"), record.number("finished")
    if started and finished >= started:
        pieces += line("took", short_seconds(finished - started))
    return pieces


def _ledger_pieces(record: JobRecord, now: float, unmasked: bool, more: Sequence[str]) -> list[Piece]:
    """Who waits, and what became of telling them."""
    pieces: list[Piece] = []
    ledger = read_ledger(record)
    for target in record.waiting[:TARGETS]:
        shown = json.dumps(target if unmasked else masked(target, more), ensure_ascii=False)[:200]
        pieces += line("target", safe_text(shown))
        entry = entry_of(ledger, target)
        if entry is None:
            pieces += line("", "not tried yet" if record.fulfilled else "told once the job is fulfilled", "dim")
            continue
        ago, at = short_age(now - entry.at), exact(entry.at, now)[0]
        pieces += line("", f"tries {entry.count:,}, the last {ago} ago, {at}")
        pieces += line("", safe_text(entry.error[:400], lines=True), "warn")
        if entry.due is None:
            pieces += line("", "given up: t tells it again", "bad")
        else:
            pieces += line("", f"next try in {short_age(entry.due - now)}" if entry.due > now else "due now", "dim")
    if len(record.waiting) > TARGETS:
        pieces += line("", f"… and {len(record.waiting) - TARGETS:,} more targets; t shows all")
    return pieces


def _request_pieces(record: JobRecord, unmasked: bool, more: Sequence[str]) -> list[Piece]:
    shown = record.request if unmasked else masked(record.request, more)
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    compact = json.dumps(record.request, ensure_ascii=False, separators=(",", ":"))
    size = len(compact.encode("utf-8", "surrogatepass"))
    hint = "" if shown == record.request else "   u shows what is masked"
    cut = "" if len(text) <= PREVIEW else f"\n… cut: {len(text):,} characters in all"
    return [("\n", ""), (f"request  {short_size(size)}{hint}\n", "$foreground-muted"),
            (safe_text(text[:PREVIEW], lines=True) + cut + "\n", "")]  # fmt: skip


def _value_pieces(detail: JobDetail) -> list[Piece]:
    size = detail.value_size or 0
    text = safe_bytes(detail.value_start[:PREVIEW], lines=True)
    cut = "" if size <= min(len(detail.value_start), PREVIEW) else "\n… cut"
    return [("\n", ""), (f"value    {short_size(size)}\n", "$foreground-muted"), (f"{text}{cut}\n", "")]


def _when(label: str, at: float, now: float) -> list[Piece]:
    """How long ago, and exactly when."""
    first, *others = exact(at, now)
    pieces = line(label, f"{first}  {short_age(elapsed(now, at))} ago")
    for other in others:
        pieces += line("", other, "dim")
    return pieces
