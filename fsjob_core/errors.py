"""Everything that fsjob raises on purpose. Each message says what is wrong and what to do next."""

from __future__ import annotations

import errno

_WHAT_TO_DO = {
    errno.ENOSPC: "make room, then try again",
    errno.EDQUOT: "make room, then try again",
    errno.EROFS: "it can only be read here",
    errno.EACCES: "ask as which account it may be used",
    errno.EMFILE: "raise `ulimit -n`",
}


class FsJobError(Exception):
    """Base of all errors of this library. OSError is left as it is: it names the path itself."""


def named(error: OSError, path: str) -> OSError:
    """An error of a call on a descriptor, which says what is wrong but not with what: the same with its path."""
    return OSError(error.errno, error.strerror or str(error), path)


def in_words(error: BaseException) -> str:
    """An error in one line; of an OSError: the path, what is wrong with it, and what to do."""
    if not (isinstance(error, OSError) and error.strerror):
        return str(error)
    where = f"{error.filename}: " if isinstance(error.filename, str) else ""
    advice = _WHAT_TO_DO.get(error.errno or 0, "")
    return f"{where}{error.strerror}{advice and f'; {advice}'}"


class NotAStore(FsJobError):
    """The directory holds no job store (it has none of `jobs/`, `pending/`, `.fsjob/`)."""


class ReadOnly(FsJobError):
    """The store was opened read-only, or is guarded, and the call would have changed it."""


class InvalidJobId(FsJobError, ValueError):
    """Not a legal job id: one path component of 1 to 200 printable bytes, no leading dot, no `.lock` at the end."""


class InvalidRequest(FsJobError, ValueError):
    """A request, target or value that the store cannot keep: no JSON value, not finite, or over 16 MiB."""


class InvalidFilter(FsJobError, ValueError):
    """A filter that says nothing; the message names the column."""


class JobNotFound(FsJobError, KeyError):
    """There is no job of this id."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class CorruptJob(FsJobError):
    """The job is there, but its `state.json` cannot be used; the message says why."""


class AlreadyFulfilled(FsJobError):
    """The job has a value already; the first one stays."""


class NotFulfilled(FsJobError):
    """The job has no value yet."""


class VersionMismatch(FsJobError):
    """The request was changed, or the job was run again, since the version that was given."""


class JobLocked(FsJobError):
    """Somebody holds the job's work or notification lock; the message says who."""


class LockTimeout(FsJobError):
    """The job's state lock was not to be had within 25 seconds."""


class LeaseLost(FsJobError):
    """The lease was lost (released, taken over, barred, or not proven for too long); the change was not made.

    State and value are as they were; of a delete or a repair that it cut short, links may be gone or made already.
    """


class GuardBusy(FsJobError):
    """Another process has held the store's guard for more than two seconds; the step was left for later."""


class Unsettled(FsJobError):
    """A file system that other machines see too gave no answer to be trusted; look at the job, then try again.

    Whether the last change was made is not known; what stands there is whole either way.
    """
