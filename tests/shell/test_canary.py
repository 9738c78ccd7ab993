"""`fsjob requeue --canary` on a parked group, with a real worker: where the trouble is back, the rest stay parked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

from fsjob_core import JobStore

from .conftest import FSJOB, Shell, Start

WORKER = ("worker", "--max-attempts", "2", "--", "sh", "-c", "grep -q ok || { echo no font >&2; exit 1; }")


def group(store: JobStore, count: int, bad: int | None = None) -> list[str]:
    """So many parked jobs, all for one error, of which one is still bad."""
    made = store.create_many({"is": "bad" if n == bad else "ok"} for n in range(count))
    ids = [job.id for job in made]
    for job_id in ids:
        store.park(job_id, "exit 1: no font")
    return ids


def versions(store: JobStore, ids: list[str]) -> Counter[tuple[str, int]]:
    """State and version of each, as they stand on the disk."""
    return Counter((store.views.detail(job_id).state, store.get(job_id).version) for job_id in ids)


def test_the_seventh_of_500_fails_again_and_nothing_else_is_touched(
    store: JobStore, shell: Shell, start: Start
) -> None:
    ids = group(store, 500, bad=6)
    start(*WORKER)
    done = shell("requeue", "--canary", "--rate", "1000", "-", given="\n".join(ids).encode())
    assert done.returncode == 1
    said = done.stdout.decode()
    assert f"the same error came back, in job {ids[6]}: exit 1: no font" in said
    assert "11 of 500 run again" in said and "489 not touched" in said
    found = versions(store, ids)
    assert found["parked", 0] == 489, "those not sent stay as they were"
    assert sum(found.values()) == 500 and store.get(ids[6]).text("last_error") == "exit 1: no font"
    acts = map(json.loads, Path(store.layout.audit).read_text().splitlines())
    assert [act["id"] for act in acts if act["act"] == "requeue"] == ids[:11]


def test_where_all_are_well_again_they_are_done(store: JobStore, shell: Shell, start: Start) -> None:
    ids = group(store, 40)
    start(*WORKER)
    done = shell("requeue", "--canary", "--rate", "100", "--json", *ids)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["state"], last["fulfilled"], last["over"]) == ("done", 40, True)
    assert versions(store, ids) == {("fulfilled", 1): 40}


def test_it_is_interrupted_and_says_how_far_it_came(store: JobStore, shell: Shell) -> None:
    ids = group(store, 3)
    process = subprocess.Popen(
        [*FSJOB, "requeue", "--canary", "--json", *ids], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=shell.environment,
    )  # fmt: skip
    assert process.stdout is not None and json.loads(process.stdout.readline())["sent"] == 1
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and b"1 of 3 run again" in errors
    assert store.counts().parked == 2


def test_the_end_of_its_orders_stops_it_unless_word_was_left(store: JobStore, shell: Shell, start: Start) -> None:
    """As a console starts it: orders come over one pipe, events go over another, which may be closed."""
    for word, fulfilled in ((b"pause\n", 0), (b"keep\n", 4)):
        ids = group(store, 4)
        theirs, ours = os.pipe()
        process = subprocess.Popen(
            [*FSJOB, "requeue", "--canary", "--events-fd", "1", "--orders-fd", str(theirs), *ids],
            stdout=subprocess.PIPE, pass_fds=[theirs], env=shell.environment,
        )  # fmt: skip
        os.close(theirs)
        assert process.stdout is not None and json.loads(process.stdout.readline())["sent"] == 1
        os.write(ours, word)
        os.close(ours)
        process.stdout.close()
        worker = start(*WORKER)
        process.wait(30)
        assert versions(store, ids)["fulfilled", 1] >= fulfilled
        assert versions(store, ids)["parked", 0] == (0 if fulfilled else 3)
        worker.tell()
        worker.wait()
