"""The parked jobs by their error, as the monitor tells of it; which of them are parked, the views' deltas say."""

from __future__ import annotations

from collections.abc import Iterable

from fsjob_core.facts import Entry
from fsjob_core.feed import Delta, Grouped

from .rows import Listed, Rows

ALL = ""
"""The key of the group that holds every parked job."""


class Errors:
    """Groups of parked jobs, by an error made alike."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.done = 0
        """How many jobs the monitor has read."""
        self._goes_on = False
        """Whether there are more to be read: until then no group changes its place."""
        self._error_of: dict[str, str] = {}
        self._rows: dict[str, Rows] = {}
        self._order: list[str] = []
        self._listed: Listed | None = None

    def regroup(self, message: Grouped, parked: Rows) -> None:
        """Take in what jobs failed of; `parked`: those that are shown as parked."""
        self.done, self._goes_on, self._listed = message.done, message.done < message.total, None
        for error, ids in message.groups:
            came = []
            for job_id in ids:
                before = self._error_of.get(job_id)
                self._error_of[job_id] = error
                since = parked.since(job_id)
                if before != error and since is not None:
                    self._leave(before, [job_id])
                    came.append(Entry(job_id, since))
            self._come(error, came)

    def change(self, delta: Delta) -> None:
        """Jobs were parked, or are not any more."""
        if delta.reset:
            self.clear()
        left: dict[str, list[str]] = {}
        for job_id in delta.gone:
            error = self._error_of.pop(job_id, None)
            if error is not None:
                left.setdefault(error, []).append(job_id)
        for error, ids in left.items():
            self._leave(error, ids)

    def _leave(self, error: str | None, ids: list[str]) -> None:
        rows = self._rows.get(error) if error is not None else None
        if rows is not None and error is not None:
            rows.change(ids, ())
            self._listed = None
            if not len(rows):
                del self._rows[error]

    def _come(self, error: str, came: Iterable[Entry]) -> None:
        entries = list(came)
        if entries:
            self._rows.setdefault(error, Rows(newest=True)).change((), entries)
            self._listed = None

    def rows(self, error: str) -> Rows | None:
        """The jobs of one group."""
        return self._rows.get(error)

    def listed(self) -> Listed:
        """The errors, most jobs first; at the end the group of all jobs."""
        if self._listed is None:
            order = [error for error in self._order if error in self._rows] if self._goes_on else []
            new = self._rows.keys() - set(order)
            self._order = order + sorted(new, key=lambda error: (-len(self._rows[error]), error))
            self._listed = Listed([*self._order, ALL])
        return self._listed
