"""What a row on the screen shows of its job, read for visible rows only."""

from __future__ import annotations

from contextlib import suppress

from .errors import FsJobError, JobNotFound
from .feed import RowDetail, Show
from .fs import NotRegular
from .ledger import Tries, read_ledger
from .masking import masked
from .pace import run_time
from .record import Json, dump
from .views import Marks, Views

LARGEST_SHOWN = 256 << 10
"""Bytes of state.json up to which a row's request is read; of a larger one only the size is shown."""
AS_USUAL = Show()
KIND_MEMBERS = ("type", "service", "name", "kind")
SHORT = 200


def row_detail(views: Views, view: str, job_id: str, marks: Marks, show: Show = AS_USUAL) -> RowDetail:
    """Read one row; what cannot be read is told, never raised."""
    if marks.size > LARGEST_SHOWN:
        size, start = _value(views, job_id) if view == "fulfilled" else (None, b"")
        problem = f"state.json has {marks.size:,} bytes; open it to see its request"
        return RowDetail(job_id, value_size=size, value_start=start, problem=problem)
    try:
        record = views.record(job_id)
    except (FsJobError, OSError) as error:
        return RowDetail(job_id, problem=_reason(error, views, job_id))
    value_size, value_start = _value(views, job_id) if view == "fulfilled" or record.fulfilled else (None, b"")
    tries = max(read_ledger(record), key=lambda entry: entry.count, default=None) if view == "waiting" else None
    return RowDetail(
        id=job_id,
        request=short_request(record.request, show),
        attempts=tries.count if tries else 0 if view == "waiting" else int(record.number("attempts")),
        version=record.version,
        fulfilled=record.fulfilled,
        targets=len(record.waiting),
        first_target=_short(record.waiting[0], show) if record.waiting else "",
        took=run_time(record),
        value_size=value_size,
        value_start=value_start,
        error=(_told(tries) if tries is not None else record.error)[:SHORT],
        not_before=record.number("not_before") or None,
        problem="it is fulfilled, but its value is missing" if record.fulfilled and value_size is None else None,
    )


def _value(views: Views, job_id: str) -> tuple[int | None, bytes]:
    """Size and first bytes of a value; None where there is none."""
    with suppress(OSError, NotRegular):
        start, size = views.disk.read_start(views.layout.value(job_id), SHORT)
        return size, start
    return None, b""


def _reason(error: Exception, views: Views, job_id: str) -> str:
    """What is wrong with a job, without its id and the path to it: the row says whose it is, and has little room."""
    if isinstance(error, JobNotFound):
        return "a link names it, but it is not in jobs/"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    text = str(error).removeprefix(f"job {job_id}: ").replace(views.layout.state(job_id), "state.json")
    return text.replace(views.layout.job(job_id), "what is in jobs/")


def short_request(request: Json, show: Show = AS_USUAL) -> str:
    """A request in short, its kind first, what looks secret masked: lists are seen by whoever looks over a shoulder."""
    if isinstance(request, dict):
        for member in show.kind or KIND_MEMBERS:
            if isinstance(request.get(member), str):
                rest = {name: value for name, value in request.items() if name != member}
                return f"{request[member][:40]} {_short(rest, show) if rest else ''}".rstrip()
    return _short(request, show)


def _short(value: Json, show: Show) -> str:
    return dump(masked(value, show.masked)).decode("utf-8", "replace")[:SHORT]


def _told(tries: Tries) -> str:
    return f"{'given up: ' if tries.given_up else ''}{tries.error}"
