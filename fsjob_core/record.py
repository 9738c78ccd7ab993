"""A job as `state.json` tells it, to and from Python; JSON as the format has it; making ids."""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import CorruptJob, InvalidRequest, JobNotFound
from .fs import Disk, NotRegular
from .host import Host
from .layout import Layout, check_id

Json = Any
"""None, bool, int, float, str, list or dict, as the json module makes them."""

PENDING: Final = 1
FULFILLED: Final = 2

MAX_STATE = 16 << 20
"""Bytes that a state.json may have."""

BEYOND = 1e15
"""Numbers of ours from here on are not counted with: no time, count or duration is as large."""

OURS: Final = "fsjob"
"""The member of state.json under which everything of this project lives."""

_KNOWN = frozenset({"version", "state", "waiting", "request"})


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job, as its state.json had it when it was read.

    `state` is 1 while work is wanted and 2 once there is a value. `waiting` are the targets to be told.
    `extra` holds every further member, which is written back as it was found; ours is `extra["fsjob"]`.
    """

    id: str
    request: Json
    version: int = 0
    state: int = PENDING
    waiting: list[Json] = field(default_factory=list)
    extra: dict[str, Json] = field(default_factory=dict)

    @property
    def fulfilled(self) -> bool:
        """Whether there is a value."""
        return self.state == FULFILLED

    @property
    def ours(self) -> dict[str, Json]:
        """What this project keeps on the job: `attempts`, `started`, `not_before`, `last_error`, `parked`, ..."""
        found = self.extra.get(OURS)
        return found if isinstance(found, dict) else {}

    def number(self, name: str, default: float = 0) -> float:
        """A number of ours; `default` where there is none, or something else, or one beyond reckoning, was written."""
        return number_of(self.ours.get(name), default)

    def text(self, name: str) -> str:
        """A text of ours; empty where there is none."""
        found = self.ours.get(name)
        return found if isinstance(found, str) else ""

    @property
    def is_parked(self) -> bool:
        """Whether the job was given up, by its state."""
        return bool(self.ours.get("parked"))

    @property
    def parked_for(self) -> str:
        """Why it was; empty where nothing says so."""
        parked = self.ours.get("parked")
        reason = parked.get("reason") if isinstance(parked, dict) else None
        return reason if isinstance(reason, str) else ""

    @property
    def error(self) -> str:
        """Why it was given up, or else what its last try failed of; empty where nothing says so."""
        return self.parked_for or self.text("last_error")

    def with_ours(self, **members: Json) -> JobRecord:
        """The same job with these members of ours set; None takes one away."""
        ours = {**self.ours, **members}
        ours = {name: value for name, value in ours.items() if value is not None}
        if ours == self.ours:
            return self
        extra = {name: value for name, value in self.extra.items() if name != OURS}
        if ours:
            extra[OURS] = ours
        return JobRecord(self.id, self.request, self.version, self.state, self.waiting, extra)

    def as_fulfilled(self) -> JobRecord:
        """The same job with a value."""
        return JobRecord(self.id, self.request, self.version, FULFILLED, self.waiting, self.extra)

    def to_bytes(self) -> bytes:
        """state.json of this job. Raises InvalidRequest for what JSON cannot hold, or over 16 MiB."""
        return dump(
            {
                "version": self.version,
                "state": self.state,
                "waiting": self.waiting,
                "request": self.request,
                **self.extra,
            },
            f"job {self.id}",
        )


def number_of(found: Json, default: float = 0) -> float:
    """What stands where a number of ours is expected; `default` where it is none, or is beyond reckoning."""
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool) and abs(found) < BEYOND
    return found if is_number else default


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────────


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:40]} is too large for a number")
    return number


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def parse(text: str) -> Json:
    """Strict JSON to Python. Raises ValueError (json.JSONDecodeError with line and column where it is syntax)."""
    try:
        return _decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def dump(value: Json, what: str = "the request") -> bytes:
    """Python to compact JSON. Raises InvalidRequest for what JSON cannot hold, or over 16 MiB."""
    try:
        text = _encode(value)
    except RecursionError:
        raise InvalidRequest(f"{what} is nested too deep, or holds itself") from None
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"{what} is no JSON value: {error}") from None
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:  # lone surrogates, which Node writes, must be escaped
        data = _encode_ascii(value).encode("ascii")
    if len(data) > MAX_STATE:
        raise InvalidRequest(f"{what} takes {len(data):,} bytes as JSON; at most {MAX_STATE:,} fit")
    return data


def from_bytes(job_id: str, data: bytes) -> JobRecord:
    """The record that a state.json holds. Raises CorruptJob, which says what is wrong with it."""
    if not data:
        raise CorruptJob(f"job {job_id}: state.json is empty")
    if not data.strip(b"\0"):
        raise CorruptJob(f"job {job_id}: state.json holds nothing but zero bytes")
    try:
        members = parse(data.decode("utf-8"))
    except ValueError as error:
        raise CorruptJob(f"job {job_id}: state.json is no JSON: {error}") from None
    if not isinstance(members, dict):
        raise CorruptJob(f"job {job_id}: state.json holds no object but a {type(members).__name__}")
    version, state, waiting = members.get("version"), members.get("state"), members.get("waiting")
    if type(version) is not int:
        raise CorruptJob(f"job {job_id}: version in state.json is {version!r:.40}, no integer")
    if type(state) is not int or state not in (PENDING, FULFILLED):
        raise CorruptJob(f"job {job_id}: state in state.json is {state!r:.40}, neither 1 nor 2")
    if not isinstance(waiting, list):
        raise CorruptJob(f"job {job_id}: waiting in state.json is {waiting!r:.40}, no list")
    extra = {name: value for name, value in members.items() if name not in _KNOWN}
    return JobRecord(job_id, members.get("request"), version, state, waiting, extra)


def read_state(disk: Disk, layout: Layout, job_id: str) -> tuple[bytes, JobRecord]:
    """A job's state.json, as bytes and as record. Raises InvalidJobId, JobNotFound, CorruptJob, OSError."""
    check_id(job_id)
    if not disk.is_directory(layout.job(job_id)):
        if disk.exists(layout.job(job_id)):
            raise CorruptJob(f"job {job_id}: {layout.job(job_id)} is no directory, and is not followed")
        raise JobNotFound(f"there is no job {job_id} in {layout.root}")
    try:
        data = disk.read(layout.state(job_id), MAX_STATE)
    except FileNotFoundError:
        raise CorruptJob(f"job {job_id}: state.json is missing") from None
    except NotRegular as error:
        raise CorruptJob(f"job {job_id}: {error}") from None
    return data, from_bytes(job_id, data)


def same_json(one: Json, other: Json) -> bool:
    """Whether two JSON values are equal: true is not 1, 1 is 1.0, the order of members does not count."""
    left = [(one, other)]
    while left:  # without recursion: they may be nested deep
        one, other = left.pop()
        if isinstance(one, list) and isinstance(other, list):
            same = len(one) == len(other)
            left += zip(one, other, strict=False)
        elif isinstance(one, dict) and isinstance(other, dict):
            same = one.keys() == other.keys()
            left += ((one[name], other[name]) for name in one.keys() & other.keys())
        else:
            same = one is other if isinstance(one, bool) or isinstance(other, bool) else bool(one == other)
        if not same:
            return False
    return True


def without(waiting: list[Json], targets: list[Json]) -> list[Json]:
    """`waiting` less the first match of each target."""
    left = list(waiting)
    for target in targets:
        for index, found in enumerate(left):
            if same_json(found, target):
                del left[index]
                break
    return left


# ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_OWN_ID = re.compile(f"[1-3][{_DIGITS}]{{10}}[{_DIGITS}]{{9}}")
_OWN_IDS = re.compile(f"(?:{_OWN_ID.pattern}/)+")
_PLAIN = str.maketrans(_DIGITS, "0123456789abcdefghijklmnopqrstuv")
"""To digits that `int` knows, which is three times as fast as a loop: it is done for a million ids."""


_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]


def _base32(number: int, length: int) -> str:
    return "".join(_DIGITS[number >> shift & 31] for shift in range(5 * (length - 1), -1, -5))


class Ids:
    """Makes the ids of one process: microseconds since 1970 and a random end, never two of one microsecond.

    Names in order are jobs in order of creation. 20 characters: 11 of time (up to the year 2100 and beyond),
    9 of chance.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._mutex = host.mutex()
        self._last = 0
        self._second = 0, _base32(0, 7)
        """The upper part of a time, which stays for a second, and its letters."""

    @classmethod
    def of(cls, host: Host) -> Ids:
        found: Ids | None = host.services.get(cls)
        if found is None:
            found = host.services.setdefault(cls, cls(host))
        return found

    def new(self) -> str:
        now = int(self._host.time() * 1_000_000)
        with self._mutex:
            now = self._last = max(now, self._last + 1)  # a clock that jumps back does not reorder
            second, letters = self._second
            if second != now >> 20:
                second, letters = self._second = now >> 20, _base32(now >> 20, 7)
        return f"{letters}{_PAIRS[now >> 10 & 1023]}{_PAIRS[now & 1023]}{self._host.token()[:9]}"


def key_of_time(seconds: float) -> str:
    """What ids of ours that were made at this time begin with: to sort foreign ids among them."""
    return _base32(max(int(seconds * 1_000_000), 0), 11)


def made_at(job_id: str) -> float | None:
    """When an id of ours was made, in seconds since 1970; None for a foreign id."""
    if not _OWN_ID.fullmatch(job_id):
        return None
    return int(job_id[:11].translate(_PLAIN), 32) / 1_000_000


def all_made_at(job_ids: Sequence[str]) -> array[float] | None:
    """The same of many at a third of the cost; None where any is a foreign id."""
    text = "/".join(job_ids)
    if not _OWN_IDS.fullmatch(f"{text}/"):
        return None
    plain = text.translate(_PLAIN).split("/")  # no id has a "/"
    return array("d", [int(job_id[:11], 32) / 1_000_000 for job_id in plain])
