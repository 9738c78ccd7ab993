"""What `--json` prints, as small schemas: a member's name and its type; a name that ends in ? may be null.

    >>> complaint({"id": str, "size?": int}, {"id": "a", "size": None})
    >>> complaint({"id": str}, {"id": 1})
    'id: int is no str'
    >>> complaint({"id": str}, {"id": "a", "more": 1})
    'there are id, more; wanted id'
    >>> complaint([{"n": int}], [{"n": 1}, {"n": "x"}])
    '1: n: str is no int'
"""

from __future__ import annotations

from typing import Any

Schema = Any
"""A type, None for anything, {member: schema}, or [schema] for a list of such."""

ACT = {"id": str, "done": bool, "what": str}
COUNTS = {"pending": int, "locked": int, "waiting": int, "fulfilled": int, "parked": int}
LOCK = {
    "id": str, "kind": str, "verdict": str, "proof": str, "worker?": str, "host?": str, "pid?": int, "since?": float,
    "last_beat": float, "token": str,
}  # fmt: skip
TRIES = {"target": None, "count": int, "error": str, "at": float, "due?": float}

SCHEMAS: dict[str, Schema] = {
    "create": {"id": str, "version": int},
    "ls": {"id": str, "since": float},
    "ls locked": LOCK,
    "show": {
        "id": str, "state": str, "version?": int, "request": None, "waiting?": list, "tries?": [TRIES], "extra?": dict,
        "made?": float, "changed?": float, "value_size?": int, "problem?": str, "why": str,
        "locks": [{"kind": str, "verdict": str, "proof": str}],
    },
    "why": {"id": str, "why": str},
    "value": {"id": str, "size": int, "value": str},
    "edit": ACT,
    "delete": ACT,
    "purge": ACT,
    "undo": ACT,
    "undo --list": {
        "group": str, "at": str, "who": str, "host": str, "via": str, "act": str, "jobs": int, "first": list,
    },
    "label": {"name": str, "class": str, "guarded": bool},
    "doctor": {
        "kind": str, "id?": str, "path": str, "since?": float, "explanation": str, "remedy": str, "automatic": bool,
    },
    "fulfill": ACT,
    "queue": ACT,
    "unqueue": ACT,
    "requeue": ACT,
    "park": ACT,
    "locks": LOCK,
    "unlock": ACT,
    "workers": {
        "name": str, "host": str, "pid": int, "state": str, "now": int, "done": int, "failed": int, "beat": float,
        "since": float, "command": str, "kind": str, "full_since": float,
    },
    "pause": ACT,
    "resume": ACT,
    "stats": {**COUNTS, "locks": dict, "workers": dict, "paused?": str},
}  # fmt: skip


def complaint(schema: Schema, found: Any) -> str | None:
    """What is wrong with what was found; None where it is as it should be."""
    if schema is None:
        return None
    if isinstance(schema, type):
        good = isinstance(found, (int, float) if schema is float else schema)
        good = good and (schema is bool or not isinstance(found, bool))
        return None if good else f"{type(found).__name__} is no {schema.__name__}"
    if isinstance(schema, list):
        if not isinstance(found, list):
            return f"{type(found).__name__} is no list"
        return next((f"{n}: {why}" for n, each in enumerate(found) if (why := complaint(schema[0], each))), None)
    return _of_members(schema, found)


def _of_members(schema: dict[str, Schema], found: Any) -> str | None:
    if not isinstance(found, dict):
        return f"{type(found).__name__} is no object"
    names = {name.rstrip("?"): each for name, each in schema.items()}
    if set(found) != set(names):
        return f"there are {', '.join(sorted(found))}; wanted {', '.join(sorted(names))}"
    for name, each in schema.items():
        member = found[name.rstrip("?")]
        if not (name.endswith("?") and member is None) and (why := complaint(each, member)):
            return f"{name.rstrip('?')}: {why}"
    return None
