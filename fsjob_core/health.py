"""What the listings mean: the verdict of a lock, that of a store. Pure: no disk, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .facts import Counts, Evidence, LockInfo, Mood, StoreVerdict, Verdict
from .lease import STALE_AFTER

LATE_AFTER = 6.0
"""Seconds without a beat after which one was missed: Node beats every 5, we every 3."""
FUTURE_BY = 2.0
LONG_TIMES = 10.0
"""A run is long from so many times the p95 of its kind on."""
LONG_AT_LEAST = 30.0
"""Seconds below which no run is called long: of jobs that take milliseconds every second run would be."""
SLOW_AFTER = 60.0
"""Age of the oldest pending job from which on more coming than going means falling behind."""
STALLED_AFTER = 30.0
"""Seconds without a finished job, while nobody has been at work, that are a stall."""

SIGNS: dict[Verdict | Mood, str] = {
    Verdict.BARRED: "■",
    Verdict.GHOST: "▲",
    Verdict.LEAKED: "▲",
    Verdict.DEAD: "▲",
    Verdict.STALE: "▲",
    Verdict.FUTURE: "?",
    Verdict.LATE: "~",
    Verdict.LONG: "◐",
    Verdict.LIVE: "●",
    Mood.NOT_ANSWERING: "?",
    Mood.STALLED: "▲",
    Mood.LONG: "◐",
    Mood.SLOW: "◐",
    Mood.PAUSED: "‖",
    Mood.MOVING: "✓",
    Mood.IDLE: "○",
    Mood.EMPTY: "○",
}

RELEASABLE = frozenset({Verdict.DEAD, Verdict.STALE, Verdict.LEAKED})
"""Verdicts whose lock a plain `y` releases."""

WORST = (Verdict.GHOST, Verdict.LEAKED, Verdict.DEAD, Verdict.STALE, Verdict.FUTURE, Verdict.LONG, Verdict.LATE)
"""Verdicts that are trouble, worst first."""
FULL = (
    "the disk is full: purge in the palette (:), or `fsjob purge --older-than 30d`, removes for good what was "
    "fulfilled or deleted long ago; anything else on that disk may go as well. Workers then go on by themselves"
)
"""What a full disk asks for."""
_NOBODYS = RELEASABLE | {Verdict.GHOST}
SHOWN_EVIDENCE = 50


def elapsed(now: float, since: float) -> float:
    """Seconds since a time; of a minute and more, up to the last full minute of the clock.

    So what is told in minutes and hours reads differently once a minute, all of it at the same moment.
    """
    seconds = now - since
    return seconds if seconds < 60 else max(now - now % 60 - since, 60.0)


def duration(seconds: float) -> str:
    """A length of time in one word: "41 s", "3 min", "2 h", "5 d"."""
    seconds = max(seconds, 0.0)
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86400 * 2, 3600, "h"), (float("inf"), 86400, "d")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    raise AssertionError


def _run(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class LockFacts:
    """What is known of a lock when it is judged. Times in seconds."""

    kind: str
    age: float
    """Since its last beat, by the clock; negative from the future."""
    unchanged: float
    """For how long it was watched without a beat."""
    dead: bool | None
    """True: its owner is proven dead; None: that cannot be checked from here."""
    owner: str
    """Worker, host and pid; empty where no owner is written."""
    held: float | None
    """For so long at least."""
    fulfilled: bool | None = None
    missing: bool = False
    settled: float | None = None
    """For how long the job has been as it is."""
    bar: str | None = None
    foreign: str | None = None
    ghost: str | None = None
    """Why its beats are not its holder's."""
    usual: float | None = None
    """p95 of run times."""
    stale_after: float = STALE_AFTER
    """For so long it must be watched without a beat before it may be taken."""


def judge_lock(facts: LockFacts) -> tuple[Verdict, str]:
    """The verdict on a lock, and the proof of it in one sentence."""
    beat = f"last beat {duration(facts.age)} ago" if facts.age >= 0 else f"last beat {duration(-facts.age)} ahead"
    if facts.bar is not None:
        return Verdict.BARRED, f"an operator took it away and bars it for a moment: {facts.bar[:120]}"
    if facts.foreign is not None:
        node = "" if facts.foreign == "link" else ", and all pulls of Node workers fail on it"
        return Verdict.BARRED, f"a {facts.foreign} stands here, no lock: nobody can take it{node}; move it away by hand"
    if facts.ghost is not None:
        return Verdict.GHOST, facts.ghost
    leak = _leak(facts)
    just_done = bool(facts.owner) and facts.settled is not None and facts.settled < STALE_AFTER
    if leak and not just_done:  # whoever has just fulfilled or requeued a job holds its locks a moment longer
        return Verdict.LEAKED, f"{leak}: it is held for nothing ({beat})"
    if facts.dead:
        return Verdict.DEAD, f"{facts.owner} is gone on this host; same boot, same pid namespace; {beat}"
    if facts.unchanged >= facts.stale_after and (facts.age > facts.stale_after or facts.age < 0):
        return Verdict.STALE, f"{beat}, and watched for {duration(facts.unchanged)} without one"
    checkable = ""
    if facts.dead is None:
        checkable = "; not checkable from here" if facts.owner else "; no owner is written"
    watched = f"watched for {duration(facts.unchanged)} of the {facts.stale_after:.0f} s that prove it stale"
    if facts.age < -FUTURE_BY:
        return Verdict.FUTURE, f"{beat} of this host's clock; {watched}"
    if facts.age > LATE_AFTER:
        return Verdict.LATE, f"{beat}, {watched}{checkable}"
    if facts.usual and facts.held is not None and facts.held > max(LONG_TIMES * facts.usual, LONG_AT_LEAST):
        times = facts.held / facts.usual
        return Verdict.LONG, f"held for {duration(facts.held)}, ×{times:.0f} of the usual {_run(facts.usual)}; it beats"
    alive = "its process is alive" if facts.dead is False else "it beats"
    return Verdict.LIVE, f"{alive}; {beat}{checkable}"


def _leak(facts: LockFacts) -> str:
    if facts.missing:
        return "its job does not exist"
    if facts.kind == "work" and facts.fulfilled:
        return "its job is fulfilled"
    if facts.kind == "notification" and facts.fulfilled is False:
        return "its job is not fulfilled, so there is nobody to tell yet"
    return ""


# ── the store ──


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What is known of a store when it is judged. Rates a second; times in seconds; None where not known yet."""

    counts: Counts
    locks: Sequence[LockInfo]
    paused: str | None
    rate_in: float | None
    rate_out: float | None
    since_finished: float | None
    """Since a job was last fulfilled."""
    since_pulled: float | None
    """Since work was last seen to be taken."""
    oldest: float | None
    """Age of the oldest pending job."""
    workers: int = 0
    """Workers that are signed in and not gone."""
    oldest_id: str = ""
    next_due: float | None = None
    """Seconds until the first try that is due, where all that is pending waits for its next try."""
    disk_full: bool = False
    silent: float = 0.0
    """For how long the store has not answered."""
    problems: Sequence[Evidence] = ()
    """What the doctor found, beside locks."""


def judge_store(facts: StoreFacts) -> StoreVerdict:
    """One line about the whole store, worst first."""
    counts = facts.counts
    if facts.silent:
        return StoreVerdict(Mood.NOT_ANSWERING, f"the store has not answered for {duration(facts.silent)}")
    more = _more(facts)
    if facts.paused is not None:
        reason = f": {facts.paused}" if facts.paused else ""
        text = f"paused{reason} ({counts.pending:,} pending; Node workers go on){more}"
        ends = f"paused{reason}: P, or `fsjob resume`, ends it"
        return _verdict(facts, Mood.PAUSED, text, Evidence("workers", "", ends))
    if not any(counts.as_dict().values()):
        if facts.disk_full:
            return _verdict(facts, Mood.STALLED, "stalled: the disk is full, no job can be made")
        return _verdict(facts, Mood.EMPTY, "no job has been made yet")
    if counts.pending:
        return _judge_pending(facts, more)
    if facts.disk_full:
        return _verdict(facts, Mood.STALLED, f"stalled: no job can be made{more}")
    finished = facts.since_finished
    ago = f", the last job finished {duration(finished)} ago" if finished is not None else ""
    return _verdict(facts, Mood.IDLE, f"nothing is pending{ago}{more}")


def _verdict(facts: StoreFacts, mood: Mood, text: str, *first: Evidence) -> StoreVerdict:
    disk = [Evidence("fulfilled", "", FULL)] if facts.disk_full else []
    return StoreVerdict(mood, text, (*disk, *first, *_evidence(facts))[:SHOWN_EVIDENCE])


def _judge_pending(facts: StoreFacts, more: str) -> StoreVerdict:
    work = [lock for lock in facts.locks if lock.kind == "work"]
    working = [lock for lock in work if lock.verdict in (Verdict.LIVE, Verdict.LATE, Verdict.LONG)]
    long = [lock for lock in working if lock.verdict is Verdict.LONG]
    rate_in, out, finished = facts.rate_in or 0.0, facts.rate_out or 0.0, facts.since_finished
    oldest = Evidence("pending", facts.oldest_id, f"the oldest has waited for {duration(facts.oldest or 0.0)}")
    ago = f"none finished for {duration(finished)}" if finished is not None else "none finished yet"
    if facts.disk_full:  # whatever was finished a moment ago: what is at work cannot be
        return _verdict(facts, Mood.STALLED, f"stalled: {ago}{more}", oldest)
    if out > 0:
        text = f"out {out:.1f}/s, in {rate_in:.1f}/s, {_trend(rate_in, out)}{more}"
        if rate_in > out * 1.5 and rate_in - out > 1 and (facts.oldest or 0.0) > SLOW_AFTER:
            return _verdict(facts, Mood.SLOW, f"slow: {text}", oldest)
        return _verdict(facts, Mood.MOVING, f"moving: {text}")
    if len(working) > len(long):
        return _verdict(facts, Mood.MOVING, f"moving: {len(working)} at work{more}")
    if long:
        jobs = "job holds its lock" if len(long) == 1 else "jobs hold their locks"
        text = f"long: {len(long)} {jobs} over {LONG_TIMES:.0f} times as long as usual{more}"
        return _verdict(facts, Mood.LONG, text)
    if facts.next_due is not None:
        text = f"nothing is due: {facts.counts.pending:,} pending, the next try in {duration(facts.next_due)}{more}"
        return _verdict(facts, Mood.IDLE, text, oldest)
    if any(lock.verdict in _NOBODYS or lock.verdict is Verdict.BARRED for lock in work):
        return _verdict(facts, Mood.STALLED, f"stalled: {ago}{more}")
    if facts.oldest is not None and facts.oldest < STALLED_AFTER:
        text = f"{facts.counts.pending:,} pending, nobody has taken one yet{more}"
        return _verdict(facts, Mood.MOVING, text)
    who = _nobody_pulls(facts)
    todo = ": w starts one here, `fsjob worker` one in a shell" if not facts.workers else ""
    evidence = Evidence("workers", "", f"{who}{todo}")
    return _verdict(facts, Mood.STALLED, f"stalled: {ago}; {who}{more}", evidence, oldest)


def _nobody_pulls(facts: StoreFacts) -> str:
    pulled = "nobody takes work"
    if facts.since_pulled is not None:
        pulled = f"no job taken for {duration(facts.since_pulled)}"
    if not facts.workers:  # first: the end of a line is cut off, from a whole entry on
        return f"no worker is signed in, {pulled}"
    return f"{pulled}, though {many(facts.workers, 'worker is', 'workers are')} signed in"


def _more(facts: StoreFacts) -> str:
    """What else is to be said, for the end of the line."""
    dead = sum(lock.verdict in _NOBODYS for lock in facts.locks)
    foreign = sum(lock.verdict is Verdict.BARRED and lock.bar is None for lock in facts.locks)
    parts = ["the disk is full"] if facts.disk_full else []
    parts += [f"{many(dead, 'lock', 'locks')} held by nobody alive"] if dead else []
    if foreign:
        parts.append(f"{many(foreign, 'lock', 'locks')} blocked by something that is no lock")
    if facts.problems:
        parts.append(facts.problems[0].text if len(facts.problems) == 1 else f"{len(facts.problems)} kinds of problems")
    if facts.counts.parked:
        parts.append(f"{facts.counts.parked:,} parked")
    return "".join(f"; {part}" for part in parts)


def many(number: int, one: str, more: str) -> str:
    """A number with the word for one or for more."""
    return f"{number:,} {one if number == 1 else more}"


def _trend(rate_in: float, rate_out: float) -> str:
    change = rate_in - rate_out
    if abs(change) < 0.05:
        return "steady"
    return f"{'growing' if change > 0 else 'shrinking'} {abs(change):.1f}/s"


def _evidence(facts: StoreFacts) -> list[Evidence]:
    """The locks that are in trouble, worst first, and the parked jobs."""
    foreign = [lock for lock in facts.locks if lock.verdict is Verdict.BARRED and lock.bar is None]
    troubled = [lock for worst in WORST for lock in facts.locks if lock.verdict is worst]
    found = [
        Evidence("locked", lock.id, f"{lock.verdict.value}: {lock.proof}")
        for lock in (*foreign, *troubled)[:SHOWN_EVIDENCE]
    ]
    found += facts.problems[:SHOWN_EVIDENCE]
    if facts.counts.parked:
        mend = "once what went wrong is mended, r runs a group again"
        found.append(Evidence("parked", "", f"{facts.counts.parked:,} parked: {mend}"))
    return found
