"""How a worker or a notifier is to work, and what it says of what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Required, TypedDict

from .systemd import ServiceManager


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """Something a worker or a notifier did. Times in seconds.

    `kind`: started, done, failed, parked, lost (what was done is not used, or was cut short), recovered (the lock
    was a dead holder's), paused, draining, ended; error, where the store or this machine is in trouble, not the job. A
    notifier's: telling, told, not told, given up, with the target as JSON.
    """

    at: float
    kind: str
    id: str = ""
    text: str = ""
    seconds: float | None = None
    size: int | None = None
    target: str = ""


Report = Callable[[WorkerEvent], None]


class Options(TypedDict, total=False):
    """How a loop works; only its name must be given."""

    name: Required[str]
    command: str
    """What its sign-in says it runs."""
    concurrency: int
    timeout: float | None
    """Seconds after which an attempt has failed; None: never."""
    max_attempts: int
    """Tries after which a job is parked, or a target given up."""
    pause: float
    """Seconds before the second try; doubled before each further one."""
    until_empty: bool
    """Whether it ends when nothing is left to take or to try again."""
    report: Report
    manager: ServiceManager | None


def tell_nobody(event: WorkerEvent) -> None:
    return None
