"""What the monitor says while the screen is frozen: kept, until it goes on."""

from __future__ import annotations

from collections.abc import Iterable

from fsjob_core.feed import Delta, Details, Gone, Grouped, Hello, Job, Message

MOST = 200_000
"""Jobs that came or went, of which so many are kept."""


class Held:
    """Changes in their order; of what is told whole the last."""

    def __init__(self) -> None:
        self._changes: list[Delta | Grouped] = []
        self._latest: dict[type, Message] = {}
        self._jobs = 0

    @property
    def full(self) -> bool:
        """Whether more than can be kept has changed."""
        return self._jobs > MOST

    def keep(self, messages: Iterable[Message]) -> list[Message]:
        """Keep messages; gives back those that were asked for, which are shown at once."""
        asked: list[Message] = []
        for message in messages:
            if isinstance(message, Details | Job):
                asked.append(message)
            elif isinstance(message, Delta):
                self._changes.append(message)
                self._jobs += len(message.gone) + len(message.came)
            elif isinstance(message, Grouped):
                self._changes.append(message)
                self._jobs += sum(len(ids) for _, ids in message.groups)
            else:
                self._latest[Hello if isinstance(message, Gone) else type(message)] = message
        return asked

    def release(self) -> list[Message]:
        """All that was kept."""
        return [*self._changes, *self._latest.values()]
