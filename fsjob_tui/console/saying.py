"""What is told of acts: errors in one line, and what of a request or a value stands in a shell line."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence

from fsjob_core.errors import NotAStore
from fsjob_core.masking import masked
from fsjob_core.record import Json, dump

LONGEST_WORD = 2000
"""Characters of a request or a value up to which a shell line holds it."""


def sentence(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, NotAStore):
        return f"{error}; nothing was changed"
    if isinstance(error, OSError) and error.strerror:
        room = "; `purge` in the palette makes room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}{room}"
    return str(error)


def short_word(text: str) -> str:
    """A word of a shell line: itself, or where it is very long, what stands for a file that holds it."""
    return text if len(text) <= LONGEST_WORD else "@FILE"


def request_word(request: Json, more: Sequence[str]) -> str:
    """A request as a word of a shell line; what looks secret is not put into one, which is shown, and kept."""
    secret = masked(request, more) != request
    return "@FILE" if secret else short_word(json.dumps(request, ensure_ascii=False))


def target_word(target: Json, more: Sequence[str]) -> str:
    """The same of a target."""
    return dump(target).decode("utf-8", "replace") if masked(target, more) == target else "TARGET"
