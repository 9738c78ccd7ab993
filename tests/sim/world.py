"""A machine that does not exist: one file system, hosts with clocks of their own, processes that come and go."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from fsjob_core.errors import GuardBusy
from fsjob_core.host import Host, Identity

from .memfs import MemFs, OpenFile, WorldKind, failure
from .sched import Event, Hub, Killed, Proc, Strategy

EPOCH = 1_790_000_000.0


class Mutex:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._held = False

    def __enter__(self) -> bool:
        self._hub.block(lambda: not self._held)
        self._held = True
        return True

    def __exit__(self, *_: object) -> None:
        self._held = False


@dataclass(eq=False)
class GuardFile:
    """A readers-writer lock that death frees and a stop does not."""

    shared: dict[Proc, int] = field(default_factory=dict)
    exclusive: Proc | None = None

    def free_for(self, shared: bool) -> bool:
        return self.exclusive is None and (shared or not self.shared)

    def drop(self, proc: Proc) -> None:
        self.shared.pop(proc, None)
        if self.exclusive is proc:
            self.exclusive = None


class SimCalls:
    """The system calls of one process: a switching point, then the memory file system."""

    def __init__(self, world: World, proc: Proc) -> None:
        self._world, self._proc = world, proc
        self._files: dict[int, OpenFile] = {}
        self._next_fd = 3
        for name in ("mkdir", "rmdir", "symlink", "unlink", "rename", "lstat", "listdir", "readlink"):
            setattr(self, name, self._on_names(name))
        for name in ("close", "read", "write", "fsync", "fstat", "utime", "getxattr", "setxattr"):
            setattr(self, name, self._on_descriptors(name))
        proc.on_death.append(self._close_all)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def _close_all(self) -> None:
        for file in self._files.values():
            self._world.fs.close(file)
        self._files.clear()

    def _on_names(self, name: str) -> Callable[..., Any]:
        world, proc = self._world, self._proc

        def call(*args: Any, **options: Any) -> Any:
            world.enter(proc, name, args)
            return getattr(world.fs, name)(*args, **options)

        return call

    def _on_descriptors(self, name: str) -> Callable[..., Any]:
        world, proc = self._world, self._proc

        def call(fd: int, *args: Any, **options: Any) -> Any:
            world.enter(proc, name, (fd, *args))
            if fd not in self._files:
                raise failure(errno.EBADF)
            file = self._files[fd]
            if name == "close":
                del self._files[fd]
            if name == "utime":
                return world.fs.utime(file, options["ns"][1])
            return getattr(world.fs, name)(file, *args)

        return call

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        self._world.enter(self._proc, "open", (path,))
        fd, self._next_fd = self._next_fd, self._next_fd + 1
        self._files[fd] = self._world.fs.open(path, flags, mode)
        return fd

    @property
    def open_count(self) -> int:
        return len(self._files)


class World:
    """The file system, the processes on it, and the faults that befall them."""

    def __init__(self, strategy: Strategy, random: Random, kind: WorldKind) -> None:
        self.hub = Hub(strategy)
        self.random = random
        self.fs = MemFs(self._fs_clock, kind)
        self.boot = "boot-1"
        self.guards: dict[str, GuardFile] = {}
        self.procs: list[Proc] = []
        self.hosts: dict[Proc, Host] = {}
        self.skew: dict[str, float] = {}
        self.on_call: Callable[[Proc, str, tuple[Any, ...]], None] | None = None
        """Asked right before each call acts: where invariants are checked."""
        self._pids = 100

    def _fs_clock(self) -> int:
        return int((EPOCH + self.hub.now) * 1e9)

    def enter(self, proc: Proc, name: str, args: tuple[Any, ...]) -> None:
        if proc.dead:
            raise Killed
        if self.hub.current is None:  # the test itself looks
            return
        self.hub.pause(f"{name} {' '.join(map(str, args[:2]))[:150]}")
        if self.on_call is not None:
            self.on_call(proc, name, args)

    # ── processes ──

    def process(self, name: str, *, machine: str = "one") -> Host:
        """A new process; gives its Host."""
        self._pids += 1
        proc = Proc(f"{name}#{self._pids}", self._pids)
        me = Identity(machine, self.boot + machine, 1, proc.pid, proc.pid)
        calls = SimCalls(self, proc)
        host = Host(
            calls=calls,  # type: ignore[arg-type]
            time=lambda: EPOCH + self.hub.now + self.skew.get(machine, 0.0),
            monotonic=lambda: self.hub.now,
            wait=self.hub.wait,
            spawn=lambda run, thread: self._spawn(proc, run, thread),
            event=Event,
            mutex=lambda: Mutex(self.hub),
            token=self._token,
            me=me,
            alive=lambda other: self._alive(me, other),
            guard=lambda path, shared: self._guard(proc, path, shared),
            fstype=lambda path: "ext4",
        )
        self.procs.append(proc)
        self.hosts[proc] = host
        proc.on_death.append(lambda: self._drop_guards(proc))
        return host

    def proc_of(self, host: Host) -> Proc:
        return next(proc for proc, found in self.hosts.items() if found is host)

    def _spawn(self, proc: Proc, run: Callable[[], None], thread: str) -> Any:
        return self.hub.start(proc, f"{proc.name}/{thread}", run, daemon=True)

    def _token(self) -> str:
        return "".join(self.random.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(12))

    def _alive(self, me: Identity, other: Identity) -> bool | None:
        if (me.boot, me.pidns) != (other.boot, other.pidns):
            return None
        return any(proc.pid == other.pid and not proc.dead for proc in self.procs)

    @contextmanager
    def _guard(self, proc: Proc, path: str, shared: bool) -> Iterator[None]:
        guard = self.guards.setdefault(path, GuardFile())
        self.hub.pause(f"guard {'shared' if shared else 'exclusive'}")
        deadline = self.hub.now + 2.0
        while not guard.free_for(shared):
            if self.hub.now >= deadline:
                raise GuardBusy(path)
            self.hub.wait(Event(), 0.002)
        if shared:
            guard.shared[proc] = guard.shared.get(proc, 0) + 1
        else:
            guard.exclusive = proc
        try:
            yield
        finally:
            if not proc.dead:
                self._unguard(guard, proc, shared)

    def _drop_guards(self, proc: Proc) -> None:
        for guard in self.guards.values():
            guard.drop(proc)

    def _unguard(self, guard: GuardFile, proc: Proc, shared: bool) -> None:
        if not shared:
            guard.exclusive = None
            return
        guard.shared[proc] -= 1
        if not guard.shared[proc]:
            del guard.shared[proc]

    def close(self) -> None:
        """End every process, so that nothing of this world acts when it is forgotten."""
        for proc in self.procs:
            proc.dead = True

    # ── loss of power ──

    def clone_after_power_cut(self, strategy: Strategy) -> World:
        """The same machine, booted again on what its disk may hold if power was lost now. This world goes on."""
        after = World(strategy, Random(self.random.random()), self.fs.world)
        after.hub.now = self.hub.now + 30.0
        after.boot = "boot-2"
        after.fs = self.fs.after_power_cut(self.random, after._fs_clock)
        return after
