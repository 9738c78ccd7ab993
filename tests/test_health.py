"""What the listings mean: verdicts with their proof, from facts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsjob_core.facts import Counts, LockInfo, Mood, Verdict
from fsjob_core.health import SIGNS, LockFacts, StoreFacts, duration, judge_lock, judge_store
from fsjob_core.lease import Owner, Sighting
from fsjob_core.pace import RATE_WINDOW, STEPS, Oldest, Pace
from fsjob_core.pulse import Pulse

LIVE = LockFacts(kind="work", age=1.0, unchanged=0.0, dead=None, owner="", held=None)
WHOSE = "bundler-3 on render-07 (pid 48213)"


@pytest.mark.parametrize(
    ("verdict", "said", "changes"),
    [
        (Verdict.LIVE, "it beats", {}),
        (Verdict.LIVE, "its process is alive", {"dead": False, "owner": WHOSE}),
        (Verdict.LIVE, "not checkable from here", {"dead": None, "owner": WHOSE}),
        (Verdict.BARRED, "an operator took it away", {"bar": "fsjob-bar x by ann"}),
        (Verdict.BARRED, "a file stands here", {"foreign": "file"}),
        (Verdict.GHOST, "two hearts", {"ghost": "two hearts", "dead": True}),
        (Verdict.LEAKED, "its job is fulfilled", {"fulfilled": True}),
        (Verdict.LEAKED, "its job does not exist", {"missing": True}),
        (Verdict.LEAKED, "nobody to tell", {"kind": "notification", "fulfilled": False}),
        (Verdict.LIVE, "it beats", {"kind": "notification", "fulfilled": True}),
        (Verdict.DEAD, WHOSE, {"dead": True, "owner": WHOSE}),
        (Verdict.STALE, "watched for 11 s", {"age": 12.0, "unchanged": 11.0}),
        (Verdict.STALE, "ahead", {"age": -300.0, "unchanged": 10.0}),
        (Verdict.LATE, "for 11 s of the 12 s", {"age": 12.5, "unchanged": 11.0, "stale_after": 12.0}),  # seen from afar
        (Verdict.STALE, "watched for 12 s", {"age": 12.5, "unchanged": 12.0, "stale_after": 12.0}),
        (Verdict.LATE, "watched for 4 s", {"age": 300.0, "unchanged": 4.0}),  # the clock alone proves nothing
        (Verdict.LIVE, "it beats", {"age": 3.0, "unchanged": 11.0}),  # nor does watching without the clock
        (Verdict.FUTURE, "ahead", {"age": -5.0, "unchanged": 3.0}),
        (Verdict.LATE, "last beat 7 s ago", {"age": 7.0}),
        (Verdict.LIVE, "it beats", {"age": 5.9}),  # Node beats every 5 s
        (Verdict.LONG, "×12 of the usual 5.0 s", {"held": 60.0, "usual": 5.0}),
        (Verdict.LONG, "×30000 of the usual 2.0 ms", {"held": 60.0, "usual": 0.002}),
        (Verdict.LIVE, "it beats", {"held": 29.0, "usual": 0.001}),
        (Verdict.LIVE, "it beats", {"held": 50.0, "usual": 5.0}),
        (Verdict.LIVE, "it beats", {"held": 6000.0, "usual": None}),
    ],
)
def test_the_verdict_on_a_lock_is_the_first_that_holds(
    verdict: Verdict, said: str, changes: dict[str, object]
) -> None:
    found, proof = judge_lock(replace(LIVE, **changes))  # type: ignore[arg-type]
    assert found is verdict
    assert said in proof


def test_every_verdict_and_mood_has_a_sign() -> None:
    assert set(SIGNS) == {*Verdict, *Mood}


# ── ghosts ──

MS = 1_000_000
T0 = 1_700_000_000_000 * MS


def beat(mtime_ns: int, token: str = "t") -> Sighting:
    owner = Owner("render-07", "boot", 1, 48213, 2, "bundler-3", 0.0, token)
    return Sighting(7, mtime_ns, owner, None, None)


def heard(*mtimes: int) -> Pulse:
    pulse = Pulse()
    for mtime in mtimes:
        pulse.hear(beat(mtime), False, 0.0)
    return pulse


def ours(number: int) -> int:
    return T0 + 3_000 * MS * number + 123_456 + number * 256


def nodes(number: int) -> int:
    return T0 + 5_000 * MS * number + 7 * MS + (-1_000 if number % 2 else 0)  # Node 20 rounds to microseconds


def test_a_lock_that_its_owner_alone_beats_has_no_ghost() -> None:
    assert heard(*map(ours, range(12))).ghost(WHOSE) is None


def test_beats_written_as_only_node_writes_them_are_a_ghosts_and_said_to_be_inferred() -> None:
    pulse = heard(*map(ours, range(8)), *map(nodes, range(2)))
    assert pulse.ghost(WHOSE) is None, "two may be chance"
    pulse.hear(beat(nodes(3)), False, 0.0)
    said = pulse.ghost(WHOSE)
    assert said is not None and said.startswith("inferred: 3 of the last 11 beats")
    assert pulse.ghost("") is None, "a lock without an owner may be Node's own"


def test_a_file_system_with_coarse_times_makes_no_ghosts() -> None:
    assert heard(*(T0 + 3_000 * MS * number for number in range(12))).ghost(WHOSE) is None


def test_a_beat_after_a_proven_death_is_a_ghosts() -> None:
    pulse = Pulse()
    pulse.hear(beat(ours(0)), False, 0.0)
    pulse.hear(beat(ours(1)), True, 0.0)
    pulse.hear(beat(ours(2)), True, 0.0)
    assert pulse.ghost(WHOSE) is None, "its owner may have beaten right before it died"
    pulse.hear(beat(ours(3)), True, 0.0)
    assert "yet the lock beats" in str(pulse.ghost(WHOSE))


def test_another_lock_at_the_same_path_begins_anew() -> None:
    pulse = Pulse()
    pulse.hear(beat(ours(0)), True, 5.0)
    pulse.hear(beat(ours(1)), True, 6.0)
    pulse.hear(beat(ours(2), token="other"), False, 9.0)
    assert pulse.ghost(WHOSE) is None
    assert pulse.since == 9.0 and len(pulse.beats) == 1


# ── the store ──

STORE = StoreFacts(
    counts=Counts(pending=5),
    locks=(),
    paused=None,
    rate_in=0.0,
    rate_out=0.0,
    since_finished=None,
    since_pulled=None,
    oldest=3600.0,
    oldest_id="first",
)


def lock(verdict: Verdict, kind: str = "work", bar: str | None = None) -> LockInfo:
    return LockInfo(kind, f"of-{verdict}", "/x", None, None, 0.0, 1, 1, verdict, "why", bar)


@pytest.mark.parametrize(
    ("mood", "said", "changes"),
    [
        (Mood.STALLED, "none finished yet; no worker is signed in, nobody takes work", {}),
        (Mood.STALLED, "though 2 workers are signed in", {"workers": 2}),
        (Mood.STALLED, "no worker is signed in, no job taken for 2 min", {"since_pulled": 120.0}),
        (Mood.STALLED, "none finished for 5 min; 1 lock held by nobody alive", {
            "locks": [lock(Verdict.DEAD)], "since_finished": 300.0}),
        (Mood.STALLED, "1 lock held by nobody alive", {"locks": [lock(Verdict.GHOST)]}),
        (Mood.STALLED, "blocked by something that is no lock", {"locks": [lock(Verdict.BARRED)]}),
        (Mood.STALLED, "the disk is full", {"disk_full": True}),
        (Mood.STALLED, "the disk is full", {"disk_full": True, "counts": Counts()}),
        (Mood.MOVING, "5 pending, nobody has taken one yet", {"oldest": 3.0}),
        (Mood.MOVING, "1 at work", {"locks": [lock(Verdict.LIVE)]}),
        (Mood.MOVING, "2 at work", {"locks": [lock(Verdict.LIVE), lock(Verdict.LONG)]}),
        (Mood.MOVING, "1 at work; 1 lock held", {"locks": [lock(Verdict.LATE), lock(Verdict.STALE)]}),
        (Mood.MOVING, "out 2.0/s, in 1.0/s, shrinking 1.0/s", {"rate_in": 1.0, "rate_out": 2.0}),
        (Mood.SLOW, "growing 8.0/s", {"rate_in": 10.0, "rate_out": 2.0}),
        (Mood.MOVING, "growing 8.0/s", {"rate_in": 10.0, "rate_out": 2.0, "oldest": 4.0}),
        (Mood.LONG, "1 job holds its lock over 10 times", {"locks": [lock(Verdict.LONG)]}),
        (Mood.PAUSED, "paused: upgrade (5 pending", {"paused": "upgrade"}),
        (Mood.IDLE, "nothing is due: 5 pending, the next try in 2 min", {"next_due": 120.0}),
        (Mood.IDLE, "the last job finished 40 s ago; 3 parked", {
            "counts": Counts(fulfilled=9, parked=3), "since_finished": 40.0}),
        (Mood.EMPTY, "no job has been made yet", {"counts": Counts()}),
        (Mood.NOT_ANSWERING, "has not answered for 7 s", {"silent": 7.0}),
    ],
)  # fmt: skip
def test_the_verdict_on_a_store(mood: Mood, said: str, changes: dict[str, object]) -> None:
    found = judge_store(replace(STORE, **changes))  # type: ignore[arg-type]
    assert found.mood is mood, found.text
    assert said in found.text


def test_what_a_verdict_claims_can_be_opened_worst_first() -> None:
    locks = [lock(Verdict.LATE), lock(Verdict.DEAD), lock(Verdict.GHOST), lock(Verdict.LIVE)]
    found = judge_store(replace(STORE, locks=locks, counts=Counts(pending=5, parked=2)))
    assert [(evidence.view, evidence.id) for evidence in found.evidence] == [
        ("locked", "of-ghost"), ("locked", "of-dead"), ("locked", "of-late"), ("parked", "")
    ]  # fmt: skip
    stalled = judge_store(STORE)
    assert [(evidence.view, evidence.id) for evidence in stalled.evidence] == [("workers", ""), ("pending", "first")]
    full = judge_store(replace(STORE, disk_full=True)).evidence
    assert full[0].view == "fulfilled" and "purge in the palette" in full[0].text, "the way out comes first"


def test_a_bar_that_an_operator_has_set_is_no_trouble() -> None:
    found = judge_store(replace(STORE, locks=[lock(Verdict.BARRED, bar="fsjob-bar x")], rate_out=1.0))
    assert not found.evidence and "blocked" not in found.text


# ── pace ──


def test_rates_are_of_the_last_half_minute() -> None:
    pace = Pace()
    for second in range(60):
        pace.count_in(1000.0 + second, 1000.0 + second)
        pace.count_out(1000.0 + second, 1000.0 + second, 2)
    assert pace.rates(1059.0) == (1.0, 2.0)
    assert pace.rates(1059.0 + RATE_WINDOW) == (0.0, 0.0)
    assert pace.last_finished == 1059.0


def test_rates_at_second_zero_come_from_file_times_until_all_was_counted() -> None:
    pace = Pace()
    pace.begin(made=[1000.0 - n / 50 for n in range(300)], finished=[995.0, 400.0], now=1000.0)
    came, done = pace.rates(1000.0)
    assert came == pytest.approx(50, rel=0.05), "the sample is younger than the window: its own span counts"
    assert done == 1 / RATE_WINDOW
    pace.began()
    assert pace.rates(1000.0) == (0.0, 0.0)


def test_a_usual_run_time_needs_a_few_runs() -> None:
    pace = Pace()
    pace.ran(1.0)
    pace.ran(3.0)
    assert pace.usual() == (None, None)
    pace.ran(2.0)
    assert pace.usual() == (2.0, 3.0)


def test_the_oldest_of_many_is_found_again_and_again_without_looking_at_all() -> None:
    ids = [f"1{number:019d}" for number in range(500)]
    there = set(ids)
    oldest = Oldest()
    assert oldest.first(there.__contains__) is None
    oldest.fill([set(ids[:150]), set(ids[150:])], lambda job_id: float(job_id[1:]))  # of the first, only some are kept
    looks = 0
    for job_id in ids:
        found = oldest.first(there.__contains__)
        if found is None:
            looks += 1
            oldest.fill([there], lambda job_id: float(job_id[1:]))
            found = oldest.first(there.__contains__)
        assert found is not None and found[1] == job_id
        there.discard(job_id)
    assert looks < 20
    oldest.fill([there], lambda job_id: float(job_id[1:]))
    oldest.add(7.0, "late")
    oldest.add(3.0, "early")
    assert oldest.first(lambda job_id: True) == (3.0, "early")


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (7200, "2 h"), (86400 * 3, "3 d")]
)
def test_a_length_of_time_is_one_word(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_history_is_of_the_last_five_minutes_and_changes_every_half() -> None:
    pace = Pace()
    for second in range(400):
        pace.count_in(1000.0 + second, 1000.0 + second)
    pace.count_out(1370.0, 1399.0, 30)
    history = pace.history(1380.0)
    assert history == (*[(1.0, 0.0)] * (STEPS - 1), (1.0, 1.0)) == pace.history(1409.9)
    assert pace.history(1410.0) == (*history[1:], (20 / RATE_WINDOW, 0.0))
    assert pace.history(1399.0 + 400) == ((0.0, 0.0),) * STEPS
    pace.begin(made=[], finished=[], now=2000.0)
    assert pace.history(2000.0) == (), "not known before all was counted"
