"""The line below the table in words: the keys of what is possible now, or what there is to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .headings import BAD, KEY
from .parts import Part, spread, width_of

if TYPE_CHECKING:
    from .actions.action import Action

HELP = "help"


class Notice(NamedTuple):
    """Something to be said once, in place of the keys."""

    text: str
    wrong: bool = False


def keys_parts(
    width: int, possible: Iterable[Action], lead: Sequence[Part] = (), notice: Notice | None = None
) -> list[Part]:
    """The keys of what is possible now, or what there is to say. What is worth least is left out; `?` never is."""
    possible = list(possible)
    key = next((action.key for action in possible if action.name == HELP), "?")
    all_keys = _all_keys(key)
    if notice is not None:
        return spread([*lead, *notice_parts(notice)], [all_keys], width)
    parts: list[Part] = list(lead)
    left = width - width_of([all_keys, *parts])
    shown = [action for action in possible if action.worth]
    while sum(map(_width, shown)) > max(left, 0):
        shown.remove(min(reversed(shown), key=lambda action: action.worth))
    for action in shown:
        parts += [Part(f" {action.key}", KEY, action.name), Part(f" {action.short} ", "", action.name)]
    return spread(parts, [all_keys], width)


def notice_parts(notice: Notice) -> list[Part]:
    """What there is to say, whole."""
    sign, style = (" ▲ ", BAD) if notice.wrong else (" › ", "bold")
    return [Part(sign + notice.text, style)]


def fits_beside_keys(notice: Notice, lead: Sequence[Part], width: int) -> bool:
    """Whether it fits into the line of keys, beside how many are marked and the key for all of them."""
    return width_of([*lead, *notice_parts(notice), _all_keys()]) <= width


def _width(action: Action) -> int:
    return len(action.key) + len(action.short) + 3


def _all_keys(key: str = "?") -> Part:
    return Part(f" {key} all keys ", "bold", HELP)
