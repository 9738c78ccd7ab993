"""The filter's language: what each line means, and what a wrong one is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fsjob_core.errors import InvalidFilter
from fsjob_core.facts import LockInfo, Verdict
from fsjob_core.filtering import Filter, parse_filter
from fsjob_core.lease import Owner
from fsjob_core.record import JobRecord, from_bytes

NOW = 1_000_000.0
OURS = {"attempts": 2, "last_error": "exit 137: Killed", "not_before": NOW + 60}


def lock(verdict: Verdict, worker: str | None = "bundler-3") -> LockInfo:
    owner = Owner("render-07", "boot", 1, 48213, 1, worker, NOW, "token") if worker else None
    return LockInfo("work", "x", "/x", owner, NOW, NOW, 1, 1, verdict, "")


class Job:
    """One job, and all that is known of it without opening it."""

    def __init__(self, job_id: str = "01JdqÄ", request: object = None, views: Sequence[str] = ("pending",),
                 locks: Sequence[LockInfo] = (), value: bytes = b"", **members: object) -> None:  # fmt: skip
        self.id, self.locks, self.value = job_id, locks, value
        self.views = [*views, *(["locked"] if locks else [])]
        waiting = members.pop("waiting", [])
        assert isinstance(waiting, list)
        self.record = JobRecord(job_id, request, 0, 2 if "fulfilled" in views else 1, waiting, dict(members))

    def is_in(self, view: str, job_id: str) -> bool:
        return view in self.views

    def locks_of(self, job_id: str) -> Sequence[LockInfo]:
        return self.locks


def matches(text: str, job: Job) -> bool:
    found = parse_filter(text)
    at_once = found.at_once(job.id, job)
    return found.holds(job.record, lambda: job.value, NOW) if at_once is None else at_once


RENDER = Job(request={"type": "Resize", "n": 10, "ok": True, "none": None, "a.b": {"c d": "x:y"},
                      "files": [{"path": "/srv/a.js", "sizes": [640, 1.5]}, {"path": "/srv/b.js"}, "loose"]},
             waiting=[{"mail": "Ops@example.org"}], fsjob=OURS)  # fmt: skip
DONE = Job("done-1", {"n": -3}, ("fulfilled", "waiting"), value="Straße: 42 units".encode())
HELD = Job("held", {"n": 1}, locks=[lock(Verdict.DEAD), lock(Verdict.LIVE, None)])


@pytest.mark.parametrize(("job", "true", "false"), [
    (RENDER, ["", "jdq", "JDQ ä", "!held", '"01jdq"'], ["jdx", "jdq held", "!jdq", "resize"]),
    (RENDER, ["request.type:resi", "request:RESIZE", "request:srv", "request:10"], ["request.type:10", "request:type"]),
    (RENDER, ["request.n:10", "request.n:10.0", "request.n:1e1", "request.ok:true", "request.none:null",
              "!request.none:nu"], ["request.n:1", "request.n:0", "request.ok:tru", "request.ok:1"]),
    (RENDER, ["request.files.0.path:a.js", "request.files.path:b.js", "request.files:loose", "request.files:640",
              "request.files.0.sizes.1:1.5", "request.files.sizes:640"],
             ["request.files.0.path:b.js", "request.files.9.path:a", "request.files.path.0:a", "request.9.a:x",
              "request.files.99999999999999999999:x", "request.none.x:null", "request.type.0:r"]),
    (RENDER, ['request."a.b"."c d":"x:y"', 'request."a.b":x:y', '!request."a\\"b":x'], ["request.a.b:x"]),
    (RENDER, ["is:tried", "is:later", "is:error", "is:pending", "!is:due", "!is:locked", "error:137",
              "error:KILLED is:tried", "target:ops@", "target:mail !target:nobody"],
             ["is:due", "is:fulfilled", "is:dead", "error:138", "owner:a", "!error:exit"]),
    (DONE, ["is:fulfilled", "is:waiting", "value:STRASSE", "value:42", "request.n:-3", 'value:": 42 u"', "!value:43"],
           ["is:pending", "is:due", "is:later", "is:tried", "is:error", "value:43", "!value:42", "error:x"]),
    (HELD, ["is:dead", "is:live", "is:locked", "owner:render-07", "owner:48213", "owner:node", "worker:bundler",
            "is:dead request.n:1", "is:due"], ["is:stale", "!is:dead", "worker:render", "worker:node", "owner:x"]),
])  # fmt: skip
def test_what_matches(job: Job, true: list[str], false: list[str]) -> None:
    assert [text for text in true if not matches(text, job)] == []
    assert [text for text in false if matches(text, job)] == []


def test_parked_and_given_up_jobs_have_errors_too() -> None:
    parked = Job(views=["parked"], fsjob={"parked": {"reason": "waits for the font"}})
    assert matches("error:font is:error is:parked !is:due", parked)
    untold = Job(waiting=["a"], fsjob={"tries": [{"target": "a", "count": 3, "error": "no route", "at": 1, "next": 2}]})
    assert matches("error:route is:tried", untold)


@pytest.mark.parametrize(("text", "column", "hint"), [
    ("!", 1, "nothing follows"),
    ("a !  b", 3, "nothing follows"),
    ('abc "def', 5, "not closed"),
    ("a kind:x", 3, "request"),
    ('a "kind:x', 3, "not closed"),
    ("type:", 1, "no field 'type'"),
    ("value.x:y", 1, "no field 'value.x'"),
    ("is:", 4, "stale"),
    ("a !is:stal", 7, "stale"),
    ("request.a:", 11, "request.a"),
    ('request."a b":', 15, "request.a b"),
    ("owner:\"\"", 7, "owner"),
    (":x", 1, "no field ''"),
    ("request..a:x", 1, "dot"),
    ("request.:x", 1, "dot"),
    ("x" * 1001, 1001, "1,000"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_column(text: str, column: int, hint: str) -> None:
    with pytest.raises(InvalidFilter) as error:
        parse_filter(text)
    assert str(error.value).startswith(f"column {column}: ") and hint in str(error.value), error.value
    assert "\n" not in str(error.value)


def test_only_what_must_be_opened_is() -> None:
    def kinds(text: str) -> tuple[bool, bool]:
        found: Filter = parse_filter(text)
        return found.reads, found.wants_lock

    assert kinds("abc is:stale !owner:x is:parked") == (False, True)
    assert kinds("!is:stale request:x") == (True, False)
    assert kinds("worker:x value:y") == (True, True)
    assert kinds("is:due") == kinds("target:x") == kinds("error:x") == (True, False)
    assert parse_filter("is:live request:x").at_once("held", HELD) is None
    assert parse_filter("is:stale request:x").at_once("held", HELD) is False
    assert parse_filter("nothing request:x").at_once("held", HELD) is False


def test_a_request_nested_as_deep_as_may_be_is_looked_through() -> None:
    deep = b'{"version":0,"state":1,"waiting":[],"request":' + b"[" * 900 + b'"x"' + b"]" * 900 + b"}"
    assert parse_filter("request:x").holds(from_bytes("a", deep), lambda: b"", NOW)
