"""What looks secret in a request is not shown: not in a list, not in a detail, unless it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from .record import Json

SECRET = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "private_key", "credential")
"""Members whose values are masked, wherever these words are part of their name."""
MASK = "••••••"


def masked(value: Json, more: Sequence[str] = ()) -> Json:
    """A JSON value with what looks secret masked; `more`: further words, in lower case."""
    if isinstance(value, dict):
        return {
            name: MASK if any(word in name.lower() for word in (*SECRET, *more)) else masked(inner, more)
            for name, inner in value.items()
        }
    return [masked(inner, more) for inner in value] if isinstance(value, list) else value
