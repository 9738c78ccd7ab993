"""What of a request is shown: nothing that looks secret unless it is asked for, nothing that is nested too deep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from .record import Json

SECRET = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "private_key", "credential")
"""Members whose values are masked, wherever these words are part of their name."""
MASK = "••••••"
DEEPEST = 100
"""Levels of what is shown, one inside of the other: whoever shows it may go down by calls, of which few are left."""
TOO_DEEP = "… nested too deep to be shown"
"""Stands for what lies deeper."""


def masked(value: Json, more: Sequence[str] = ()) -> Json:
    """A JSON value with what looks secret masked; `more`: further words, in lower case."""
    return _hidden(value, (*SECRET, *more), lambda _: MASK)


def shallow(value: Json) -> Json:
    """A JSON value as deep as it can be shown, nothing masked."""
    return _hidden(value, (), lambda _: MASK)


def too_deep(value: Json) -> bool:
    """Whether a JSON value cannot be shown whole."""
    return bool(shallow(value) != value)


def _hidden(value: Json, words: Sequence[str], sign: Callable[[Json], str], levels: int = DEEPEST) -> Json:
    """A JSON value, so many levels of it, with a sign in the place of each value whose name has one of these words."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return TOO_DEEP
    if isinstance(value, list):
        return [_hidden(inner, words, sign, levels - 1) for inner in value]
    return {
        name: sign(inner) if any(word in name.lower() for word in words) else _hidden(inner, words, sign, levels - 1)
        for name, inner in value.items()
    }


class Hiding:
    """A JSON value for an editor: what looks secret is hidden behind signs, each of which stands for its own value."""

    def __init__(self, value: Json, more: Sequence[str] = (), *, hide: bool = True) -> None:
        self._known = set(_bullets(shallow(value)))
        self.values: dict[str, Json] = {}
        """What each sign stands for."""
        self.shown = _hidden(value, (*SECRET, *more), self._sign) if hide else shallow(value)

    def _sign(self, value: Json) -> str:
        signs = (f"{MASK} {number}" for number in count(1))
        sign = next(sign for sign in signs if sign not in self.values and sign not in self._known)
        self.values[sign] = value
        return sign

    def restored(self, value: Json, levels: int = DEEPEST) -> Json:
        """What somebody made of what was shown, with the values in the place of their signs.

        Raises ValueError where bullets would be written that were not there: they are what a screen shows, no value;
        and where it has more than so many levels.
        """
        if isinstance(value, dict | list) and not levels:
            raise ValueError("it is nested too deep to be edited in a page")
        if isinstance(value, dict):
            return {self._text(name): self.restored(inner, levels - 1) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.restored(inner, levels - 1) for inner in value]
        if not isinstance(value, str):
            return value
        return self.values[value] if value in self.values else self._text(value)

    def _text(self, text: str) -> str:
        if MASK in text and text not in self._known:
            signs = f"; {', '.join(list(self.values)[:3])}, whole, stands for what is hidden" if self.values else ""
            raise ValueError(f"{text[:30]!r} is what the screen shows for a hidden value, and no value{signs}")
        return text


def _bullets(value: Json) -> Iterator[str]:
    """The texts and names in a JSON value that look masked."""
    if isinstance(value, str):
        if MASK in value:
            yield value
    elif isinstance(value, dict | list):
        for inner in value:
            yield from _bullets(inner)
        if isinstance(value, dict):
            for inner in value.values():
                yield from _bullets(inner)
