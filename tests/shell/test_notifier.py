"""`fsjob notifier`: each target told once, or given up with its reason; one that fails holds nobody back."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.ledger import given_up, read_ledger
from fsjob_core.record import Json

from ..conftest import scale
from .conftest import Shell, Start


def done(store: JobStore, *targets: Json, value: bytes = b"6") -> str:
    """A fulfilled job with somebody to be told."""
    job_id = store.create({"calculate": "3+3"}).id
    for target in targets:
        store.queue(job_id, target)
    store.fulfill(job_id, value)
    return job_id


def test_a_command_gets_target_and_value(store: JobStore, shell: Shell, tmp_path: Path) -> None:
    job_id = done(store, {"mail": "ops@example.org\u0000é", "n": [1, None]})
    told = tmp_path / "told"
    script = f'cat > {told}; printf "\\n%s\\n%s" "$FSJOB_TARGET" "$FSJOB_ID $FSJOB_ATTEMPT $FSJOB_VERSION" >> {told}'
    assert shell("notifier", "--until-empty", "--", "sh", "-c", script).returncode == 0
    value, target, rest = told.read_text().split("\n")
    assert (value, json.loads(target)) == ("6", {"mail": "ops@example.org\u0000é", "n": [1, None]})
    assert rest == f"{job_id} 1 0"
    assert store.get(job_id).waiting == [] and not os.path.lexists(store.layout.waiting_link(job_id))


def test_one_that_fails_holds_nobody_back_and_is_given_up_in_the_end(
    store: JobStore, shell: Shell, tmp_path: Path
) -> None:
    job_id = done(store, "bad", "good", "better")
    script = f'echo "$FSJOB_TARGET" >> {tmp_path}/told; case $FSJOB_TARGET in *bad*) echo gone >&2; exit 7;; esac'
    arguments = ("notifier", "--until-empty", "--retry-pause", "0.01", "--max-attempts", "2", "--", "sh", "-c", script)
    assert shell(*arguments).returncode == 0
    assert Counter((tmp_path / "told").read_text().split()) == {'"bad"': 2, '"good"': 1, '"better"': 1}
    record = store.get(job_id)
    (entry,) = read_ledger(record)
    assert (record.waiting, entry.target, entry.count, entry.error) == (["bad"], "bad", 2, "exit 7: gone")
    assert given_up(record) == ["bad"]
    shown = shell("show", job_id).stdout.decode()
    assert "tried 2 times" in shown and "given up: exit 7: gone" in shown
    assert "1 of them given up" in store.why(job_id)

    assert shell(*arguments).returncode == 0  # not tried again ...
    assert (tmp_path / "told").read_text().split().count('"bad"') == 2
    assert shell("queue", "--again", job_id).returncode == 0  # ... until somebody says so
    assert shell("notifier", "--until-empty", "--", "true").returncode == 0
    assert store.get(job_id).waiting == []


def test_a_target_that_hangs_is_ended_while_the_others_are_told(
    store: JobStore, start: Start, tmp_path: Path
) -> None:
    job_id = done(store, "hang", *range(6))
    script = 'case $FSJOB_TARGET in *hang*) sleep 600 & sleep 600;; esac'
    notifier = start(
        "notifier", "--concurrency", "3", "--timeout", "1.5", "--max-attempts", "1", "--", "sh", "-c", script,
        env={"MARK": str(tmp_path)},
    )  # fmt: skip
    notifier.until("given up")
    kinds = notifier.kinds()
    assert kinds.index("given up") > max(at for at, kind in enumerate(kinds) if kind == "told")
    assert kinds.count("told") == 6
    assert read_ledger(store.get(job_id))[0].error == "it took over 1.5 s"
    notifier.tell()
    assert notifier.wait() == 0


def test_whoever_waits_later_is_told_by_a_notifier_that_runs(store: JobStore, start: Start) -> None:
    notifier = start("notifier", "--", "true")
    notifier.until(lambda: store.workers())
    early = store.create(1).id
    store.queue(early, "a")
    store.fulfill(early, "v")
    notifier.until(lambda: "told" in notifier.kinds(early))
    store.queue(early, "b")
    notifier.until(lambda: notifier.kinds(early).count("told") == 2)
    (who,) = store.workers()
    assert (who.kind, who.command) == ("notifier", "true")
    assert "no worker is signed in" in store.why(store.create(2).id)


def test_stopped_in_the_middle_it_counts_no_try_and_leaves_the_rest(store: JobStore, start: Start) -> None:
    job_id = done(store, "a", "b")
    notifier = start("notifier", "--", "sleep", "600")
    notifier.until("telling")
    notifier.tell()
    notifier.until("draining")
    notifier.tell()
    assert notifier.wait() == 0
    assert store.get(job_id).waiting == ["a", "b"]
    assert read_ledger(store.get(job_id)) == []
    assert store.locks() == []


def test_a_handler_in_python(store: JobStore, shell: Shell, tmp_path: Path) -> None:
    job_id = done(store, "good", "refused", "broken", value=b"\xff\x00")
    (tmp_path / "telling.py").write_text(
        "def tell(target, value):\n"
        "    print('this goes nowhere near the events')\n"
        "    assert value == b'\\xff\\x00'\n"
        "    if target == 'broken': raise OSError('no route')\n"
        "    return target != 'refused'\n"
    )
    ran = shell(
        "notifier", "--until-empty", "--max-attempts", "1", "--handler", "telling:tell", "--json", cwd=tmp_path
    )
    assert ran.returncode == 0
    kinds = [json.loads(line)["kind"] for line in ran.stdout.splitlines()]
    assert kinds.count("told") == 1 and kinds.count("given up") == 2
    assert {entry.target: entry.error for entry in read_ledger(store.get(job_id))} == {
        "refused": "the handler returned False",
        "broken": "OSError: no route",
    }


def test_a_target_too_large_for_an_environment_is_given_up(store: JobStore, shell: Shell) -> None:
    job_id = done(store, "x" * 200_000, "small")
    assert shell("notifier", "--until-empty", "--max-attempts", "1", "--", "true").returncode == 0
    (entry,) = read_ledger(store.get(job_id))
    assert "too much for its environment" in entry.error


@pytest.mark.parametrize("handler", [["--", "true"], ["--handler", "builtins:max"]], ids=["command", "Python"])
def test_a_value_that_is_missing_is_a_try_and_given_up_in_the_end(
    store: JobStore, shell: Shell, handler: list[str]
) -> None:
    job_id = done(store, "a", "b")
    os.unlink(store.layout.value(job_id))
    ran = shell("notifier", "--until-empty", "--retry-pause", "0.01", "--max-attempts", "2", "--json", *handler)
    kinds = [json.loads(line)["kind"] for line in ran.stdout.splitlines()]
    assert (kinds.count("not told"), kinds.count("given up"), kinds.count("error")) == (2, 2, 0)
    for entry in read_ledger(store.get(job_id)):
        assert (entry.count, entry.error) == (2, f"job {job_id} is fulfilled, but its value is missing; run it again")


@pytest.mark.parametrize("killed", [False, True])
def test_every_target_is_told_once_or_given_up(store: JobStore, start: Start, tmp_path: Path, killed: bool) -> None:
    """A killed notifier may have told one that it did not record: at most what it had in hand is told twice."""
    jobs, each = scale(5, 20), scale(10, 25)
    ids = [done(store, *[f"{number}-{n}" for n in range(each)]) for number in range(jobs)]
    script = f'echo "$FSJOB_TARGET" >> {tmp_path}/told; case $FSJOB_TARGET in *-7\\"|*-13\\") exit 1;; esac'
    arguments = ("notifier", "--concurrency", "4", "--max-attempts", "2", "--retry-pause", "0.1")
    first = start(*arguments, "--until-empty", "--", "sh", "-c", script)
    if killed:
        first.until(lambda: first.kinds().count("told") > jobs)
        first.tell(signal.SIGKILL)
        first.wait()
        second = start(*arguments, "--until-empty", "--", "sh", "-c", script)
        assert second.wait(120) == 0
    else:
        assert first.wait(120) == 0
    told = Counter((tmp_path / "told").read_text().split())
    fail = {target for target in told if target.endswith(('-7"', '-13"'))}
    twice = [target for target in told.keys() - fail if told[target] > 1]
    left = sorted(target for job_id in ids for target in given_up(store.get(job_id)))
    print(f"\nnotifier: {jobs * each} targets, {len(told) - len(fail)} told, {len(left)} given up, {len(twice)} twice")
    assert len(told) == jobs * each
    assert len(twice) <= (4 if killed else 0)
    assert left == sorted(json.loads(target) for target in fail)
    assert all(store.get(job_id).waiting == given_up(store.get(job_id)) for job_id in ids)
    assert all(entry.error == "exit 1" for job_id in ids for entry in read_ledger(store.get(job_id)))
    assert store.locks() == []
