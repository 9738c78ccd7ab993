"""The monitor's own process: scans a store when something says that it changed, and sends what did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection

from .errors import FsJobError
from .facts import Entry, LockInfo, Mood, StoreVerdict
from .feed import Delta, Details, Gone, Hello, Job, LockRow, Locks, Message, Open, Overview, RowDetail, Wanted, Workers
from .fs import Disk
from .health import StoreFacts, duration, judge_store
from .host import Host
from .layout import Layout
from .rows import row_detail
from .scan import Scan
from .views import Verdict, Views

POLL = 0.5
"""Seconds between two looks at whether a directory changed."""
SCAN_COST = 20.0
"""A full listing is made at most every so many times what it cost: 5 % of a core."""
QUIET = 0.1
"""Seconds between two rounds at the shortest."""
LOCKS_EVERY = 1.0
MANY_HINTS = 2000
SILENT_AFTER = 2.0
_ORDER = list(Verdict)


class Watch:
    """Three threads: one listens to the parent, one scans, one answers what the parent wants read."""

    def __init__(self, host: Host, directory: str, connection: Connection) -> None:
        self._host = host
        self._layout = Layout(os.path.abspath(directory))
        self._connection = connection
        self._disk = Disk(host, host.calls, durable=False)
        self._views = Views(host, self._layout)
        self._mutex = host.mutex()
        self._stop, self._wake, self._asked = host.event(), host.event(), host.event()
        self._hints: set[str] = set()
        self._wanted = Wanted("pending", ())
        self._open: str | None = None
        self._busy_since: float | None = None
        self._overview: Overview | None = None
        self._last: dict[type, object] = {}
        self._beats: dict[tuple[str, str, int], tuple[float, ...]] = {}
        self._dead_at: dict[tuple[str, str, int], int] = {}
        self._p95: float | None = None
        self._median: float | None = None
        self._usual_at = -1e9
        self._pulled: float | None = None

    # ── talking to the parent ──

    def run(self) -> None:
        """Until the parent closes its end."""
        self._host.spawn(self._guarded(self._scan_for_ever), "fsjob-scan")
        self._host.spawn(self._guarded(self._answer_for_ever), "fsjob-answer")
        self._host.spawn(self._listen_to_hints, "fsjob-hints")
        with suppress(EOFError, OSError):
            while not self._stop.is_set():
                if self._connection.poll(1.0):
                    self._take(self._connection.recv())
                self._tell_silence()
        os._exit(0)  # whatever a thread hangs in

    def _take(self, request: object) -> None:
        if isinstance(request, Wanted):
            self._wanted = request
        elif isinstance(request, Open):
            self._open = request.id
            self._last.pop(Job, None)
        self._asked.set()

    def _send(self, message: Message) -> None:
        with self._mutex:
            self._connection.send(message)

    def _send_changed(self, message: Message) -> None:
        if self._last.get(type(message)) != message:
            self._last[type(message)] = message
            self._send(message)

    def _guarded(self, run: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                run()
            except (EOFError, BrokenPipeError, ConnectionError):
                self._stop.set()
            except BaseException as error:
                self._send(Gone(f"the monitor failed: {type(error).__name__}: {error}"))
                self._stop.set()
                raise

        return guarded

    def _tell_silence(self) -> None:
        """A call that hangs on a dead mount is told by the thread that makes none."""
        began = self._busy_since
        if began is None or self._overview is None:
            return
        silent = self._host.monotonic() - began
        if silent > SILENT_AFTER:
            verdict = StoreVerdict(Mood.NOT_ANSWERING, f"the store has not answered for {duration(silent)}")
            before = self._overview
            self._send_changed(
                Overview(before.counts, verdict, 0.0, 0.0, before.oldest, None, None, before.paused, silent)
            )

    # ── hints ──

    def _listen_to_hints(self) -> None:
        """inotify tells of local changes at once; network file systems send none, so it is never relied on."""
        from watchfiles import watch

        while not self._stop.is_set():
            parts = [part for part in (*self._layout.parts(), self._layout.root) if self._disk.is_directory(part)]
            if not parts:
                self._host.wait(self._stop, 1.0)
                continue
            try:
                for changes in watch(
                    *parts, watch_filter=None, step=20, debounce=100, recursive=False, ignore_permission_denied=True,
                    raise_interrupt=False, rust_timeout=5000, yield_on_timeout=True,
                ):  # fmt: skip
                    with self._mutex:
                        self._hints.update(path for _, path in changes)
                    if changes:
                        self._wake.set()
                    if len(parts) < len([part for part in self._layout.parts() if self._disk.is_directory(part)]):
                        break
            except (OSError, RuntimeError):  # no inotify to be had here, or the directory went away
                self._host.wait(self._stop, 5.0)

    # ── scanning ──

    def _scan_for_ever(self) -> None:
        while not self._stop.is_set():
            problem = self._problem()
            self._say_hello(problem)
            if problem is None:
                problem = self._follow()
                self._send(Gone(problem))
            self._last.clear()
            self._host.wait(self._stop, 1.0)
            while not self._stop.is_set() and self._problem() == problem:
                self._host.wait(self._wake, 1.0)
                self._wake.clear()

    def _problem(self) -> str | None:
        root = self._layout.root
        try:
            if not self._disk.exists(root):
                return f"{root} does not exist"
            if not self._disk.exists(f"{root}/."):
                return f"{root} is no directory"
            if not self._views.is_store():
                return f"{root} is no job store: it has neither jobs/, pending/ nor .fsjob/"
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
        return None

    def _say_hello(self, problem: str | None) -> None:
        label = self._views.label()
        filesystem = self._host.fstype(self._layout.root)
        self._send(Hello(self._layout.root, label, filesystem, self._host.me.host, problem))

    def _follow(self) -> str:
        """Follow the store until it cannot be read any more; gives why."""
        scan = Scan(self._views, self._disk, self._layout)
        next_scan, next_locks = 0.0, 0.0
        newest: list[Entry] = []
        while not self._stop.is_set():
            now = self._busy_since = self._host.monotonic()
            try:
                if not self._disk.exists(self._layout.root) or not self._views.is_store():
                    return self._problem() or "the store was replaced"
                with self._mutex:
                    hints, self._hints = self._hints, set()
                if hints and not scan.first and len(hints) <= MANY_HINTS:
                    self._pass_on(scan.look_at(hints), scan, newest)
                if now >= next_scan and (changed := scan.changed()):
                    first = scan.first
                    found = scan.scan(changed)
                    if first:  # the figures before the rows
                        self._send_overview(scan, ())
                    self._pass_on(found, scan, newest if first else None)
                    if first:
                        scan.remember_newest(newest)
                        newest.clear()
                    ended = self._host.monotonic()
                    next_scan = ended + max(POLL, SCAN_COST * (ended - now))
                if self._host.monotonic() >= next_locks:
                    began = self._host.monotonic()
                    rows = self._look_at_locks(scan)
                    self._send_changed(Locks(rows))
                    self._send_changed(Workers(tuple(self._views.workers())))
                    next_locks = began + max(LOCKS_EVERY, SCAN_COST * (self._host.monotonic() - began))
                    if self._host.monotonic() - self._usual_at > 10:
                        self._median, self._p95 = scan.usual()
                        self._usual_at = self._host.monotonic()
                    self._send_overview(scan, rows)
                elif hints:
                    self._send_overview(scan, self._rows_now())
            except OSError as error:
                return f"{error.filename or self._layout.root}: {error.strerror}"
            finally:
                self._busy_since = None
            self._asked.set()
            self._host.wait(self._stop, QUIET)
            self._host.wait(self._wake, POLL - QUIET)
            self._wake.clear()
        return "stopped"

    def _pass_on(self, deltas: Iterable[Delta], scan: Scan, newest: list[Entry] | None) -> None:
        for delta in deltas:
            self._send(delta)
            if newest is not None and delta.view == "fulfilled":
                newest.extend(delta.came)
            self._busy_since = self._host.monotonic()

    # ── locks, workers, the whole ──

    def _look_at_locks(self, scan: Scan) -> tuple[LockRow, ...]:
        rows = []
        seen = set()
        for kind, job_id in scan.lock_names():
            info = self._views.lock(kind, job_id, self._p95)
            if info is None:
                continue
            key = (kind, job_id, info.inode)
            seen.add(key)
            info = self._with_ghost(key, info)
            beats = self._beats.get(key, ())
            if not beats or beats[-1] != info.last_beat:
                beats = (*beats[-19:], info.last_beat)
            self._beats[key] = beats
            rows.append(LockRow(info, beats))
            if kind == "work" and info.since is not None:
                self._pulled = max(self._pulled or 0.0, info.since)
        for key in self._beats.keys() - seen:
            del self._beats[key]
            self._dead_at.pop(key, None)
        rows.sort(key=lambda row: (_ORDER.index(row.info.verdict), row.info.id, row.info.kind))
        return tuple(rows)

    def _with_ghost(self, key: tuple[str, str, int], info: LockInfo) -> LockInfo:
        """A lock that beats on although its owner is proven dead is beaten by somebody who was robbed of it."""
        if info.verdict is not Verdict.DEAD:
            return info
        first = self._dead_at.setdefault(key, info.mtime_ns)
        if info.mtime_ns == first:
            return info
        why = f"{info.whose} is gone, yet the lock beats: another process, robbed of it, does not know"
        return self._views.lock(info.kind, info.id, self._p95, ghost=why) or info

    def _rows_now(self) -> tuple[LockRow, ...]:
        last = self._last.get(Locks)
        return last.locks if isinstance(last, Locks) else ()

    def _send_overview(self, scan: Scan, rows: tuple[LockRow, ...]) -> None:
        now = self._host.time()
        rate_in, rate_out = scan.rates()
        counts, oldest, paused = scan.counts(), scan.oldest(), self._views.paused()
        facts = StoreFacts(
            counts=counts,
            locks=[row.info for row in rows],
            paused=paused,
            rate_in=rate_in,
            rate_out=rate_out,
            since_finished=now - scan.last_finished if scan.last_finished else None,
            since_pulled=now - self._pulled if self._pulled else None,
            oldest=now - oldest if oldest is not None else None,
            workers=0,
        )
        verdict = judge_store(facts)
        self._overview = Overview(
            counts, verdict, round(rate_in, 1), round(rate_out, 1), oldest, self._median, self._p95, paused
        )
        self._send_changed(self._overview)

    # ── what the parent wants read ──

    def _answer_for_ever(self) -> None:
        shown: dict[str, RowDetail] = {}
        signature: dict[str, tuple[int, ...]] = {}
        while not self._stop.is_set():
            self._host.wait(self._asked, POLL)
            self._asked.clear()
            wanted = self._wanted
            details = []
            for job_id in wanted.ids:
                marks = self._marks(job_id)
                if signature.get(job_id) == marks and job_id in shown:
                    continue
                signature[job_id] = marks
                detail = row_detail(self._views, self._disk, self._layout, wanted.view, job_id)
                if shown.get(job_id) != detail:
                    shown[job_id] = detail
                details.append(detail)
                if len(details) >= 20:
                    self._send(Details(tuple(details)))
                    details = []
            if details:
                self._send(Details(tuple(details)))
            for job_id in signature.keys() - set(wanted.ids):
                del signature[job_id]
                shown.pop(job_id, None)
            self._answer_open()

    def _marks(self, job_id: str) -> tuple[int, ...]:
        try:
            state = self._host.calls.lstat(self._layout.state(job_id))
            return state.st_mtime_ns, state.st_ino, state.st_size
        except OSError:
            return (0, 0, 0)

    def _answer_open(self) -> None:
        job_id = self._open
        if job_id is None:
            return
        try:
            detail = self._views.detail(job_id, value=True)
            why = self._views.why(job_id)
        except (FsJobError, OSError):
            return
        self._send_changed(Job(detail, why))
