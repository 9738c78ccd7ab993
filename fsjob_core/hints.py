"""Hints of local changes through inotify. Network file systems send none, so they are never relied on."""

from __future__ import annotations

from collections.abc import Callable

from .host import Event, Host
from .layout import Layout

CHECK_EVERY = 1.0
"""Seconds after which directories that came, or were made anew, are noticed and listened to."""
MOST = 200_000
"""Hints that are kept; of what is beyond, a listing tells."""


class Hints:
    """Collects the paths that are said to have changed in a store's directories, until they are taken."""

    def __init__(self, host: Host, layout: Layout, stop: Event, wake: Callable[[], None]) -> None:
        self._host, self._stop, self._wake = host, stop, wake
        self._directories = (layout.root, layout.own, layout.jobs, layout.pending, layout.waiting, layout.parked)
        self._mutex = host.mutex()
        self._paths: set[str] = set()

    def take(self) -> set[str]:
        """The paths that were told of since it was last asked."""
        with self._mutex:
            paths, self._paths = self._paths, set()
        return paths

    def listen(self) -> None:
        """Until stopped."""
        while not self._stop.is_set():
            there = self._there()
            if not there:
                self._host.wait(self._stop, CHECK_EVERY)
                continue
            try:
                self._listen_to(there)
            except (OSError, RuntimeError):  # no inotify to be had, or a directory went away meanwhile
                self._host.wait(self._stop, CHECK_EVERY)

    def _listen_to(self, there: dict[str, tuple[int, int]]) -> None:
        from watchfiles import watch

        for changes in watch(
            *there, watch_filter=None, step=100, debounce=100, recursive=False, ignore_permission_denied=True,
            raise_interrupt=False, rust_timeout=int(CHECK_EVERY * 1000), yield_on_timeout=True,
        ):  # fmt: skip
            if changes:
                with self._mutex:
                    if len(self._paths) < MOST:
                        self._paths.update(path for _, path in changes)
                self._wake()
            if self._stop.is_set() or self._there() != there:
                return

    def _there(self) -> dict[str, tuple[int, int]]:
        """Which of the directories there are, and which ones: a store may be deleted and made again."""
        found = {}
        for path in self._directories:
            try:
                status = self._host.calls.lstat(path)
            except OSError:
                continue
            found[path] = (status.st_dev, status.st_ino)
        return found
