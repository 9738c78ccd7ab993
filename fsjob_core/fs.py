"""Files over the seam: whole files written and read safely, links, renames, syncs.

With `durable` every step that must survive loss of power is synced where the caller says so; without it no
call of fsync is made at all.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import BinaryIO, Concatenate, NamedTuple, ParamSpec, TypeVar

from .errors import named
from .host import Calls, Host

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

CHUNK = 1 << 20


class NotRegular(OSError):
    """What stands at the path is no regular file, or is too large; the message says which, and where."""


_P = ParamSpec("_P")
_T = TypeVar("_T")


def _names_its_path(method: Callable[Concatenate[Disk, str, _P], _T]) -> Callable[Concatenate[Disk, str, _P], _T]:
    """An error of a call on a descriptor leaves the method with the path that the method was given."""

    @wraps(method)
    def call(disk: Disk, path: str, /, *args: _P.args, **rest: _P.kwargs) -> _T:
        try:
            return method(disk, path, *args, **rest)
        except OSError as error:
            raise _naming(error, path) from None

    return call


def close(calls: Calls, fd: int) -> None:
    """Close what was opened to look or to sync only: there is nothing to lose where that fails."""
    with suppress(OSError):
        calls.close(fd)


def _naming(error: OSError, path: str) -> OSError:
    return named(error, path) if error.filename is None and error.errno is not None else error


class Marks(NamedTuple):
    """By what a change of a file is seen that is always replaced whole, as a state.json is; zeros: there is none."""

    mtime_ns: int = 0
    inode: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Disk:
    """One file system, seen through a host."""

    host: Host
    calls: Calls
    durable: bool

    # ── syncs ──

    def sync(self, fd: int, path: str) -> None:
        """fsync a file. A failed fsync has failed for good: the error names `path` and is never retried."""
        if self.durable:
            try:
                self.calls.fsync(fd)
            except OSError as error:
                raise named(error, path) from None

    def sync_directory(self, path: str) -> None:
        """fsync a directory: what was made, renamed or removed in it is durable from then on."""
        if self.durable:
            self._sync_directory(path)

    @_names_its_path
    def _sync_directory(self, path: str) -> None:
        fd = self.calls.open(path, _DIRECTORY)
        try:
            self.calls.fsync(fd)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a file system that cannot sync a directory says so
                raise
        finally:
            close(self.calls, fd)

    @_names_its_path
    def sync_file(self, path: str) -> None:
        """fsync a file that somebody else wrote."""
        if not self.durable:
            return
        fd = self.calls.open(path, _READ)
        try:
            self.sync(fd, path)
        finally:
            close(self.calls, fd)

    # ── writing ──

    def create(self, path: str) -> int:
        """Make an empty file that must not exist yet; gives its descriptor."""
        return self.calls.open(path, _CREATE, 0o666)

    def fill(self, fd: int, path: str, data: bytes) -> None:
        """Write all of `data`, however short the single writes are."""
        try:
            written = self.calls.write(fd, data)
            if written < len(data):
                rest = memoryview(data)[written:]
                while rest:
                    rest = rest[self.calls.write(fd, rest) :]
        except OSError as error:
            raise named(error, path) from None

    @_names_its_path
    def write_new(self, path: str, data: bytes) -> None:
        """Make a file with this content, synced."""
        fd = self.create(path)
        try:
            self.fill(fd, path, data)
            self.sync(fd, path)
        finally:
            self.calls.close(fd)

    def anonymous(self, path: str) -> BinaryIO:
        """A file without a name, for reading and writing, on the file system of `path`; gone when it is closed."""
        fd = self.calls.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self.calls.unlink(path)
        except BaseException:
            self.calls.close(fd)
            raise
        return self.calls.fdopen(fd, "w+b")  # type: ignore[no-any-return]

    def replace(self, path: str, data: bytes, scratch: str) -> None:
        """Put a whole new file at `path` by way of `scratch`, synced, its directory too."""
        try:
            self.write_new(scratch, data)
            self.rename_over(scratch, path)
        except BaseException:
            self.discard(scratch)
            raise
        self.sync_directory(os.path.dirname(path))

    @_names_its_path
    def append(self, path: str, line: bytes) -> None:
        """Add one line in one write, so that lines of several processes do not mix."""
        fd = self.calls.open(path, _APPEND, 0o666)
        try:
            self.fill(fd, path, line)
            self.sync(fd, path)
        finally:
            self.calls.close(fd)

    # ── names ──

    def make_directory(self, path: str) -> bool:
        """mkdir; says whether it was made now."""
        try:
            self.calls.mkdir(path)
        except FileExistsError:
            return False
        return True

    def link(self, text: str, path: str) -> bool:
        """Symlink `path` → `text`; says whether it was made now (EEXIST: somebody was faster, as good)."""
        try:
            self.calls.symlink(text, path)
        except FileExistsError:
            return False
        except OSError as error:  # Python names the text of the link, not the link
            raise named(error, path) from None
        return True

    def remove(self, path: str) -> bool:
        """Unlink; says whether there was something."""
        try:
            self.calls.unlink(path)
        except FileNotFoundError:
            return False
        return True

    def exists(self, path: str) -> bool:
        """Whether something stands there, a link to nothing included."""
        try:
            self.calls.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def is_directory(self, path: str) -> bool:
        """Whether a real directory stands there; a link to one is none."""
        try:
            return stat.S_ISDIR(self.calls.lstat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def list_directory(self, path: str) -> list[str]:
        """The names in a directory; none where it does not exist."""
        try:
            return self.calls.listdir(path)
        except FileNotFoundError:
            return []

    # ── renames ──

    def move(self, old: str, new: str) -> None:
        """Rename to a name that nobody else would choose, or that only the holder of the locks may make."""
        self.calls.rename(old, new)

    def rename_over(self, old: str, new: str) -> None:
        """Rename what nobody else takes away to a name at which something may stand."""
        self.calls.rename(old, new)

    def settle(self, error: OSError, again: Callable[[], None], landed: Callable[[], bool]) -> None:
        """A rename was refused with `error`: raise it, unless it was made after all, or is when tried `again`."""
        raise error

    # ── reading ──

    def _open(self, path: str) -> int:
        """Open for reading: never follows a link, never waits for a FIFO or a device."""
        try:
            return self.calls.open(path, _READ)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                raise NotRegular(f"{path} is a symbolic link, which is not followed") from None
            if error.errno in (errno.ENXIO, errno.ENODEV):
                raise NotRegular(f"{path} is a socket or a device, not a file") from None
            raise

    def _regular_size(self, fd: int, path: str) -> int:
        """Bytes of an open file. Raises NotRegular where it is no file."""
        found = self.calls.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise NotRegular(f"{path} is a {_kind(found.st_mode)}, not a file")
        return found.st_size

    @_names_its_path
    def open_regular(self, path: str) -> int:
        """Open a regular file for reading: never follows a link, never waits for a FIFO or a device."""
        fd = self._open(path)
        try:
            self._regular_size(fd, path)
        except BaseException:
            close(self.calls, fd)
            raise
        return fd

    def open_file(self, path: str) -> BinaryIO:
        """A regular file as a Python file, for reading; raises NotRegular or OSError."""
        return self.calls.fdopen(self.open_current(path), "rb")  # type: ignore[no-any-return]

    def open_current(self, path: str) -> int:
        """Open the regular file that stands there now."""
        return self.open_regular(path)

    def read(self, path: str, limit: int) -> bytes:
        """All of a regular file of at most `limit` bytes; raises NotRegular or OSError."""
        try:
            fd = self._open(path)
            try:
                return self.read_open(fd, path, limit)
            finally:
                close(self.calls, fd)
        except OSError as error:
            raise _naming(error, path) from None

    def read_open(self, fd: int, path: str, limit: int) -> bytes:
        """All of an open regular file of at most `limit` bytes; raises NotRegular or OSError."""
        size = self._regular_size(fd, path)
        if size > limit:
            raise NotRegular(f"{path} has {size:,} bytes; at most {limit:,} are read")
        data = self.calls.read(fd, size + 1)
        while len(data) != size and len(data) <= limit and (more := self.calls.read(fd, CHUNK)):
            data += more
        if len(data) > limit:
            raise NotRegular(f"{path} grew over {limit:,} bytes while it was read")
        return data

    @_names_its_path
    def read_start(self, path: str, limit: int) -> tuple[bytes, int]:
        """The first `limit` bytes of a regular file, and its whole size."""
        fd = self.open_regular(path)
        try:
            size = self.calls.fstat(fd).st_size
            data = b""
            while len(data) < limit and (more := self.calls.read(fd, limit - len(data))):
                data += more
        finally:
            close(self.calls, fd)
        return data, size

    @_names_its_path
    def read_end(self, path: str, limit: int) -> tuple[bytes, bool]:
        """The last `limit` bytes of a regular file, and whether that is all of it."""
        with self.open_file(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - limit, 0))
            return file.read(limit), size <= limit

    def marks(self, path: str) -> Marks:
        """The marks of a file; zeros where it does not exist."""
        try:
            found = self.calls.lstat(path)
        except FileNotFoundError:
            return Marks()
        return Marks(found.st_mtime_ns, found.st_ino, found.st_size)

    @_names_its_path
    def marks_of(self, path: str, fd: int) -> Marks:
        """The marks of an open file, which it keeps when it is renamed."""
        found = self.calls.fstat(fd)
        return Marks(found.st_mtime_ns, found.st_ino, found.st_size)

    def discard(self, path: str) -> None:
        """Unlink something of our own that may be gone, may not be reachable any more, and is not worth an error."""
        with suppress(OSError):
            self.calls.unlink(path)


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISDIR, "directory"),
        (stat.S_ISFIFO, "FIFO"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISBLK, "block device"),
        (stat.S_ISCHR, "character device"),
    ):
        if test(mode):
            return name
    return "special file"
