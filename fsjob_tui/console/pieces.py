"""Pieces of text with their style: what panes and lines are made of."""

from __future__ import annotations

from fsjob_core.facts import Verdict
from fsjob_core.health import RELEASABLE

Piece = tuple[str, str]
"""Text, which must be safe, and style."""
STYLES = {"good": "$text-success", "warn": "$text-warning", "bad": "bold $text-error", "dim": "$foreground-muted"}


MUTED = "$foreground-muted"
LABEL = 9
"""Cells of a label."""


def line(label: str, text: str, style: str = "") -> list[Piece]:
    """A line of a pane: a label and what it says."""
    return [(f"{label:<{LABEL}}", MUTED), (f"{text}\n", STYLES.get(style, style))]


def style_of(verdict: Verdict) -> str:
    """The style of a verdict on a lock."""
    if verdict in RELEASABLE or verdict is Verdict.GHOST:
        return "bad"
    return "good" if verdict is Verdict.LIVE else "warn"
