"""A store that is always the same: what its monitor would say, on a clock that stands still. No disk, no process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from fsjob_core.crew import crew
from fsjob_core.doctor import Kind, Problem
from fsjob_core.facts import (
    Counts,
    Entry,
    Evidence,
    JobDetail,
    Label,
    LockInfo,
    Mood,
    StoreVerdict,
    Verdict,
    WorkerInfo,
)
from fsjob_core.feed import (
    Delta,
    Details,
    Grouped,
    Hello,
    Job,
    LockRow,
    Locks,
    Message,
    Open,
    Overview,
    ProblemGroup,
    Problems,
    Request,
    RowDetail,
    Wanted,
    Workers,
)
from fsjob_core.lease import Owner
from fsjob_core.record import JobRecord, Json
from fsjob_tui.console.app import ConsoleApp
from fsjob_tui.console.screens import frame, painted
from fsjob_tui.settings import Settings

NOW = 1_768_478_584.0
"""2026-01-15 12:03:04 UTC."""
KINDS = ("bundler", "resize", "invoice")


PLACES = {
    "bundler-1": ("render-07", 3110), "bundler-3": ("render-07", 48213), "bundler-4": ("render-03", 77),
    "resize-1": ("render-02", 991),
}  # fmt: skip


def job_id(number: int) -> str:
    return f"1k10fpn{number:04d}abavvy724"


def request(number: int) -> dict[str, Json]:
    return {"service": KINDS[number % 3], "path": f"/srv/in/{number:03}.dat", "min": True, "token": "s3cr3t"}


def lock(number: int, verdict: Verdict, worker: str, beat: float, held: float, kind: str = "work") -> LockRow:
    host, pid = PLACES.get(worker, ("", 0))
    since = NOW - held
    owner = Owner(host, "boot", 1, pid, 1, worker, since, f"7c1e{number:04d}") if worker else None
    proof = {
        Verdict.DEAD: f"{worker} on render-07 (pid {pid}) is gone on this host; same boot, same pid namespace",
        Verdict.LEAKED: "its job is fulfilled: it is held for nothing (last beat 3 s ago)",
        Verdict.LONG: "held for 47 min, ×280 of the usual 10.1 s; it beats",
    }.get(verdict, "its process is alive; last beat 2 s ago")
    info = LockInfo(
        kind, job_id(number), f"/srv/spool/render/pending/{job_id(number)}.lock", owner, since, NOW - beat, number,
        0, verdict, proof,
    )  # fmt: skip
    return LockRow(info, tuple(NOW - beat - 3.0 * back for back in range(20, -1, -1)))


LOCKS = (
    lock(0, Verdict.DEAD, "bundler-3", 41, 58),
    lock(1, Verdict.DEAD, "bundler-3", 41, 52),
    lock(90, Verdict.LEAKED, "", 3, 7200, "notification"),
    lock(2, Verdict.LATE, "resize-1", 7, 31),
    lock(6, Verdict.LONG, "", 2, 2820),
    lock(3, Verdict.LIVE, "bundler-1", 2, 4),
)
WORKERS = (
    WorkerInfo("bundler-1", *PLACES["bundler-1"], "busy", 1, 4211, 0, NOW - 1, NOW - 9000, "node work.js"),
    WorkerInfo("bundler-3", *PLACES["bundler-3"], "gone", 2, 3377, 9, NOW - 41, NOW - 9000, "node work.js"),
    WorkerInfo("bundler-4", *PLACES["bundler-4"], "idle", 0, 12, 0, NOW - 2, NOW - 9000, "node work.js"),
    WorkerInfo("resize-1", *PLACES["resize-1"], "draining", 1, 901, 3, NOW - 7, NOW - 9000, "./resize --quality 90"),
)
CREW = crew(WORKERS, [row.info for row in LOCKS], {"bundler-1": 4.1, "bundler-4": 0.0, "resize-1": 0.4})
PROBLEMS = tuple(
    Problem(kind, job_id(number), f"/srv/spool/render/pending/{job_id(number)}", NOW - 3000, kind.explanation)
    for number, kind in enumerate((Kind.PENDING_WITHOUT_LINK, Kind.FULFILLED_AND_PENDING, Kind.FULFILLED_AND_PENDING))
)
NO_SPACE = "exit 1: Error: ENOSPC: no space left on device, write"
HISTORY = tuple((4.0 + step % 4 * 2.5, max(9.5 - step * 1.2, 0.0)) for step in range(10))
STALLED = StoreVerdict(
    Mood.STALLED, "stalled: none finished for 5 min; 3 locks held by nobody alive; 3 parked",
    (Evidence("locked", job_id(0), "dead"), Evidence("locked", job_id(1), "dead"), Evidence("parked", "", "3 parked")),
)  # fmt: skip


def row(view: str, number: int) -> RowDetail:
    """What the monitor would read of a row."""
    of = request(number)
    shown = f'{of["service"]} {{"path":"{of["path"]}","min":true,"token":"••••••"}}'
    done = view == "fulfilled"
    return RowDetail(
        job_id(number), shown, attempts=2 if view == "parked" or number < 2 else 0, fulfilled=done,
        targets=1 + number % 3, first_target='{"mail":"ops@example.org"}', took=3.1 if done else None,
        value_size=1200 + number if done else None,
        value_start=f'{{"done":"/srv/out/{number:03}.dat"}}'.encode() if done else b"",
        error=NO_SPACE if view == "parked" else "",
    )  # fmt: skip


def opened(number: int) -> Job:
    """What the monitor would say of the job that is open."""
    ours: Json = {"attempts": 2, "last_error": 'exit 137, "Killed"', "started": NOW - 58}
    record = JobRecord(job_id(number), request(number), 1, waiting=[{"mail": "ops@example.org"}], extra={"fsjob": ours})
    locks = tuple(each.info for each in LOCKS if each.info.id == job_id(number))
    made = NOW - 11_000 + number * 60
    detail = JobDetail(job_id(number), True, None, record, made, NOW - 58, 212, True, False, True, None, b"", locks)
    return Job(detail, "pending for 3 h: tried twice (exit 137), bundler-3 has it: dead")


def store(*, klass: str = "prod", verdict: StoreVerdict = STALLED, history: bool = True) -> list[Message]:
    """A store in the middle of an incident."""
    views = {"pending": range(0, 60), "waiting": range(4, 12), "fulfilled": range(100, 180), "parked": range(60, 63)}
    counts = Counts(pending=1204, locked=len(LOCKS), waiting=8, fulfilled=98_113, parked=3)
    return [
        Hello("/srv/spool/render", Label("spool/render", klass), "ext4", "ops-1", None),
        *(
            Delta(view, came=tuple(Entry(job_id(n), NOW - 11_000 + n * 60) for n in numbers), reset=True)
            for view, numbers in views.items()
        ),
        Locks(LOCKS),
        Workers(CREW),
        Grouped(((NO_SPACE, (job_id(60), job_id(62))), ("exit 137: killed", (job_id(61),))), 3, 3),
        Problems(
            (ProblemGroup(Kind.PENDING_WITHOUT_LINK, "", 1, NOW - 3000, PROBLEMS[:1]),
             ProblemGroup(Kind.FULFILLED_AND_PENDING, "", 2, NOW - 3000, PROBLEMS[1:])), NOW - 60,
        ),
        Overview(counts, verdict, 12.1, 0.0, NOW - 11_000, 3.1, 9.0, None, history=HISTORY if history else ()),
    ]


class StillFeed:
    """Says the same to whoever asks, at once."""

    messages: list[Message] = store()

    def __init__(self, directory: str, post: Callable[[list[Message]], object], every: float = 0.0) -> None:
        self._post = post

    def start(self) -> None:
        self._post(self.messages)

    def send(self, request: Request) -> None:
        if isinstance(request, Wanted) and request.ids:
            self._post([Details(tuple(row(request.view, int(each[7:11])) for each in request.ids))])
        elif isinstance(request, Open) and request.id is not None:
            self._post([opened(int(request.id[7:11]))])

    def close(self) -> None:
        pass


@contextmanager
def still(messages: list[Message] | None = None) -> Iterator[None]:
    """Consoles that are opened inside have no store and no clock but these."""
    zone = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    with (
        patch.object(painted, "Feed", StillFeed),
        patch.object(frame.Frame, "now", lambda screen: screen.frozen or NOW),
        patch.object(StillFeed, "messages", store() if messages is None else messages),
    ):
        yield
    os.environ.pop("TZ") if zone is None else os.environ.update(TZ=zone)
    time.tzset()


def console(theme: str = "dark") -> ConsoleApp:
    """A console on the store that is always the same."""
    return ConsoleApp("/srv/spool/render", settings=Settings(theme=theme))
