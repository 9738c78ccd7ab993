"""The lines above the table in words: store, verdict, tabs, rates. No widget: they are printed, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from fsjob_core.facts import Mood
from fsjob_core.health import SIGNS, elapsed
from fsjob_core.pace import STEPS

from ..text import cut, safe_text, short_age, short_count, short_seconds
from .model import Model
from .parts import Part, spread, width_of
from .times import clock
from .views import VIEWS, View

BAD, WARN, GOOD = "bold $text-error", "bold $text-warning", "bold $text-success"
MUTED, KEY = "$foreground-muted", "bold $text-accent"
MOOD_STYLES = {
    Mood.STALLED: BAD,
    Mood.NOT_ANSWERING: BAD,
    Mood.LONG: WARN,
    Mood.SLOW: WARN,
    Mood.PAUSED: WARN,
    Mood.MOVING: GOOD,
}
WIDE = 100
"""Columns from which on there is room for what is only good to know."""
BARS = "▁▂▃▄▅▆▇█"


# ── the store ──


def store_parts(
    model: Model, width: int, *, now: float, local: bool = False, modes: Sequence[Part] = (), worker: str = ""
) -> list[Part]:
    """Name, class, what may be done, file system, workers, the time to the minute."""
    hello = model.hello
    name = safe_text((hello.label.name if hello else "") or model.directory)
    signs: list[Part] = []
    if hello is not None and hello.label.klass:
        signs.append(Part(f"  {safe_text(hello.label.klass).upper()}", BAD if model.guarded else "bold"))
    for mode in modes:
        signs += [Part(" · " if signs else "  ", MUTED), mode]
    where = f"   {hello.filesystem or 'unknown file system'}, full durability" if hello is not None else ""
    host = f", host {safe_text(hello.host)}" if hello is not None else ""
    time = Part(f"   {clock(now, local=local)} ")
    for middle, right in (
        (where + host, [*_workers(model, worker), time]),
        (where, [*_workers(model, worker), time]),
        ("", [*_workers(model, worker), time]),
        ("", [*_workers(model, "")[:2], time]),
        ("", [*_workers(model, "")[:1], time]),
        ("", [time]),
    ):
        left = width - width_of(signs) - width_of(right) - len(middle) - 1
        if left >= min(len(name), 16 if middle else 10):
            break
    shown = name if len(name) <= left else "…" + name[-max(left - 1, 4) :]
    return spread([Part(f" {shown}", "bold"), *signs, Part(middle if width >= WIDE else "", MUTED)], right, width)


def _workers(model: Model, worker: str) -> list[Part]:
    total = VIEWS["workers"].total(model)
    states = Counter(each.state for each in model.workers.values())
    parts = [Part(f"  {VIEWS['workers'].key} Workers {total}", "", "view-workers")]
    if total:
        parts.append(Part(f", busy {states['busy']}", "", "view-workers"))
    if states["gone"]:
        parts.append(Part(f" · gone {states['gone']}", "$text-error", "view-workers"))
    return [*parts, Part(f"   {worker}", GOOD, "worker")] if worker else parts


# ── the verdict ──


def verdict_parts(model: Model, width: int) -> list[Part]:
    """What the store is doing; the way to what is wrong is never cut off."""
    verdict = model.verdict
    text = safe_text(verdict.text)
    style = MOOD_STYLES.get(verdict.mood, "")
    word = verdict.mood.value
    if style in (BAD, WARN) and text.startswith(word):
        text = word.upper() + text[len(word) :]
    text = f" {SIGNS[verdict.mood]} {text}"
    hint: list[Part] = []
    for go in ("! go there", "! go") if verdict.evidence else ():
        hint = [Part(f"   {go}", KEY, "worst"), Part(f" · {len(verdict.evidence)} ", MUTED, "worst")]
        if width_of([Part(text), *hint]) <= width:
            break
    return [Part(cut(text, width - width_of(hint)), style), *hint]


# ── the views ──


def tabs_parts(model: Model, width: int, current: View | None) -> list[Part]:
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
        parts = [_tab(model, view, title(view), count, end, current) for view in VIEWS.values()]
        if width_of(parts) <= width:
            break
    return parts


def _tab(
    model: Model, view: View, title: str, count: Callable[[int], str], end: str, current: View | None
) -> Part:
    bad = view.alarms(model)
    text = f" {view.key} {title}{view.counted(model, count)}{f'▲{bad}' if bad else ''}{end}"
    style = "bold reverse" if _is_at(view, current) else "$text-error" if bad else ""
    return Part(text, style, f"view-{view.name}")


def _is_at(view: View, current: View | None) -> bool:
    return current is not None and view.name == (current.under or current.name)


# ── the rates ──


def rates_parts(model: Model, width: int, view: View, now: float) -> list[Part]:
    """In, out, what that comes to, the oldest, the usual run; or what the view says instead. What the filter leaves."""
    chip = _chip(model, view)
    overview = model.overview
    if summary := view.summary(model, now):
        return spread([Part(cut(f" {safe_text(summary)}", width - width_of(chip)))], chip, width)
    if overview is None:
        return spread([], chip, width)
    came, done = zip(*overview.history, strict=True) if overview.history else ((), ())
    highest = max((*came, *done), default=0.0)
    pace, sparks = f" in {overview.rate_in:.1f}/s", width >= WIDE and highest > 0
    worth: list[Part] = [Part(pace)]
    if sparks:
        worth.append(Part(f" {spark(came, highest)}", "$text-accent"))
    worth.append(Part(f"  out {overview.rate_out:.1f}/s"))
    if sparks:
        worth.append(Part(f" {spark(done, highest)}", "$text-success"))
    worth.append(Part(f"  {_trend(model)}"))
    if overview.oldest is not None:
        worth.append(Part(f"   oldest {short_age(elapsed(now, overview.oldest))}"))
    if overview.usual is not None and overview.p95 is not None:
        run = f"   usual run {short_seconds(overview.usual)}, p95 {short_seconds(overview.p95)}"
        worth.append(Part(run, MUTED))
    while len(worth) > 1 and width_of(worth) + width_of(chip) > width:
        worth.pop()
    return spread(worth, chip, width)


def spark(rates: Iterable[float], highest: float) -> str:
    """Rates as bars; only a rate of nothing has the lowest."""
    steps = len(BARS) - 1
    return "".join(BARS[min(-(-int(rate / highest * steps * 1000) // 1000), steps)] for rate in rates)


def _trend(model: Model) -> str:
    overview = model.overview
    assert overview is not None
    if (seconds := empty_in(overview.history, overview.counts.pending)) is not None:
        return f"empty in ~{short_age(seconds)}"
    change = overview.rate_in - overview.rate_out
    if abs(change) < 0.05:
        return "steady"
    return f"{'growing' if change > 0 else 'shrinking'} {abs(change):.1f}/s"


def empty_in(history: Sequence[tuple[float, float]], pending: int) -> float | None:
    """Seconds until nothing is pending, told only where more went than came in each of the last five minutes."""
    if len(history) < STEPS or not pending:
        return None
    minutes = [history[at : at + 2] for at in range(0, STEPS, 2)]
    if any(sum(came for came, _ in minute) >= sum(done for _, done in minute) for minute in minutes):
        return None
    return pending / (sum(done - came for came, done in history) / STEPS)


def _chip(model: Model, view: View) -> list[Part]:
    if not (model.narrowed.text and view.filters):
        return []
    return [Part(f"  /{_filter_chip(model, view)} ", KEY, "filter")]


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
