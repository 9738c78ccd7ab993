"""Times as they are told: the clock to the minute, exact ones in UTC and where the terminal is."""

from __future__ import annotations

from datetime import UTC, datetime

from ..text import safe_text


def clock(at: float, *, local: bool) -> str:
    """Hours and minutes, with the zone."""
    return f"{_there(at) if local else datetime.fromtimestamp(at, UTC):%H:%M %Z}"


def seconds(at: float, *, local: bool) -> str:
    """Hours, minutes and seconds, for logs."""
    return f"{_there(at) if local else datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def exact(at: float, now: float) -> list[str]:
    """Time in UTC, and after it the local time where that is another; with the date where it is not today's."""
    try:
        there = _there(at)
    except (OverflowError, OSError, ValueError):  # a time that no calendar has
        return [f"{at:.0f} s since 1970"]
    today = "%H:%M:%S" if at // 86_400 == now // 86_400 else "%Y-%m-%d %H:%M:%S"
    told = [f"{datetime.fromtimestamp(at, UTC):{today}} UTC"]
    if there.utcoffset():
        told.append(f"{there:{today if there.date() == _there(now).date() else '%Y-%m-%d %H:%M:%S'}} {zone(at)}")
    return told


def zone(at: float) -> str:
    """What the local time is called."""
    return safe_text(_there(at).tzname() or "local")


def _there(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()
