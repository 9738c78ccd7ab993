"""Disks that can be copied while in use: images in memory, on loop devices, mounted where nobody else sees them.

An image is a file without a name, its loop device lets go of it with the last mount, and the mounts are of this
process alone (a mount namespace): however the process ends, nothing of them stays behind.

What a file system has written to its device is in the page cache of the image, for the device is buffered; what it
has not is in its own caches. So a copy of the image is what the disk holds when the power goes.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CLONE_NEWNS = 0x20000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_MNT_DETACH = 2
_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LO_FLAGS_AUTOCLEAR = 4
_WRITES, _SECTORS_WRITTEN, _IN_FLIGHT, _DISCARDS = 4, 6, 8, 11
"""Which number of a block device's `stat` is which."""

CHUNK = 1 << 16
_ZEROS = bytes(CHUNK)


class Missing(Exception):
    """What this machine, or this account, lacks for images: a reason to skip a test."""


@dataclass(frozen=True)
class FileSystem:
    """How one is made and mounted: nothing is written by itself, nothing is done for who renames without a sync."""

    name: str
    make: tuple[str, ...]
    megabytes: int
    options: str = ""


FILE_SYSTEMS = {
    system.name: system
    for system in (
        FileSystem(
            "ext4",
            ("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0"),
            32,
            "commit=600,noauto_da_alloc",
        ),
        FileSystem("xfs", ("mkfs.xfs", "-q", "-f"), 304),
        FileSystem("btrfs", ("mkfs.btrfs", "-q", "-f", "-m", "single", "-d", "single"), 128, "commit=600"),
    )
}


class Image:
    """The bytes of one disk."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fd = os.memfd_create("fsjob-test-disk")
        os.truncate(self.fd, size)

    def close(self) -> None:
        os.close(self.fd)

    def copy(self) -> Image:
        """Another disk that holds the same; nothing is copied of what was never written, or is zero."""
        other = Image(self.size)
        for start, end in self._extents():
            for at in range(start, end, CHUNK):
                data = os.pread(self.fd, min(CHUNK, end - at), at)
                if data != _ZEROS[: len(data)]:
                    os.pwrite(other.fd, data, at)
        return other

    def _extents(self) -> Iterator[tuple[int, int]]:
        end = 0
        while True:
            try:
                start = os.lseek(self.fd, end, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # no more data
                    return
                raise
            end = os.lseek(self.fd, start, os.SEEK_HOLE)
            yield start, end


@dataclass
class Device:
    """An image as a block device."""

    image: Image
    path: str
    fd: int
    _copied: tuple[int, ...] = field(default=(), init=False)

    def _written(self) -> tuple[int, ...]:
        """Numbers that are others as soon as anything is written; of writes that have ended and that are under way."""
        with open(f"/sys/block/{os.path.basename(self.path)}/stat", encoding="ascii") as file:
            numbers = [int(number) for number in file.read().split()]
        return tuple(numbers[which] for which in (_WRITES, _SECTORS_WRITTEN, _DISCARDS, _IN_FLIGHT))

    def copy_if_written(self) -> Image | None:
        """What the disk holds at this instant; None where that is what it held at the last copy."""
        while True:
            written = self._written()
            if written == self._copied:
                return None
            if written[-1]:  # on its way
                continue
            copied = self.image.copy()
            if self._written() == written:
                self._copied = written
                return copied
            copied.close()  # it was written to meanwhile: half of this copy is older than the rest


@contextmanager
def device(image: Image) -> Iterator[Device]:
    path, fd = _attach(image)
    try:
        yield Device(image, path, fd)
    finally:
        os.close(fd)


def _attach(image: Image) -> tuple[str, int]:
    info = struct.pack("<5Q4I64s64s32s2Q", *(0,) * 8, _LO_FLAGS_AUTOCLEAR, b"", b"", b"", 0, 0)
    config = struct.pack(f"<2I{len(info)}s8Q", image.fd, 0, info, *(0,) * 8)
    while True:
        try:
            control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
            try:
                path = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            finally:
                os.close(control)
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise Missing(f"there is no loop device to be had: {error}") from None
        try:
            fcntl.ioctl(fd, _LOOP_CONFIGURE, config)
        except OSError as error:
            os.close(fd)
            if error.errno != errno.EBUSY:  # somebody else was faster
                raise Missing(f"{path} cannot be set up: {error}") from None
        else:
            return path, fd


@contextmanager
def mounted(system: FileSystem, image: Image, path: str) -> Iterator[Device]:
    """The image as a file system at `path`, which replays its journal; unmounting writes all that it holds."""
    _mount_alone()
    with device(image) as disk:
        if _libc().mount(disk.path.encode(), path.encode(), system.name.encode(), 0, system.options.encode()):
            raise OSError(ctypes.get_errno(), f"{system.name} cannot be mounted: {os.strerror(ctypes.get_errno())}")
        try:
            yield disk
        finally:
            if _libc().umount2(path.encode(), 0):
                refused = ctypes.get_errno()
                _libc().umount2(path.encode(), _MNT_DETACH)
                raise OSError(refused, f"{path} cannot be unmounted: {os.strerror(refused)}")


@functools.cache
def empty(system: FileSystem) -> Image:
    """A disk with a new file system on it, made once and found to be mountable. Raises Missing."""
    if shutil.which(system.make[0]) is None:
        raise Missing(f"{system.make[0]} is not installed")
    image = Image(system.megabytes << 20)
    try:
        with device(image) as disk:
            done = subprocess.run([*system.make, disk.path], capture_output=True, text=True)
        if done.returncode:
            raise Missing(f"{system.make[0]} fails: {done.stderr.strip()[-200:]}")
        with tempfile.TemporaryDirectory() as path, mounted(system, image, path):
            pass
        return image.copy()  # without the zeros that were written
    except OSError as error:
        raise Missing(str(error)) from None
    finally:
        image.close()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _mount_alone() -> None:
    """From here on nobody else sees what this process mounts. Raises Missing."""
    if _libc().unshare(_CLONE_NEWNS) or _libc().mount(b"none", b"/", None, _MS_REC_PRIVATE, None):
        raise Missing(f"mounting is not allowed here: {os.strerror(ctypes.get_errno())}")
