"""The columns of each view: what a row shows, and which column goes first where the screen is narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from fsjob_core.facts import Verdict
from fsjob_core.feed import LockRow, RowDetail
from fsjob_core.health import RELEASABLE, SIGNS, elapsed

from ..text import safe_bytes, safe_text, short_age, short_id, short_seconds, short_size
from .model import Model

BEATS = 20
BEAT_SECONDS = 3.0


class Cell(NamedTuple):
    """Text that is safe to show, and the name of its style: "", dim, good, warn, bad."""

    text: str
    style: str = ""


EMPTY = Cell("")


@dataclass(frozen=True, slots=True)
class Column:
    """`width` 0 takes what is left. `worth`: the lower, the sooner it is dropped; 9 stays."""

    title: str
    width: int
    worth: int
    cell: Callable[[Model, str, float], Cell]
    right: bool = False
    wide: int = 0
    """A wider width, where the screen is at least 100 columns wide."""


def style_of(verdict: Verdict) -> str:
    if verdict in RELEASABLE or verdict is Verdict.GHOST:
        return "bad"
    return "good" if verdict is Verdict.LIVE else "warn"


# ── cells ──


def _lock_sign(model: Model, key: str, now: float) -> Cell:
    lock = model.work_locks.get(key)
    if lock is None:
        detail = model.details.get(key)
        return Cell("!", "bad") if detail is not None and detail.problem else EMPTY
    return Cell(SIGNS[lock.verdict], style_of(lock.verdict))


def _id(model: Model, key: str, now: float) -> Cell:
    return Cell(safe_text(key))


def _age(view: str) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        since = model.rows[view].since(key)
        return Cell(short_age(elapsed(now, since))) if since is not None else EMPTY

    return cell


def _detail(show: Callable[[RowDetail], Cell]) -> Callable[[Model, str, float], Cell]:
    """A cell of what is read for visible rows only; empty until it was read."""

    def cell(model: Model, key: str, now: float) -> Cell:
        detail = model.details.get(key)
        return show(detail) if detail is not None else EMPTY

    return cell


def _lock_words(model: Model, key: str, now: float) -> Cell:
    lock = model.work_locks.get(key)
    if lock is None:
        detail = model.details.get(key)
        due = detail.not_before if detail is not None else None
        return Cell(f"due {short_age(due - now)}", "dim") if due is not None and due > now else EMPTY
    return Cell(f"{lock.verdict.value} {short_age(now - lock.last_beat)}", style_of(lock.verdict))


def _request(detail: RowDetail) -> Cell:
    return Cell(safe_text(detail.problem), "bad") if detail.problem else Cell(safe_text(detail.request))


def _value(detail: RowDetail) -> Cell:
    if detail.problem:
        return Cell(safe_text(detail.problem), "bad")
    return Cell(safe_bytes(detail.value_start))


def _took(detail: RowDetail) -> Cell:
    return Cell(short_seconds(detail.took)) if detail.took is not None else Cell("?", "dim")


def _lock(show: Callable[[LockRow, Model, float], Cell]) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        row = model.locks.get(key)
        return show(row, model, now) if row is not None else EMPTY

    return cell


def _held(row: LockRow, model: Model, now: float) -> Cell:
    return Cell(short_age(now - row.info.since)) if row.info.since is not None else Cell("?", "dim")


def _times_usual(row: LockRow, model: Model, now: float) -> Cell:
    p95 = model.overview.p95 if model.overview else None
    if row.info.kind != "work" or row.info.since is None or not p95:
        return Cell("?", "dim")
    times = (now - row.info.since) / p95
    return Cell("<1" if times < 1 else f"×{times:.0f}" if times < 1000 else ">999", "warn" if times > 10 else "")


def _owner(row: LockRow, model: Model, now: float) -> Cell:
    owner = row.info.owner
    if owner is None:
        return Cell(safe_text(row.info.whose), "dim")
    return Cell(safe_text(f"{owner.worker} {owner.host}:{owner.pid}"))


def beats(row: LockRow, now: float) -> str:
    """The last minute of a lock in twenty signs, a beat or none in each three seconds, newest right."""
    signs = []
    for slot in range(BEATS, 0, -1):
        begin, end = now - slot * BEAT_SECONDS, now - (slot - 1) * BEAT_SECONDS
        if end < row.beats[0] - BEAT_SECONDS:
            signs.append(" ")
        else:
            signs.append("▪" if any(begin <= beat < end for beat in row.beats) else "·")
    return "".join(signs)


def _worker(show: Callable[..., Cell]) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        worker = model.workers.get(key)
        return show(worker, now) if worker is not None else EMPTY

    return cell


WORKER_STYLES = {"busy": ("●", "good"), "idle": ("○", ""), "draining": ("▽", "warn"), "paused": ("‖", "warn")}


def worker_sign(state: str) -> Cell:
    return Cell(*WORKER_STYLES.get(state, ("▲", "bad")))


def _first_target(row: RowDetail) -> Cell:
    """Whom, and where telling somebody failed, why."""
    if row.problem:
        return Cell(safe_text(row.problem))
    return Cell(safe_text(f"{row.first_target}  {row.error}".rstrip()), "warn" if row.error else "")


# ── views ──

_JOB = Column("JOB", 13, 9, _id, wide=20)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "pending": (
        Column("", 1, 9, _lock_sign),
        _JOB,
        Column("AGE", 7, 8, _age("pending"), right=True),
        Column("TRY", 3, 5, _detail(lambda row: Cell(str(row.attempts)) if row.attempts else EMPTY), right=True),
        Column("LOCK", 12, 7, _lock_words),
        Column("REQUEST", 0, 6, _detail(_request)),
    ),
    "locked": (
        Column("", 1, 9, _lock(lambda row, m, now: Cell(SIGNS[row.info.verdict], style_of(row.info.verdict)))),
        Column("VERDICT", 7, 8, _lock(lambda row, m, now: Cell(row.info.verdict.upper(), style_of(row.info.verdict)))),
        Column("JOB", 13, 9, _lock(lambda row, m, now: Cell(safe_text(row.info.id))), wide=20),
        Column("KIND", 5, 3, _lock(lambda row, m, now: Cell(row.info.kind.replace("notification", "note")))),
        Column("OWNER", 0, 6, _lock(_owner)),
        Column("HELD", 7, 5, _lock(_held), right=True),
        Column("BEAT", 7, 7, _lock(lambda row, m, now: Cell(short_age(now - row.info.last_beat))), right=True),
        Column("USUAL", 5, 4, _lock(_times_usual), right=True),
        Column("LAST MINUTE", 20, 1, _lock(lambda row, m, now: Cell(beats(row, now), "dim"))),
    ),
    "waiting": (
        Column("", 1, 9, _lock_sign),
        _JOB,
        Column("SINCE", 7, 8, _age("waiting"), right=True),
        Column("TARGETS", 7, 6, _detail(lambda row: Cell(str(row.targets))), right=True),
        Column("JOB IS", 9, 5, _detail(lambda row: Cell("fulfilled" if row.fulfilled else "pending"))),
        Column("TRY", 3, 4, _detail(lambda row: Cell(str(row.attempts)) if row.attempts else EMPTY), right=True),
        Column("FIRST TARGET", 0, 7, _detail(_first_target)),
    ),
    "fulfilled": (
        _JOB,
        Column("FINISHED", 8, 8, _age("fulfilled"), right=True),
        Column("TOOK", 7, 4, _detail(_took), right=True),
        Column("SIZE", 8, 5, _detail(lambda row: Cell(short_size(row.value_size or 0))), right=True),
        Column("VALUE", 0, 6, _detail(_value)),
    ),
    "parked": (
        _JOB,
        Column("PARKED", 7, 8, _age("parked"), right=True),
        Column("TRY", 3, 5, _detail(lambda row: Cell(str(row.attempts))), right=True),
        Column("ERROR", 0, 7, _detail(lambda row: Cell(safe_text(row.problem or row.error), "bad"))),
        Column("REQUEST", 24, 2, _detail(lambda row: Cell(safe_text(row.request)))),
    ),
    "workers": (
        Column("", 1, 9, _worker(lambda worker, now: worker_sign(worker.state))),
        Column("WORKER", 14, 9, _worker(lambda worker, now: Cell(safe_text(worker.name))), wide=20),
        Column("HOST:PID", 18, 4, _worker(lambda worker, now: Cell(safe_text(f"{worker.host}:{worker.pid}")))),
        Column("STATE", 8, 8, _worker(lambda w, now: Cell(safe_text(w.state), worker_sign(w.state).style))),
        Column("NOW", 4, 6, _worker(lambda worker, now: Cell(str(worker.now))), right=True),
        Column("DONE", 7, 5, _worker(lambda worker, now: Cell(f"{worker.done:,}")), right=True),
        Column("FAILED", 6, 3, _worker(lambda worker, now: Cell(f"{worker.failed:,}")), right=True),
        Column("BEAT", 7, 7, _worker(lambda worker, now: Cell(short_age(now - worker.beat))), right=True),
        Column("COMMAND", 0, 2, _worker(lambda worker, now: Cell(safe_text(worker.command), "dim"))),
    ),
}
LEAST_FLEXIBLE = 12


def fit(view: str, width: int) -> list[tuple[Column, int]]:
    """The columns that fit into so many cells, with their widths; the least worth is dropped first."""
    columns = list(COLUMNS[view])
    wide = width >= 100

    def widths() -> list[int]:
        return [column.wide if wide and column.wide else column.width for column in columns]

    def needed() -> int:
        return sum(each or LEAST_FLEXIBLE for each in widths()) + len(columns) - 1

    while needed() > width and len(columns) > 2:
        columns.remove(min(columns, key=lambda column: column.worth))
    left = width - sum(widths()) - (len(columns) - 1)
    return [(column, each or max(left, 1)) for column, each in zip(columns, widths(), strict=True)]


def put(text: str, width: int, *, right: bool = False, is_id: bool = False) -> str:
    """`text` in exactly so many cells."""
    from rich.cells import cell_len, set_cell_size

    if is_id:
        text = short_id(text, width)
    if cell_len(text) > width:
        text = set_cell_size(text, max(width - 1, 0)) + "…" if width else ""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding
