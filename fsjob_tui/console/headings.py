"""The lines above the table in words: store, verdict, tabs, rates. No widget: they are printed, too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

from fsjob_core.facts import Mood
from fsjob_core.health import SIGNS, elapsed

from ..text import safe_text, short_age, short_count, short_seconds
from .model import Model
from .pieces import Piece
from .views import VIEWS, View

MOOD_STYLES = {
    Mood.STALLED: "bold $text-error",
    Mood.NOT_ANSWERING: "bold $text-error",
    Mood.LONG: "bold $text-warning",
    Mood.SLOW: "bold $text-warning",
    Mood.PAUSED: "bold $text-warning",
    Mood.MOVING: "bold $text-success",
}


def store_pieces(model: Model, width: int, *, mode: str, worker: str) -> list[Piece]:
    """Name, class, mode, file system, workers."""
    hello = model.hello
    name = (hello.label.name if hello else "") or model.directory
    wide = width >= 100
    room = max(width - 42, 12) if not wide else 40
    shown = safe_text(name)
    if cell_len(shown) > room:
        shown = "…" + shown[-(room - 1) :]
    pieces = [(f" {shown}", "bold")]
    if hello is not None and hello.label.klass:
        pieces.append((f"  {safe_text(hello.label.klass).upper()}", "bold $text-error" if model.guarded else "bold"))
    if mode:
        pieces.append((f"  {mode}", "bold $text-warning"))
    if wide and hello is not None:
        where = f"   {hello.filesystem or 'unknown file system'}, host {safe_text(hello.host)}"
        pieces.append((where, "$foreground-muted"))
    busy = sum(each.state == "busy" for each in model.workers.values())
    pieces.append((f"   7 Workers {VIEWS['workers'].total(model)}, busy {busy}", ""))
    if worker:
        pieces.append((f"  {worker}", "$text-success"))
    return pieces


def clock(now: float) -> Piece:
    """The time to the minute."""
    return datetime.fromtimestamp(now, UTC).strftime("%H:%M UTC "), ""


def verdict_pieces(model: Model) -> list[Piece]:
    """One line about the whole store."""
    verdict = model.verdict
    pieces = [(f"{SIGNS[verdict.mood]} {safe_text(verdict.text)}", MOOD_STYLES.get(verdict.mood, ""))]
    if verdict.evidence:
        pieces.append((f"   ! go there · {len(verdict.evidence)}", "$foreground-muted"))
    return pieces


def tabs_pieces(model: Model, width: int, current: View | None) -> list[Piece]:
    """The views with their totals, in shorter words where the screen is narrow."""
    forms: tuple[tuple[Callable[[View], str], Callable[[int], str], str], ...] = (
        (lambda view: f"{view.title} ", "{:,}".format, " "),
        (lambda view: f"{view.title} ", short_count, " "),
        (lambda view: f"{view.title if view.key < '5' else view.short} ", short_count, ""),
        (lambda view: f"{view.short} ", short_count, " "),
        (lambda view: f"{view.short} ", short_count, ""),
        (lambda view: f"{view.short} " if _is_at(view, current) else "", short_count, " "),
    )
    for title, count, end in forms:
        pieces = [_tab(model, view, title(view), count, end, current) for view in VIEWS.values()]
        if sum(cell_len(text) for text, _ in pieces) <= width:
            break
    return pieces


def _tab(
    model: Model, view: View, title: str, count: Callable[[int], str], end: str, current: View | None
) -> Piece:
    bad = view.alarms(model)
    text = f" {view.key} {title}{view.counted(model, count)}{f'▲{bad}' if bad else ''}{end}"
    if _is_at(view, current):
        return text, "bold reverse"
    return text, "$text-error" if bad else ""


def _is_at(view: View, current: View | None) -> bool:
    return current is not None and view.name == (current.under or current.name)


def rates_pieces(model: Model, width: int, view: View, now: float) -> list[Piece]:
    """What comes and goes, how long it takes, and what the filter leaves."""
    overview, summary = model.overview, view.summary(model, now)
    pieces: list[Piece] = [(f" {safe_text(summary)}", "")] if summary else []
    if overview is not None and not summary:
        change = overview.rate_in - overview.rate_out
        trend = "steady" if abs(change) < 0.05 else f"{'growing' if change > 0 else 'shrinking'} {abs(change):.1f}/s"
        pieces.append((f" in {overview.rate_in:.1f}/s  out {overview.rate_out:.1f}/s  {trend}", ""))
        if overview.oldest is not None:
            pieces.append((f"  oldest {short_age(elapsed(now, overview.oldest))}", ""))
        if overview.usual is not None and overview.p95 is not None and width >= 78:
            run = f"  run {short_seconds(overview.usual)}, p95 {short_seconds(overview.p95)}"
            pieces.append((run, "$foreground-muted"))
    if model.narrowed.text and view.filters:
        chip = f"  /{_filter_chip(model, view)}"
        while len(pieces) > 1 and sum(cell_len(text) for text, _ in pieces) + cell_len(chip) > width:
            pieces.pop()
        if pieces:
            pieces[0] = set_cell_size(pieces[0][0], min(cell_len(pieces[0][0]), max(width - cell_len(chip), 0))), ""
        pieces.append((chip, "bold $text-accent"))
    return pieces


def _filter_chip(model: Model, view: View) -> str:
    """The filter, how many match, and how far they were searched."""
    narrowed = model.narrowed
    found, progress = len(view.source(model)), narrowed.progress
    text = safe_text(narrowed.text)
    if progress is None and narrowed.stopped:
        return f"{text} stopped at {found:,} found"
    if progress is not None and not progress.complete:
        looked = f"{progress.looked:,} of {progress.total:,}, {found:,} found"
        return f"{text} stopped at {looked}" if narrowed.stopped else f"{text} searching {looked}; esc stops"
    if narrowed.searching:
        return f"{text} searching; esc stops"
    unread = f", {progress.unreadable:,} not readable" if progress is not None and progress.unreadable else ""
    return f"{text} {found:,} of {view.total(model):,}{unread}"
