"""Hints, through inotify, that there is something to do. Not every file system sends them: they are never relied on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .host import Host
from .layout import LOCK, is_job_id

STEP = 15
"""Milliseconds after which the system is asked whether something has changed."""
MOST = 10_000
"""Hints that are kept; of what is beyond, a listing tells."""


class Arrivals:
    """Collects the ids of jobs whose link came or went, where that is a hint, until they are taken."""

    def __init__(
        self, host: Host, directories: Sequence[str], is_hint: Callable[[bool, str], bool], wake: Callable[[], None]
    ) -> None:
        self._host, self._directories = host, directories
        self._is_hint, self._wake = is_hint, wake
        self._mutex = host.mutex()
        self._never = host.event()
        self._ids: set[str] = set()
        self._ended = False

    def take(self) -> set[str]:
        """The ids that came since it was last asked."""
        with self._mutex:
            ids, self._ids = self._ids, set()
        return ids

    def end(self) -> None:
        """Have `listen` return, within a second."""
        self._ended = True

    def listen(self) -> None:
        """Until ended."""
        from watchfiles import Change, watch

        while not self._ended:
            try:
                for changes in watch(
                    *self._directories, watch_filter=None, step=STEP, debounce=20, recursive=False,
                    raise_interrupt=False, rust_timeout=1000, yield_on_timeout=True,
                ):  # fmt: skip
                    if self._ended:
                        return
                    self._hear((change == Change.added, path) for change, path in changes if change != Change.modified)
            except (OSError, RuntimeError):  # none to be had now, or a directory is gone
                self._host.wait(self._never, 5.0)

    def _hear(self, changes: Iterable[tuple[bool, str]]) -> None:
        heard = set()
        for came, path in changes:
            directory, _, name = path.rpartition("/")
            if not name.endswith(LOCK) and is_job_id(name) and self._is_hint(came, directory):
                heard.add(name)
        if heard:
            with self._mutex:
                if len(self._ids) < MOST:
                    self._ids |= heard
            self._wake()
