"""What an act of the console is about."""

from __future__ import annotations

from dataclasses import dataclass

from fsjob_core.facts import LockInfo

from ..text import short_count


@dataclass(frozen=True, slots=True)
class Target:
    """What an act is about, as it was when the key went down."""

    id: str
    state: str = ""
    """pending, fulfilled, parked; empty where that is not known."""
    lock: LockInfo | None = None
    waits: bool = False
    """Whether it waits for its next try."""


def names(targets: list[Target]) -> list[str]:
    """How many jobs, and the first few of them."""
    first = ", ".join(target.id for target in targets[:3])
    more = f" and {short_count(len(targets) - 3)} more" if len(targets) > 3 else ""
    return [f"{len(targets)} job{'s' if len(targets) != 1 else ''}: {first}{more}"]
