"""fsjob_core: a resilient job store on nothing but a file system.

    >>> import tempfile
    >>> from fsjob_core import JobStore
    >>> store = JobStore(tempfile.mkdtemp())
    >>> job = store.create({"calculate": "3+3"})
    >>> with store.pull_work() as work:
    ...     work.fulfill(b"6")
    >>> store.read_value(job.id)
    b'6'
"""

from .errors import (
    AlreadyFulfilled,
    CorruptJob,
    FsJobError,
    GuardBusy,
    InvalidJobId,
    InvalidRequest,
    JobLocked,
    JobNotFound,
    LeaseLost,
    LockTimeout,
    NotAStore,
    NotFulfilled,
    ReadOnly,
    Unsettled,
    VersionMismatch,
)
from .record import JobRecord
from .store import JobStore

__all__ = [
    "AlreadyFulfilled",
    "CorruptJob",
    "FsJobError",
    "GuardBusy",
    "InvalidJobId",
    "InvalidRequest",
    "JobLocked",
    "JobNotFound",
    "JobRecord",
    "JobStore",
    "LeaseLost",
    "LockTimeout",
    "NotAStore",
    "NotFulfilled",
    "ReadOnly",
    "Unsettled",
    "VersionMismatch",
]
