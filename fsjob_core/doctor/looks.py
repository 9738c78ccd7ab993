"""Looks at what may be gone."""

from __future__ import annotations

from os import stat_result

from ..ground import Ground


def lstat(ground: Ground, path: str) -> stat_result | None:
    """What stands at a path; None where nothing does."""
    try:
        return ground.disk.calls.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def mtime(ground: Ground, path: str) -> float | None:
    """Since when it stands there so, in seconds since 1970."""
    found = lstat(ground, path)
    return found.st_mtime if found is not None else None
