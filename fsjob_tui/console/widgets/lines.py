"""The single lines around the table: store, verdict, tabs, rates, keys. Each repaints only when its text changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from fsjob_core.facts import Mood
from fsjob_core.health import SIGNS, elapsed

from ...text import safe_text, short_age, short_count, short_seconds
from ..model import Model
from ..pieces import Piece
from ..views import VIEWS, View

if TYPE_CHECKING:
    from ..actions.action import Action

MOOD_STYLES = {
    Mood.STALLED: "bold $text-error",
    Mood.NOT_ANSWERING: "bold $text-error",
    Mood.LONG: "bold $text-warning",
    Mood.SLOW: "bold $text-warning",
    Mood.PAUSED: "bold $text-warning",
    Mood.MOVING: "bold $text-success",
}


class Line(Static):
    """One line of text, cut to the screen, sent to the terminal only when it has changed."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__("", markup=False, id=id)
        self._shown: tuple[Piece, ...] = ()

    def put(self, pieces: Iterable[Piece]) -> None:
        """Show these pieces of text, which must be safe."""
        shown = tuple(pieces)
        if shown != self._shown:
            self._shown = shown
            self.update(Content.assemble(*shown), layout=False)

    def spread(self, left: Iterable[Piece], right: Piece) -> None:
        """Pieces at the left, and one at the right end where it fits."""
        pieces = list(left)
        room = self.size.width - sum(cell_len(text) for text, _ in pieces) - cell_len(right[0])
        self.put([*pieces, (" " * room, ""), right] if room >= 0 else pieces)


def store_line(line: Line, model: Model, *, mode: str, worker: str, now: float) -> None:
    """Name, class, mode, file system, workers, the time to the minute."""
    hello = model.hello
    name = (hello.label.name if hello else "") or model.directory
    wide = line.size.width >= 100
    room = max(line.size.width - 42, 12) if not wide else 40
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
    line.spread(pieces, (datetime.fromtimestamp(now, UTC).strftime("%H:%M UTC "), ""))


def verdict_line(line: Line, model: Model) -> None:
    verdict = model.verdict
    pieces = [(f"{SIGNS[verdict.mood]} {safe_text(verdict.text)}", MOOD_STYLES.get(verdict.mood, ""))]
    if verdict.evidence:
        pieces.append((f"   ! go there · {len(verdict.evidence)}", "$foreground-muted"))
    line.put(pieces)


def tabs_line(line: Line, model: Model, current: View) -> None:
    """The views with their totals, in shorter words where the screen is narrow."""
    forms: tuple[tuple[Callable[[View], str], Callable[[int], str]], ...] = (
        (lambda view: f"{view.title} ", "{:,}".format),
        (lambda view: f"{view.title} ", short_count),
        (lambda view: f"{view.short} ", short_count),
        (lambda view: f"{view.short} " if _is_at(view, current) else "", short_count),
    )
    for title, count in forms:
        pieces = [_tab(model, view, title(view), count, current) for view in VIEWS.values()]
        if sum(cell_len(text) for text, _ in pieces) <= line.size.width:
            break
    line.put(pieces)


def _tab(model: Model, view: View, title: str, count: Callable[[int], str], current: View) -> Piece:
    bad = view.alarms(model)
    text = f" {view.key} {title}{view.counted(model, count)}{f'▲{bad}' if bad else ''} "
    if _is_at(view, current):
        return text, "bold reverse"
    return text, "$text-error" if bad else ""


def _is_at(view: View, current: View) -> bool:
    return view.name == (current.under or current.name)


def rates_line(line: Line, model: Model, view: View, now: float) -> None:
    overview, summary = model.overview, view.summary(model, now)
    pieces: list[Piece] = [(f" {safe_text(summary)}", "")] if summary else []
    if overview is not None and not summary:
        change = overview.rate_in - overview.rate_out
        trend = "steady" if abs(change) < 0.05 else f"{'growing' if change > 0 else 'shrinking'} {abs(change):.1f}/s"
        pieces.append((f" in {overview.rate_in:.1f}/s  out {overview.rate_out:.1f}/s  {trend}", ""))
        if overview.oldest is not None:
            pieces.append((f"  oldest {short_age(elapsed(now, overview.oldest))}", ""))
        if overview.usual is not None and overview.p95 is not None and line.size.width >= 78:
            run = f"  run {short_seconds(overview.usual)}, p95 {short_seconds(overview.p95)}"
            pieces.append((run, "$foreground-muted"))
    if model.filter and view.filters:
        count = f"{len(view.source(model)):,} of {view.total(model):,}"
        pieces.append((f"  /{safe_text(model.filter)} {count}", "bold $text-accent"))
    line.put(pieces)


def keys_line(line: Line, possible: Iterable[Action], lead: str = "") -> None:
    """The keys of what is possible now, as many as fit; `?` is always among them."""
    help_key = " ? keys"
    left = line.size.width - len(help_key) - cell_len(lead)
    pieces: list[Piece] = [(lead, "bold $text-accent")] if lead else []
    for action in possible:
        if not action.show:
            continue
        needed = len(action.key) + len(action.short) + 3
        if needed > left:
            break
        left -= needed
        pieces += [(f" {action.key}", "bold $text-accent"), (f" {action.short} ", "")]
    line.spread(pieces, (help_key, "bold"))
