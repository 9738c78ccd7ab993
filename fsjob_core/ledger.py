"""The ledger of a job's notifications: for each target that could not be told the tries, the last error, what next.

It lives on the job, under `tries` of our member of state.json: a list, for a target is any JSON value. A target that
was told leaves it together with the waiting list. What stands there and is no entry is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .record import JobRecord, Json, number_of, same_json

TRIES = "tries"
ANEW = "anew"
"""How often a target of the job was wanted anew since it is fulfilled: a try that began before does not count."""
AHEAD = 60.0
"""Seconds by which the clocks of two machines on one file system may differ."""
ERROR_LENGTH = 500
"""Characters of an error that are kept: there may be many targets, and all of them are in one file."""


@dataclass(frozen=True, slots=True)
class Tries:
    """What became of telling one target so far. Times in seconds since 1970; `due` is None once it was given up."""

    target: Json
    count: int
    error: str
    at: float
    due: float | None
    anew: int | None = None
    """`wanted_anew` of the job when the try began; not kept. None: that does not matter."""

    @property
    def given_up(self) -> bool:
        """Whether it is not tried any more, until an operator says so."""
        return self.due is None

    def as_json(self) -> dict[str, Json]:
        """As it stands in state.json."""
        next_try = {"given_up": True} if self.due is None else {"next": self.due}
        return {"target": self.target, "count": self.count, "error": self.error, "at": self.at, **next_try}


def read_ledger(record: JobRecord) -> list[Tries]:
    """The entries of a job, in the order in which they were made."""
    found = record.ours.get(TRIES)
    entries = map(_entry, found if isinstance(found, list) else [])
    return [entry for entry in entries if entry is not None]


def _entry(found: Json) -> Tries | None:
    if not isinstance(found, dict) or "target" not in found:
        return None
    count, at, due = (number_of(found.get(name)) for name in ("count", "at", "next"))
    given_up = found.get("given_up") is True
    return Tries(found["target"], int(count), str(found.get("error", "")), at, None if given_up else due)


def entry_of(entries: Sequence[Tries], target: Json) -> Tries | None:
    """The entry of one target; None where it was never tried."""
    return next((entry for entry in entries if same_json(entry.target, target)), None)


def due_targets(record: JobRecord, now: float) -> list[Json]:
    """The targets that are to be told now: the never tried first, so that those that fail hold nobody back."""
    entries = read_ledger(record)
    if not entries:
        return list(record.waiting)
    ranked = [(_due(entry_of(entries, target), now), target) for target in record.waiting]
    return [target for due, target in sorted(ranked, key=lambda pair: pair[0]) if due <= now]


def next_due(record: JobRecord, now: float) -> float:
    """When the first target that waits is to be told (seconds since 1970, 0 for now); infinite where none is."""
    entries = read_ledger(record)
    return min((_due(entry_of(entries, target), now) for target in record.waiting), default=math.inf)


def _due(entry: Tries | None, now: float) -> float:
    if entry is None:
        return 0.0
    if entry.due is None:
        return math.inf
    return 0.0 if entry.at - now > AHEAD else entry.due  # the clock went back: the next try would be as far away


def given_up(record: JobRecord) -> list[Json]:
    """The targets that wait and are not tried any more."""
    gone = [entry.target for entry in read_ledger(record) if entry.given_up]
    return [target for target in record.waiting if any(same_json(target, one) for one in gone)]


# ── changes, each to a record ──


def with_tries(record: JobRecord, entry: Tries) -> JobRecord:
    """The same job with this entry in the place of an older one of the same target."""
    others = _others(record, entry.target)
    return _with(record, [*others, entry])


def wanted_anew(record: JobRecord) -> int:
    """How often somebody wanted one of its targets told anew."""
    return int(record.number(ANEW))


def only_of_those_who_wait(record: JobRecord) -> JobRecord:
    """The same job without entries of targets that wait no more."""
    if not record.waiting:
        record = record.with_ours(**{ANEW: None})
    if TRIES not in record.ours:
        return record
    entries = read_ledger(record)
    return _with(record, [one for one in entries if any(same_json(one.target, target) for target in record.waiting)])


def begun_anew(record: JobRecord, target: Json) -> JobRecord:
    """The same job, with this target as one that was never tried; a try that is under way does not count, either."""
    if record.fulfilled:
        record = record.with_ours(**{ANEW: wanted_anew(record) + 1})
    return _with(record, _others(record, target)) if TRIES in record.ours else record


def _others(record: JobRecord, target: Json) -> list[Tries]:
    return [entry for entry in read_ledger(record) if not same_json(entry.target, target)]


def _with(record: JobRecord, entries: Sequence[Tries]) -> JobRecord:
    return record.with_ours(**{TRIES: [entry.as_json() for entry in entries] or None})
