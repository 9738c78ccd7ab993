"""Error texts made alike: what differs from job to job becomes a sign, so that one trouble is one group. Pure."""

from __future__ import annotations

import re

SIGN = "…"
LONGEST = 300
"""Characters of an error that are compared: its end is often a trace of its own."""

_CODE = r"(?P<code>\b(?:exit|status|code|signal|errno|http)\b[\s:=]{0,2}\d{1,3}\b)"
"""Small numbers that say what went wrong, and stay: exit 137 is not exit 1."""
_PATH = r"(?:\b[a-z][a-z0-9+.-]*:/|(?<![\w/]))(?:~|\.{1,2})?(?:/[^\s/:'\"`,;()\[\]<>{}|]+)+/?"
_HEX = r"\b0x[0-9a-f]+\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
_WORD = r"\b(?=[a-z_-]*\d)[0-9a-z_-]{8,}\b"
"""A long word with a digit in it: an id, a token, a digest."""
_NUMBER = r"\d+(?:[.,:]\d+)*"
_DIFFERS = re.compile("|".join((_CODE, _PATH, _HEX, _WORD, _NUMBER)), re.IGNORECASE)


def alike(error: str) -> str:
    """An error without paths, ids, hexadecimal words and numbers, in one line.

        >>> alike("open '/srv/a/17.js': no space left (job 1k10fpnzygbavvy724km, try 3)")
        "open '…': no space left (job …, try …)"
        >>> alike("exit 137: Killed after 30.5 s")
        'exit 137: Killed after … s'
    """
    text = _DIFFERS.sub(lambda found: found["code"] or SIGN, error[:LONGEST])
    return " ".join(text.split())
