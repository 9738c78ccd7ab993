"""Times of day in UTC, as they are told. What was written by others may be no time of any calendar. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTES, SECONDS = "%H:%M", "%H:%M:%S"
LAST = 253_402_300_799.0
"""The last second of the year 9999, from 1970 on."""


def utc(at: float, form: str) -> str:
    """A time (seconds since 1970) in UTC by a form of `strftime`; as the number that it is where no calendar has it."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):{form}} UTC"
    except (OverflowError, OSError, ValueError):
        return f"{at:.0f} s since 1970"


def time_of_day(at: float, now: float, form: str = MINUTES) -> str:
    """A time of day, with its date where that is another than today's."""
    return utc(at, form if at // 86_400 == now // 86_400 else f"%Y-%m-%d {form}")
