"""Keys that were typed ahead: each is handled before the next one is given to anybody.

Textual gives a key to what has the focus when the key comes. Of a burst (a slow line, keys sent by a program) the keys
after a `/` were given to the table, and acted on rows, although the filter's input had the focus when they got there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import ExitStack
from functools import partial
from time import monotonic
from typing import Any

from textual import events
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.message import Message
from textual.screen import Screen

PATIENCE = 0.3
"""Seconds after which the next key is given out although nothing says that the last one was handled."""
UNPAINTED, PAINTED = 0.1, 0.03
"""Seconds for which nothing is painted while keys wait, and then may be: each would wait for a picture otherwise."""


class Handled(Message):
    """Follows a key through the queues of all that may handle it, and so comes when it is handled."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class TypingApp(App[int], inherit_bindings=False):
    """Gives out keys and pasted text one by one."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Event] = deque()
        self._number = 0
        """Of the key that was given out last."""
        self._where: Screen[Any] | None = None
        """The screen that was shown when it was given out; None once it is handled and the next may follow."""
        self._patience: asyncio.TimerHandle | None = None
        self._unpainted: ExitStack | None = None
        self._since = 0.0
        """When painting was put off, or allowed again."""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self._typed.append(event)
            if self._where is None:
                await self._give_next(self._number)
        else:
            await super().on_event(event)

    async def _give_next(self, number: int) -> None:
        """The key of this number is handled, or is taken for it."""
        if number != self._number:
            return
        if self._patience is not None:
            self._patience.cancel()
        self._where = None
        while self._typed and self._where is None:
            event, receiver = self._typed.popleft(), self.focused or self.screen
            self._where, self._number = self.screen, self._number + 1
            await super().on_event(event)
            if event.is_forwarded and receiver.post_message(Handled(self._number)):
                follows = partial(self.call_later, self._give_next, self._number)
                self._patience = asyncio.get_running_loop().call_later(PATIENCE, follows)
            else:
                self._where = None
        self._put_off_painting()

    def _put_off_painting(self) -> None:
        lasted = monotonic() - self._since
        if self._unpainted is None and self._typed and lasted > PAINTED:
            self._unpainted = ExitStack()
            self._unpainted.enter_context(self.batch_update())
        elif self._unpainted is not None and (not self._typed or lasted > UNPAINTED):
            self._unpainted.close()
            self._unpainted = None
            self.screen.check_idle()
        else:
            return
        self._since = monotonic()

    def on_handled(self, message: Handled) -> None:
        if message.number == self._number:
            self._go_on()

    def pop_screen(self) -> AwaitComplete:
        """A screen that a key has closed passes nothing on."""
        popped = super().pop_screen()
        self._go_on()
        return popped

    def _go_on(self) -> None:
        """Give the next key behind whatever this one has set going: a focus that moves, a screen that is made."""
        if self._where is None:
            return
        follows = partial(self.call_later, self._give_next, self._number)
        if self.screen is self._where or not self.screen.call_later(follows):
            follows()
