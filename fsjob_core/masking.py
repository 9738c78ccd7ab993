"""What looks secret in a request is not shown: not in a list, not in a detail, unless it is asked for."""

from __future__ import annotations

from .record import Json

SECRET = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "private_key", "credential")
"""Members whose values are masked, wherever these words are part of their name."""
MASK = "••••••"


def masked(value: Json) -> Json:
    """A JSON value with what looks secret masked."""
    if isinstance(value, dict):
        return {
            name: MASK if any(word in name.lower() for word in SECRET) else masked(inner)
            for name, inner in value.items()
        }
    return [masked(inner) for inner in value] if isinstance(value, list) else value
