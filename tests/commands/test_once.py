"""`fsjob console --once`: the screen as text, and an exit code that tells whether the store is well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.host import REAL
from fsjob_tui import once

from ..conftest import ROOT
from ..core import situations as at


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[at.Scene]:
    scene = at.Scene(JobStore(tmp_path / "store", durability="process"), tmp_path)
    with scene.ending:
        yield scene


def fsjob(*arguments: str, columns: int = 120) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "fsjob_tui.cli", "console", "--once", *arguments], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(columns)}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def empty(it: at.Scene) -> str:
    return ""


def silent_by_the_clock(it: at.Scene) -> str:
    job_id = it.job()
    it.nodes_lock(job_id, 3600)
    return job_id


def slow(it: at.Scene) -> str:
    old = at.made_ahead_of_the_clock(it)
    os.utime(it.layout.pending_link(old), (REAL.time() - 120,) * 2, follow_symlinks=False)
    list(it.store.create_many([{"n": number} for number in range(60)]))
    at.done(it), at.done(it)
    return at.done(it)


def long(it: at.Scene) -> str:
    job_id = at.long(it)
    for path in Path(it.layout.jobs).glob("*/value"):
        os.utime(path, (REAL.time() - 60,) * 2)  # the last one was finished a minute ago
    return job_id


STALLED = "▲ stalled: none finished yet; 1 lock"
MOODS: list[tuple[Callable[[at.Scene], str], int, str, str]] = [
    (empty, 0, "○ no job has been made yet", ""),
    (at.done, 0, "○ nothing is pending, the last job finished ", ""),
    (at.live, 0, "✓ moving: 1 at work", ""),
    (at.paused_with_a_reason, 0, "‖ paused: upgrade of render-07", "OLDEST PENDING"),
    (at.dead, 1, f"{STALLED} held by nobody alive", "▲ DEAD    work         ID  holder on"),
    (silent_by_the_clock, 1, f"{STALLED} held by nobody", "▲ STALE   work         ID  last beat 1 h ago by this"),
    (at.foreign, 1, f"{STALLED} blocked", "■ BARRED  work         ID  a file stands here"),
    (long, 1, "◐ long: 1 job holds its lock", "◐ LONG    work         ID  held for 2 h"),
    (slow, 1, "◐ slow: out 0.1/s, in 2.1/s, growing", "job-of-node "),
    (at.parked_by_hand, 0, "○ nothing is pending; 1 parked", "crashes "),
    (at.moved_store, 0, "✓ 1 pending, nobody has taken one yet", "link-elsewhere"),
    (at.broken, 0, "✓ 1 pending, nobody has taken one yet", "state-corrupt"),
]


@pytest.mark.parametrize(("make", "code", "verdict", "also"), MOODS, ids=[row[0].__name__ for row in MOODS])
def test_what_it_says_and_how_it_ends(
    scene: at.Scene, make: Callable[[at.Scene], str], code: int, verdict: str, also: str
) -> None:
    job_id = make(scene)
    if make is at.broken:  # what changed a moment ago is no problem yet
        os.utime(scene.layout.state(job_id), (REAL.time() - 60,) * 2)
    done = fsjob(scene.store.directory)
    assert (done.returncode, done.stderr) == (code, ""), done.stdout
    lines = done.stdout.splitlines()
    assert scene.store.directory[-12:] in lines[0] and lines[0].endswith("UTC")
    assert lines[1].startswith(verdict)
    assert lines[2].startswith(" 1 Pending ") and "  2 Locked " in lines[2]
    assert also.replace("ID", job_id) in done.stdout
    assert "\x1b" not in done.stdout


def test_as_json_it_is_one_object_that_says_the_same(scene: at.Scene) -> None:
    job_id = at.dead(scene)
    at.parked_by_hand(scene)
    done = fsjob(scene.store.directory, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and found["mood"] == "stalled" and found["verdict"].startswith("stalled: ")
    assert found["counts"] == {"pending": 1, "locked": 1, "waiting": 0, "fulfilled": 0, "parked": 1}
    assert [(lock["id"], lock["verdict"]) for lock in found["locks"]] == [(job_id, "dead")]
    assert [job["id"] for job in found["jobs"]] == [job_id]
    assert [(one["error"][:8], one["jobs"]) for one in found["parked_by_error"]] == [("crashes ", 1)]
    assert {problem["kind"] for problem in found["problems"]} >= {"dead-lock"}
    assert found["evidence"][0]["id"] == job_id


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ("pending", "  JOB"), ("locked", "DEAD    ID"), ("waiting", "fulfilled"), ("fulfilled", "5 B value"),
        ("parked", "crashes "), ("workers", "render-1"),
        ("problems", "dead-lock"),
    ],
)  # fmt: skip
def test_another_view_is_printed_where_it_is_asked_for(scene: at.Scene, view: str, says: str) -> None:
    at.done_and_awaited(scene)
    at.parked_by_hand(scene)
    at.one_is_idle(scene)
    scene.store.fulfill(scene.store.pull_work().id, b"value")  # type: ignore[union-attr]
    job_id = at.dead(scene)
    done = fsjob(scene.store.directory, "--view", view)
    assert says.replace("ID", job_id) in done.stdout, done.stdout
    assert " more" not in done.stdout


def test_a_request_that_is_nested_deep_hides_nothing_else(scene: at.Scene) -> None:
    scene.store.create(json.loads("[" * 600 + "]" * 600))
    done = fsjob(scene.store.directory)
    assert done.returncode == 0 and "OLDEST PENDING" in done.stdout and "[[[" in done.stdout, done.stderr


def test_requests_are_shown_as_ones_own_settings_say(
    scene: at.Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.store.create({"type": "mail", "task": "send", "IBAN": "DE00"})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "fsjob" / "settings.toml"
    file.parent.mkdir()
    file.write_text('masked = ["iban"]\nkind = ["task"]\nsound = true\n')
    for view in ((), ("--view", "pending")):
        done = fsjob(scene.store.directory, *view)
        assert "send {" in done.stdout and "DE00" not in done.stdout, done.stdout
        assert done.stderr == "fsjob: settings.toml: there is no setting sound\n"


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_line_of_a_table_is_wider_than_what_it_is_printed_on(scene: at.Scene, columns: int) -> None:
    scene.store.create({"type": "render", "text": "x" * 400})
    lines = fsjob(scene.store.directory, columns=columns).stdout.splitlines()
    at_title = lines.index("OLDEST PENDING")
    assert all(len(line) <= columns for line in lines[at_title:])


def test_what_a_job_says_does_nothing_to_the_terminal(scene: at.Scene) -> None:
    scene.operator.park(scene.job(), "\x1b[2J\x1b]0;gone\x07‮")
    scene.store.create({"type": "\x1b[31m"})
    for more in ([], ["--json"], ["--view", "parked"]):
        done = fsjob(scene.store.directory, *more)
        assert not set("\x1b\x07‮") & set(done.stdout)


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_no_store_is_5_and_makes_none(tmp_path: Path, path: str) -> None:
    done = fsjob(path or str(tmp_path))
    assert done.returncode == 5 and not done.stdout
    assert "no job store" in done.stderr or "does not exist" in done.stderr
    assert not list(tmp_path.iterdir())


def test_nothing_is_changed_by_a_look(scene: at.Scene) -> None:
    at.dead(scene)
    at.parked_by_hand(scene)
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in Path(scene.store.directory).rglob("*"))
    fsjob(scene.store.directory)
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in Path(scene.store.directory).rglob("*")) == before


def test_a_store_that_does_not_answer_is_5(
    scene: at.Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The child hangs as in a call on a dead mount, but for the state that no signal ends."""
    children: list[int] = []
    fork = os.fork

    def forked() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", forked)
    monkeypatch.setattr(once, "look", lambda *_: signal.pause())
    monkeypatch.setattr(once, "ANSWERS_WITHIN", 0.3)
    assert once.print_once(scene.store.directory, None, as_json=False) == 5
    assert "? NOT ANSWERING: the store has not answered for 0 s" in capsys.readouterr().out
    assert once.print_once(scene.store.directory, None, as_json=True) == 5
    assert json.loads(capsys.readouterr().out)["mood"] == "not answering"
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_one_that_goes_on_is_waited_for() -> None:
    def show(progress: Callable[[], None], looked: Callable[[], None]) -> int:
        for _ in range(8):
            progress()
            REAL.wait(REAL.event(), 0.1)
        looked()
        return 7

    assert once.in_a_child(show, 0.5) == 7


def test_it_never_imports_the_screen(scene: at.Scene) -> None:
    code = (
        "import sys; from fsjob_tui.once import look, screen, as_dict\n"
        f"seen = look({scene.store.directory!r}, None, 5, lambda: None); list(screen(seen, None, 5))\n"
        "print([name for name in sys.modules if name.startswith('textual')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_reader_that_has_enough_ends_it(scene: at.Scene) -> None:
    scene.job()
    command = f"{sys.executable} -m fsjob_tui.cli console --once {scene.store.directory} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1 and not done.stderr
