"""Machines that do not exist: one file system, hosts with clocks of their own, processes that come and go."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from random import Random
from typing import Any

from fsjob_core.errors import GuardBusy
from fsjob_core.guard import GUARD_BELIEVED_BUSY, GUARD_TIMEOUT
from fsjob_core.host import Host, Identity

from .memfs import Inode, MemFs, OpenFile, WorldKind, failure
from .netfs import PROFILES, Mount
from .sched import Actor, Event, Hub, Killed, Mutex, Proc, Strategy

EPOCH = 1_790_000_000.0
ON_NAMES = ("mkdir", "rmdir", "symlink", "unlink", "rename", "lstat", "listdir", "scandir", "readlink")
NODES = ("stat", "utimes")
"""Calls by path that only Node makes."""
ON_DESCRIPTORS = ("close", "read", "write", "fsync", "fstat", "utime", "getxattr", "setxattr")
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(eq=False, slots=True)
class GuardFile:
    """A readers-writer lock that death frees and a stop does not; each thread holds for itself."""

    freed: Event
    """Set for whoever waits, each time that somebody has let go."""
    shared: list[Actor | None] = field(default_factory=list)
    exclusive: Actor | None = None

    def free_for(self, shared: bool) -> bool:
        return self.exclusive is None and (shared or not self.shared)

    def drop(self, proc: Proc) -> None:
        self.shared = [actor for actor in self.shared if actor is None or actor.proc is not proc]
        if self.exclusive is not None and self.exclusive.proc is proc:
            self.exclusive = None
        self.freed.set()


class SimCalls:
    """The system calls of one process: a switching point, then the memory file system."""

    def __init__(self, world: World, proc: Proc) -> None:
        self._world, self._proc = world, proc
        self.files: dict[int, OpenFile] = {}
        self._next_fd = 3
        for name in (*ON_NAMES, *(() if world.profile else NODES)):
            setattr(self, name, self._on_names(name))
        for name in ON_DESCRIPTORS:
            setattr(self, name, self._on_descriptors(name))
        proc.on_death.append(self._close_all)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def _close_all(self) -> None:
        view = self._world.view(self._proc.machine)
        for file in self.files.values():
            view.close(file)
        self.files.clear()

    def _on_names(self, name: str) -> Callable[..., Any]:
        step, proc, act = self._world.hub.step, self._proc, getattr(self._world.view(self._proc.machine), name)

        def call(*args: Any) -> Any:
            step(proc, name, args)
            return act(*args)

        return call

    def _on_descriptors(self, name: str) -> Callable[..., Any]:
        world, proc, files = self._world, self._proc, self.files
        step, act = world.hub.step, getattr(world.view(proc.machine), name)

        def call(fd: int, *args: Any, **options: Any) -> Any:
            if name == "write":
                args = (bytes(args[0]),)  # a memoryview's address would be in the trace, and differ from run to run
            step(proc, name, (fd, *args))
            if isinstance(fd, str):  # of a deliberate bug: to beat by path, as Node does
                return world.fs.utimes(fd, options["ns"][1])
            file = files.get(fd)
            if file is None:
                raise failure(errno.EBADF)
            if name == "close":
                del files[fd]
            elif name == "utime":
                return act(file, options["ns"][1])
            elif name == "write":
                args = (world.shortened(args[0]),)
            elif name == "fsync" and world.lost_pages.get(file.inode) == len(file.inode.versions):
                return None
            return act(file, *args)

        return call

    def fdopen(self, fd: int, mode: str) -> BytesIO:
        """The whole file, as it is now."""
        calls: Any = self
        try:
            return BytesIO(calls.read(fd, calls.fstat(fd).st_size + 1))
        finally:
            calls.close(fd)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        self._world.hub.step(self._proc, "open", (path,))
        file = self._world.view(self._proc.machine).open(path, flags, mode)
        fd, self._next_fd = self._next_fd, self._next_fd + 1
        self.files[fd] = file
        return fd


class World:
    """The file system, the processes on it, and their clocks.

    On a network file system each machine has a view of its own; `lies` is the share of its changes whose answer is
    not true. There the files have their server's clock, and nothing proves that somebody is dead.
    """

    def __init__(self, strategy: Strategy, random: Random, kind: WorldKind) -> None:
        self.hub = Hub(strategy)
        self.random = random
        self.kind: WorldKind = kind
        self.profile, self.lies = "", 0.0
        self._views: dict[str, Mount] = {}
        self.fs = MemFs(self.fs_clock, kind)
        self.boot = "boot-1"
        self.guards: dict[str, GuardFile] = {}
        self.procs: list[Proc] = []
        self.hosts: dict[Proc, Host] = {}
        self.skew: dict[str, float] = {}
        """Seconds by which a machine's clock is ahead."""
        self.short_writes = 0.0
        """How often a write is cut short."""
        self.lost_pages: dict[Inode, int] = {}
        """Files whose sync has failed once, with how much was written by then: no later sync brings that back."""
        self._pids = 100

    def go_on_network(self, profile: str, lies: float) -> None:
        """From now on new processes see the files through their machine's mount."""
        self.profile, self.lies = profile, lies

    # ── clocks ──

    def fs_clock(self) -> int:
        """A local file system has its machine's clock, a served one its server's."""
        current = self.hub.current
        ahead = 0.0 if self.profile or current is None else self.skew.get(current.proc.machine, 0.0)
        return int((EPOCH + self.hub.now + ahead) * 1e9)

    def view(self, machine: str) -> Any:
        """The file system as one machine sees it."""
        if not self.profile:
            return self.fs
        if machine not in self._views:
            hub = self.hub
            self._views[machine] = Mount(self.fs, lambda: hub.now, self.random, PROFILES[self.profile], self.lies)
        return self._views[machine]

    def lose_pages(self, proc: Proc, fd: int) -> None:
        """A sync of this descriptor fails: what was written is marked clean all the same, as Linux does."""
        files: dict[int, OpenFile] = getattr(self.hosts[proc].calls, "files", {})
        inode = files[fd].inode
        if not inode.is_directory:
            self.lost_pages[inode] = len(inode.versions)

    def shortened(self, data: bytes) -> bytes:
        if self.short_writes and len(data) > 1 and self.random.random() < self.short_writes:
            return data[: self.random.randint(1, len(data) - 1)]
        return data

    # ── processes ──

    def process(self, name: str, *, machine: str = "one") -> Host:
        """A new process; gives its Host."""
        self._pids += 1
        proc = Proc(f"{name}#{self._pids}", self._pids, machine)
        hub = self.hub
        me = Identity(machine, self.boot + machine, 1, proc.pid, proc.pid)
        busy_until: dict[str, float] = {}
        host = Host(
            calls=SimCalls(self, proc),  # type: ignore[arg-type]
            time=lambda: EPOCH + hub.now + self.skew.get(machine, 0.0),
            monotonic=lambda: hub.now,
            wait=hub.wait,
            spawn=lambda run, thread: hub.start(proc, f"{proc.name}/{thread}", run, daemon=True),  # type: ignore[arg-type, return-value]
            event=lambda: Event(hub),
            mutex=lambda: Mutex(hub),
            token=self.token,
            me=me,
            alive=lambda other: self._alive(me, other),
            guard=lambda path, shared: self.guard(proc, busy_until, path, shared),
            fstype=lambda path: PROFILES[self.profile].fstype if self.profile else "ext4",
        )
        self.procs.append(proc)
        self.hosts[proc] = host
        proc.on_death.append(lambda: self._drop_guards(proc))
        return host

    def proc_of(self, host: Host) -> Proc:
        return next(proc for proc in self.procs if proc.pid == host.me.pid)

    def token(self) -> str:
        bits = self.random.getrandbits(60)
        return "".join(_LETTERS[bits >> shift & 31] for shift in range(0, 60, 5))

    def _alive(self, me: Identity, other: Identity) -> bool | None:
        if (me.boot, me.pidns) != (other.boot, other.pidns):
            return None
        return any(proc.pid == other.pid and not proc.dead for proc in self.procs)

    @contextmanager
    def guard(self, proc: Proc, busy_until: dict[str, float], path: str, shared: bool) -> Iterator[None]:
        hub = self.hub
        guard = self.guards.get(path)
        if guard is None:
            guard = self.guards[path] = GuardFile(Event(hub))
        hub.step(proc, "guard", ("shared" if shared else "exclusive",))
        if busy_until.get(path, 0.0) > hub.now:
            raise GuardBusy(f"{path} is believed to be busy")
        deadline = hub.now + GUARD_TIMEOUT
        while not guard.free_for(shared):
            if hub.now >= deadline:
                busy_until[path] = hub.now + GUARD_BELIEVED_BUSY
                raise GuardBusy(f"{path} is busy")
            guard.freed.clear()
            hub.wait(guard.freed, deadline - hub.now)
        actor = hub.current
        if shared:
            guard.shared.append(actor)
        else:
            guard.exclusive = actor
        try:
            yield
        finally:
            if not proc.dead:
                self.unguard(guard, actor, shared)

    def unguard(self, guard: GuardFile, actor: Actor | None, shared: bool) -> None:
        if not shared:
            guard.exclusive = None
        elif actor in guard.shared:
            guard.shared.remove(actor)
        guard.freed.set()

    def _drop_guards(self, proc: Proc) -> None:
        for guard in self.guards.values():
            guard.drop(proc)

    def holds_guard(self, proc: Proc) -> bool:
        return any(guard.exclusive is not None and guard.exclusive.proc is proc for guard in self.guards.values())

    def close(self) -> None:
        """End every process, so that nothing of this world acts when it is forgotten."""
        for proc in self.procs:
            proc.dead = True
        self.hub.close()

    # ── loss of power ──

    def after_power_cut(self, strategy: Strategy) -> World:
        """The same machines, booted again on what the disk may hold if power was lost now. This world goes on."""
        after = World(strategy, Random(self.random.getrandbits(64)), self.kind)
        after.hub.now = self.hub.now + 30.0
        after.hub.steps = self.hub.steps
        after.boot = "boot-2"
        after.fs = self.fs.after_power_cut(self.random, after.fs_clock)
        return after


__all__ = ["EPOCH", "GuardFile", "Killed", "SimCalls", "World"]
