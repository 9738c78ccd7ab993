"""The locks, worst first, and below them the proof of the one under the cursor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from fsjob_core.advice import what_follows
from fsjob_core.clock import SECONDS, utc
from fsjob_core.facts import LockInfo, Verdict
from fsjob_core.feed import LockRow
from fsjob_core.health import RELEASABLE, SIGNS

from ...text import safe_text, short_age, short_seconds
from ..model import Model
from ..pieces import Piece, line, style_of
from ..rows import Source
from .cells import VERDICTS
from .column import EMPTY, By, Cell, Column
from .view import View

if TYPE_CHECKING:
    from ..screens.frame import Frame

BEATS = 20
BEAT_SECONDS = 3.0


def _lock(show: Callable[[LockRow, Model, float], Cell]) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        row = model.locks.get(key)
        return show(row, model, now) if row is not None else EMPTY

    return cell


def _by(value: Callable[[LockInfo], float | str | None]) -> By:
    def by(model: Model, key: str) -> float | str | None:
        row = model.locks.get(key)
        return value(row.info) if row is not None else None

    return by


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


def proof_pieces(row: LockRow, model: Model, now: float, shell: str) -> list[Piece]:
    """Why a lock is what it is, and what follows."""
    info, overview = row.info, model.overview
    token = f"  token …{safe_text(info.token[-4:])}" if info.token else ""
    held = f"  held {short_age(now - info.since)}{_usual(row, model, now)}" if info.since is not None else ""
    pieces = line("owner", f"{safe_text(info.whose)}{held}{token}")
    pieces += line("proof", safe_text(info.proof), style_of(info.verdict))
    follows = what_follows(
        info, now, list(model.workers.values()), pulled=overview.pulled if overview is not None else None,
        paused=overview is not None and overview.paused is not None, unchanged=row.unchanged,
    )  # fmt: skip
    pieces += line("next", safe_text(follows), "dim" if info.verdict is Verdict.LIVE else "warn")
    pieces += line("beats", f"{beats(row, now)}  {_rhythm(row, now)}") + line("hearts", *_hearts(row))
    pieces += line("shell", safe_text(shell), "dim")
    return pieces + line("clock", _clock(overview.skew if overview is not None else None), "dim")


def _usual(row: LockRow, model: Model, now: float) -> str:
    overview = model.overview
    if row.info.kind != "work" or row.info.since is None or overview is None or not overview.p95:
        return ""
    times = (now - row.info.since) / overview.p95
    return f" (×{times:,.0f} of p95, {short_seconds(overview.p95)})" if times >= 1 else ""


def _rhythm(row: LockRow, now: float) -> str:
    """How often it beats, and the last one."""
    gaps = [after - before for before, after in pairwise(row.beats)]
    every = f"every {median(gaps):.1f} s, " if len(gaps) > 1 else ""
    last = row.info.last_beat
    return f"{every}last {short_age(now - last)} ago, at {utc(last, SECONDS)}"


def _hearts(row: LockRow) -> tuple[str, str]:
    """Whose the beats are."""
    if row.info.verdict is Verdict.GHOST:
        return f"two: {safe_text(row.info.proof)}", "bad"
    if row.hearts == 1:
        return "one: nobody but its holder beats this lock", "dim"
    return "not known: too few beats were seen, or they do not tell whose they are", "dim"


def _clock(skew: tuple[float, float] | None) -> str:
    """By how much host and file system differ."""
    if skew is None:
        return "offset between host and file system not known: nothing has changed yet"
    low, high = skew
    middle, by = (low + high) / 2, (high - low) / 2
    return f"offset between host and file system {middle:+.2f} s, within {by:.2f} s"


class Locked(View):
    name, key, title, short = "locked", "2", "Locked", "Lock"
    help = "the locks, with the proof of each verdict"
    empty = "no lock stands: nobody is at work"
    beside = False
    reads = False
    columns = (
        Column("", 1, 9, _lock(lambda row, m, now: Cell(SIGNS[row.info.verdict], style_of(row.info.verdict)))),
        Column("VERDICT", 7, 8, _lock(lambda row, m, now: Cell(row.info.verdict.upper(), style_of(row.info.verdict))),
               by=_by(lambda info: VERDICTS.index(info.verdict))),
        Column("JOB", 13, 9, _lock(lambda row, m, now: Cell(safe_text(row.info.id))), wide=20,
               by=_by(lambda info: info.id)),
        Column("KIND", 5, 3, _lock(lambda row, m, now: Cell(row.info.kind.replace("notification", "note")))),
        Column("OWNER", 0, 6, _lock(_owner), by=_by(lambda info: info.whose)),
        Column("HELD", 7, 5, _lock(_held), right=True, by=_by(lambda info: info.since)),
        Column("BEAT", 7, 7, _lock(lambda row, m, now: Cell(short_age(now - row.info.last_beat))), right=True,
               by=_by(lambda info: info.last_beat)),
        Column("USUAL", 5, 4, _lock(_times_usual), right=True),
        Column("LAST MINUTE", 20, 1, _lock(lambda row, m, now: Cell(beats(row, now), "dim"))),
    )  # fmt: skip

    def whole(self, model: Model) -> Source:
        return model.listed["locked"]

    def summary(self, model: Model, now: float) -> str:
        verdicts = Counter(row.info.verdict for row in model.locks.values())
        long = verdicts.pop(Verdict.LONG, 0)
        verdicts[Verdict.LIVE] += long
        parts = [f"{verdict} {verdicts[verdict]}" for verdict in Verdict if verdicts[verdict]]
        return "  ".join([*parts, f"({long} too long)"] if long else parts)

    def alarms(self, model: Model) -> int:
        return len(self.troubles(model))

    def known(self, model: Model) -> bool:
        return True

    def job_of(self, model: Model, key: str) -> str:
        return model.locks[key].info.id if key in model.locks else key.partition(":")[2]

    def lock_of(self, model: Model, key: str) -> LockInfo | None:
        row = model.locks.get(key)
        return row.info if row else None

    def key_of(self, model: Model, job_id: str) -> str | None:
        return next((key for key, row in model.locks.items() if row.info.id == job_id), None)

    def troubles(self, model: Model) -> list[str]:
        return [key for key, row in model.locks.items() if row.info.verdict in RELEASABLE | {Verdict.GHOST}]

    def below(self, screen: Frame, room: int) -> tuple[str, list[Piece]] | None:
        row = screen.model.locks.get(screen.table.cursor or "")
        if row is None:
            return None
        shell = screen.acts.locks.unlock_line(row.info)
        title = f"why {safe_text(row.info.id)} is {row.info.verdict.upper()}"
        return title, proof_pieces(row, screen.model, screen.now(), shell)

    def height_below(self, screen: Frame) -> int:
        return min(11, screen.size.height // 2 - 2) if screen.model.locks else 0
