"""Wrong use is refused in one line that says what to do, on standard error, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsjob_core import JobStore

from .conftest import Run


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["console", "--read-only", "--worker", "cat"], 2, "--read-only changes nothing, and a worker does"),
        (["requeue", "--rate", "5", "JOB"], 2, "--rate goes with --canary"),
        (["undo", "--list", "x"], 2, "--list names all"),
        (["-C", "/nowhere", "ls", "-C", "DIR"], 2, "which store? Both /nowhere and"),
        (["console", "--once", "DIR", "-C", "/nowhere"], 2, "which store? Both /nowhere and"),
        (["serve", "DIR", "-C", "/nowhere"], 2, "which store? Both /nowhere and"),
        (["serve", "@nobody"], 2, "no store is named @nobody"),
        (["create", "@"], 2, "names no file"),
        (["fulfill", "JOB", "@"], 2, "names no file"),
        (["create", "{\"a"], 2, "is no JSON: Unterminated string starting at line 1, column 2\n"),
        (["create", "\"\n\""], 2, "is no JSON: Invalid control character at line 1, column 2\n"),
        (["undo", "no-group"], 4, "no act named no-group can be undone"),
        (["unqueue", "JOB", "\"nobody\""], 4, "this target did not wait"),
        (["queue", "--again", "JOB"], 4, "none that was given up waits"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_is_refused_in_a_line(store: JobStore, run: Run, words: list[str], code: int, said: str) -> None:
    names = {"JOB": store.create(1).id, "DIR": store.directory}
    ended, out, complaint = run(*(names.get(word, word) for word in words))
    assert (ended, out) == (code, ""), complaint
    assert complaint.startswith("fsjob: ") and said in complaint and complaint.count("\n") == 1
    assert store.counts().pending == 1


def test_one_store_may_be_named_twice(store: JobStore, run: Run) -> None:
    assert run("-C", store.directory, "ls", "-C", f"{store.directory}/.")[0] == 0
    assert run("-C", store.directory, "console", "--once", store.directory)[0] == 0


@pytest.mark.parametrize("klass", ["prod", "PROD"])
def test_on_a_guarded_store_no_console_opens_with_a_worker_but_a_worker_works(
    store: JobStore, run: Run, klass: str
) -> None:
    job = store.create(1)
    store.label("main", klass)
    code, _, complaint = run("console", "--worker", "cat")
    assert code == 4 and "is guarded" in complaint and "`fsjob worker`" in complaint and complaint.count("\n") == 1
    assert run("create", "1")[0] == 4
    assert run("worker", "--until-empty", "--", "cat")[0] == 0 and store.read_value(job.id) == b"1"


def test_what_the_system_refuses_is_told_as_everywhere(store: JobStore, run: Run) -> None:
    job = store.create(1)
    assert run("park", job.id)[0] == 0
    lock = Path(store.layout.work_lock(job.id)).parent
    lock.rename(lock.with_name("away"))
    lock.symlink_to(lock.name)
    code, out, complaint = run("undo")
    assert (code, out) == (4, "")
    assert complaint.startswith(f"fsjob: {lock}") and "Too many levels" in complaint and "Errno" not in complaint


# ── settings that are broken ──


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme =", "settings.toml is not used: Invalid value"),
        ("[stores]\nrender = 5", "settings.toml: stores is a table"),
        ("theme = 5", "no store is named @render in "),
    ],
)
def test_a_name_of_broken_settings_is_told_with_what_is_wrong_with_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "fsjob").mkdir()
    (tmp_path / "fsjob" / "settings.toml").write_text(text)
    code, _, complaint = run("-C", "@render", "ls")
    assert code == 2 and complaint.startswith(f"fsjob: {said}") and complaint.count("\n") == 1
