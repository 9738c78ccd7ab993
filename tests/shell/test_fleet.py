"""Many jobs, some that fail, some that hang, one that kills its worker, and a worker that is killed: all settled."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path

from fsjob_core import JobStore
from fsjob_core.facts import Verdict

from ..conftest import scale
from .conftest import Start, processes_with

WORK = r"""#!/bin/sh
read -r how
case $how in
'"fails"') echo "cannot open it" >&2; exit 3;;
'"hangs"') sleep 600 & sleep 600;;
'"kills"') kill -9 $PPID; sleep 600;;
*) echo "$how done"; echo "$FSJOB_ID" >> "$DONE";;
esac
"""
REASONS = {
    "fails": "exit 3: cannot open it",
    "hangs": "it took over 2 s",
    "kills": "its worker died while it ran",
}
LEFT = {Verdict.DEAD, Verdict.LEAKED}


def test_every_job_is_fulfilled_or_parked_with_its_reason(store: JobStore, start: Start, tmp_path: Path) -> None:
    jobs, at_once = scale(200, 2000), 8
    script, mark, done = tmp_path / "work", f"fleet-{tmp_path}", tmp_path / "done"
    script.write_text(WORK)
    script.chmod(0o755)
    done.touch()
    requests = ["fails" if n % 20 == 7 else "hangs" if n % 100 == 50 else f"job {n}" for n in range(jobs)]
    requests[jobs // 2] = "kills"
    made = {job.id: job.request for job in store.create_many(requests)}
    arguments = (
        "worker", "--concurrency", str(at_once), "--timeout", "2", "--max-attempts", "3", "--retry-pause", "0.3",
        "--", str(script),
    )  # fmt: skip
    environment = {"MARK": mark, "DONE": str(done)}
    workers = [start(*arguments, env=environment)]
    deadline = time.monotonic() + scale(120, 1200)
    deaths = 0
    killed = False
    while (counts := store.counts()).pending or any(lock.verdict not in LEFT for lock in store.locks()):
        assert time.monotonic() < deadline, (counts, store.locks())
        if not killed and counts.fulfilled > jobs // 10:
            workers[-1].tell(signal.SIGKILL)
            killed = True
        if workers[-1].process.poll() is not None:
            deaths += 1
            workers.append(start(*arguments, env=environment))
        time.sleep(0.05)
    workers[-1].tell()
    assert workers[-1].wait() == 0

    parked = {entry.id for entry in store.views.entries("parked")}
    wrong = [job_id for job_id in made if made[job_id] in REASONS and job_id not in parked]
    for job_id in made.keys() - parked:
        assert store.read_value(job_id).decode() == f'"{made[job_id]}" done\n'
    reasons = Counter((made[job_id], store.get(job_id).ours["parked"]["reason"]) for job_id in parked)
    runs = Counter(done.read_text().split())
    twice = sum(count > 1 for count in runs.values())
    print(f"\nfleet: {jobs} jobs, {len(made) - len(parked)} fulfilled, parked {dict(reasons)}, "
          f"{deaths} workers died, {twice} jobs were done twice")  # fmt: skip
    assert not wrong
    died = f"{REASONS['kills']}; before that: "  # of a last try that had the bad luck to run beside the job that kills
    assert {(how, reason.removeprefix(died)) for how, reason in reasons} == set(REASONS.items())
    assert deaths == 4, "one that was killed, and three by the job that kills"
    assert twice <= deaths * at_once, "only what was in hand when a worker died"
    left = store.locks()  # of workers that died right after they had settled a job
    assert len(left) <= deaths * at_once and all(lock.id in parked or store.get(lock.id).fulfilled for lock in left)
    assert processes_with(mark) == []
