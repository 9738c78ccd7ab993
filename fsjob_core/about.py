"""What a store says of itself: its name, a pause, who is signed in, room on its disk. Never takes a lock."""

from __future__ import annotations

import json
import os

from .facts import UNREADABLE, Label, WorkerInfo
from .fs import Disk, NotRegular
from .host import Host, Identity
from .layout import Layout, is_job_id

PREVIEW = 64 << 10
"""Bytes that are read of what is shown, or of what ought to be small."""
SIGNED_OUT_AFTER = 10.0
"""Seconds without a beat after which a worker that is signed in counts as gone."""


class About:
    """What a store's own files say, none of which is trusted to be there or well formed."""

    def __init__(self, host: Host, layout: Layout) -> None:
        self.host = host
        self.layout = layout
        self.disk = Disk(host, host.calls, durable=False)
        self._local = host.is_local(layout.root)

    def paused(self) -> str | None:
        """The reason of a pause (it may be empty); None where work is taken."""
        try:
            data, _ = self.disk.read_start(self.layout.paused, 400)
        except (OSError, NotRegular):
            return None
        return data.decode("utf-8", "replace").strip()

    def lacks_room(self, size: int) -> bool:
        """Whether the file system has no room for so many bytes, or for a file."""
        found = os.statvfs(self.layout.root)
        return found.f_bavail * found.f_frsize < size or bool(found.f_files and not found.f_favail)

    def label(self) -> Label:
        """Name and class of the store; class UNREADABLE where a label is there that cannot be used."""
        found = self._json(self.layout.about)
        if found is None:
            return Label(klass=UNREADABLE)
        return Label(str(found.get("name") or ""), str(found.get("class") or ""))

    def workers(self) -> list[WorkerInfo]:
        """Workers that are signed in, gone ones included."""
        names = self.disk.list_directory(self.layout.workers)
        found = (self._worker(name) for name in sorted(names) if is_job_id(name))
        return [worker for worker in found if worker is not None]

    def _worker(self, name: str) -> WorkerInfo | None:
        path = self.layout.worker(name)
        beat, told = self._mtime(path), self._json(path)
        if beat is None or not told:
            return None
        pid, boot = _whole(told.get("pid")), str(told.get("boot", ""))
        me = Identity(str(told.get("host", "")), boot, _whole(told.get("pidns")), pid, _whole(told.get("start")))
        alive = self.host.alive(me) if self._local and pid > 0 else None
        gone = alive is False or (alive is None and self.host.time() - beat > SIGNED_OUT_AFTER)
        return WorkerInfo(
            name=name,
            host=me.host,
            pid=pid,
            state="gone" if gone else str(told.get("state", "idle")),
            now=_whole(told.get("now")),
            done=_whole(told.get("done")),
            failed=_whole(told.get("failed")),
            beat=beat,
            since=float(_whole(told.get("since"))),
            command=str(told.get("command", "")),
            kind="notifier" if told.get("kind") == "notifier" else "worker",
            full_since=float(_whole(told.get("full_since"))),
        )

    def _json(self, path: str) -> dict[str, object] | None:
        """The members of a file, none where it is not there; None where it cannot be used."""
        try:
            found = json.loads(self.disk.read(path, PREVIEW))
        except FileNotFoundError:
            return {}
        except (OSError, NotRegular, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _mtime(self, path: str) -> float | None:
        try:
            return self.host.calls.lstat(path).st_mtime
        except OSError:
            return None


def _whole(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1e15 else 0
