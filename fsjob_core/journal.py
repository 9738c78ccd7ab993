"""The audit log: one JSON line for every act of a person, with its outcome as read back from the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from .fs import Disk
from .layout import Layout


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act came to: whether it was done, and one plain sentence that was read back from the disk."""

    done: bool
    what: str
    id: str = ""


def append_audit(
    disk: Disk, layout: Layout, *, who: str, via: str, act: str, outcome: Outcome, details: Mapping[str, object]
) -> None:
    """Add a line to `.fsjob/audit.jsonl`."""
    line = {
        "at": datetime.fromtimestamp(disk.host.time(), UTC).isoformat(timespec="milliseconds"),
        "who": who,
        "host": disk.host.me.host,
        "via": via,
        "act": act,
        "id": outcome.id,
        "done": outcome.done,
        "what": outcome.what,
        **{name: value for name, value in details.items() if value not in (None, "")},
    }
    disk.append(layout.audit, json.dumps(line).encode() + b"\n")


def read_audit(disk: Disk, layout: Layout, limit: int = 8 << 20) -> Iterator[dict[str, object]]:
    """The lines of the audit log, oldest first; lines that are no JSON objects are passed over."""
    try:
        data, _ = disk.read_start(layout.audit, limit)
    except FileNotFoundError:
        return
    for line in data.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
