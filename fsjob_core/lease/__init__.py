"""Locks: directories at `X.lock` that whoever holds them keeps fresh, with their owner in an attribute.

Compatible both ways with proper-lockfile 1.2, which the Node package uses: `mkdir` takes, a fresh mtime
holds, `rmdir` releases, and over 10 seconds without a beat is stale. What is added: an owner (so that death can
be proven), proofs by the holder's own clock, and removal of a stale lock only under the store's guard.
"""

from .heart import BEAT_EVERY, PROOF_LASTS, Heart
from .lock import KINDS, Lease, LockPlace
from .sight import BAR_OLD, STALE_AFTER, Owner, Sighting, Sightings, look
from .takeover import BAR_SECONDS, Bar, Judgement, acquire, bar, describe, judge, move_away, remove, take_over, unbar

__all__ = [
    "BAR_OLD",
    "BAR_SECONDS",
    "BEAT_EVERY",
    "KINDS",
    "PROOF_LASTS",
    "STALE_AFTER",
    "Bar",
    "Heart",
    "Judgement",
    "Lease",
    "LockPlace",
    "Owner",
    "Sighting",
    "Sightings",
    "acquire",
    "bar",
    "describe",
    "judge",
    "look",
    "move_away",
    "remove",
    "take_over",
    "unbar",
]
