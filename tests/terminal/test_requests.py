"""Creating and editing requests at the keys: one, many, like another; in the page and in $EDITOR."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from fsjob_core import JobStore

from .conftest import Open
from .terminal import Terminal

F2, F3, F4, SAVE, LINES = "\x1bOQ", "\x1bOR", "\x1bOS", "\x13", "\x0e"


def audit(store: JobStore) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(store.layout.audit).read_text().splitlines()]


def send(console: Terminal, key: str) -> None:
    """A key that is more than one byte."""
    os.write(console.master, key.encode())
    console.read(0.1)


def requests(store: JobStore) -> list[object]:
    return [store.get(entry.id).request for entry in sorted(store.views.entries("pending"))]


def test_a_job_like_another_names_it_and_the_last_request_comes_again(store: JobStore, open_console: Open) -> None:
    first = store.create({"type": "resize", "token": "hush"})
    console = open_console()
    console.until("resize")
    console.press("c")
    console.until("CREATE A JOB")
    send(console, F3)
    console.until(f"like {first.id}")
    console.until("hush")
    console.press(SAVE)
    console.until("is pending")
    made = next(entry.id for entry in store.views.entries("pending") if entry.id != first.id)
    assert store.get(made).request == first.request and store.get(made).ours == {"like": first.id}
    assert [(line["act"], line.get("like")) for line in audit(store)] == [("unmask", None), ("create", first.id)]
    console.press("c")
    console.until("f2 the last")
    send(console, F2)
    console.until("hush")
    console.press("\x1b")
    assert len(requests(store)) == 2


def test_a_file_of_many_is_made_whole_or_its_bad_line_is_told_first(
    store: JobStore, open_console: Open, tmp_path: Path
) -> None:
    many = tmp_path / "many.ndjson"
    many.write_text("".join(f'{{"n": {n}}}\n' for n in range(150)) + "{bad}\n")
    console = open_console()
    console.press("c")
    console.until("CREATE A JOB")
    console.paste(f"@{many}")
    console.press(LINES)
    console.until("line 151, column 2")
    console.until("nothing was made")
    assert store.counts().pending == 0
    many.write_text(many.read_text().replace("{bad}", "7"))
    console.press("c")
    console.until("CREATE A JOB")
    send(console, F2)
    console.press(LINES)
    console.until("CREATE 151 JOBS")
    console.until("Type the number of jobs")
    console.press("151\r")
    console.until("151 of 151 jobs were made")
    assert requests(store) == [*({"n": n} for n in range(150)), 7]
    console.press("z")
    console.until("UNDO")
    console.press("151\r")
    console.until("done 151, skipped 0, failed 0")
    assert store.counts().pending == 0


def test_what_was_made_of_many_before_escape_stays_and_is_counted(
    store: JobStore, open_console: Open, tmp_path: Path
) -> None:
    many = tmp_path / "many.ndjson"
    many.write_text('{"n": 1}\n' * 8_000)
    console = open_console()
    console.press("c")
    console.until("CREATE A JOB")
    console.paste(f"@{many}")
    console.press(LINES)
    console.until("CREATE 8,000 JOBS", 30)
    console.press("8000\r")
    console.until("of 8,000", 30)
    console.press("\x1b")
    console.until("then you stopped it", 30)
    told = int(console.text.split(" of 8,000 jobs were made")[0].split()[-1].replace(",", "").lstrip("▌ "))
    assert 0 < told < 8_000
    assert told == store.counts().pending == len(os.listdir(store.layout.jobs))
    assert f"{told} jobs are pending" in str(audit(store)[-1]["what"])


def test_nothing_is_written_that_is_no_json_or_as_it_was(store: JobStore, open_console: Open) -> None:
    job = store.create({"type": "resize", "w": 1})
    console = open_console()
    console.until("resize")
    console.press("e")
    console.until("EDIT THE REQUEST")
    console.press(" " + SAVE)
    console.until("nothing was changed in it")
    console.press("e")
    console.until("EDIT THE REQUEST")
    send(console, "\x1b[B")
    send(console, "\x1b[F")
    console.press("\x7f")
    console.until("line 3, column 3")
    console.press(SAVE)
    console.read(0.3)
    console.press("\x1b")
    console.until(lambda: "EDIT THE REQUEST" not in console.text)
    assert store.get(job.id).version == 0


def test_both_are_shown_when_somebody_was_faster_and_one_may_write_on_top(store: JobStore, open_console: Open) -> None:
    job = store.create(100)
    console = open_console()
    console.until(job.id[-4:])
    console.press("e")
    console.until("EDIT THE REQUEST")
    console.press("7")
    store.update(job.id, 0, {"type": "crop"})
    console.press(SAVE)
    console.until("IT WAS NOT WRITTEN")
    console.until("somebody has changed it meanwhile")
    console.until("Theirs, version 1")
    console.until('"crop"')
    console.until("7100")
    console.until("--version 1 7100")
    console.press(SAVE)
    console.until("is at version 2")
    assert store.get(job.id).request == 7100
    console.press("z")
    console.until("its request of before comes back")
    console.press("y")
    console.until(lambda: store.get(job.id).version == 3)
    assert store.get(job.id).request == {"type": "crop"}


def test_what_is_masked_is_hidden_from_the_editor_and_stays_as_it_is(store: JobStore, open_console: Open) -> None:
    job = store.create({"token": "hush", "w": 1})
    console = open_console(columns=120)
    console.until(job.id[-4:])
    console.press("e")
    console.until("stays as it is unless you type over it")
    console.until('"token": "•••••• 1"')
    send(console, "\x1b[B" * 2)
    send(console, "\x1b[F")
    console.press("2")
    console.until("edit " + job.id)
    console.until("@FILE")
    console.press(SAVE)
    console.until("is at version 1")
    assert store.get(job.id).request == {"token": "hush", "w": 12}
    assert b"hush" not in console.raw and [line["act"] for line in audit(store)] == ["edit"]
    console.press("e")
    console.until("EDIT THE REQUEST")
    send(console, "\x1b[B")
    send(console, "\x1b[F")
    send(console, "\x1b[D" * 2)
    console.press("\x7f" + SAVE)
    console.until("is what the screen shows")
    console.press("\x1b")
    console.until(lambda: "EDIT THE REQUEST" not in console.text)
    console.press("u")
    console.until("hush")
    console.press("e")
    console.until("z undoes")
    console.press("\x1b")
    assert store.get(job.id).version == 1
    assert [line["act"] for line in audit(store)] == ["edit", "unmask"]


def test_a_held_job_is_not_edited_and_it_is_said_who_holds_it(store: JobStore, open_console: Open) -> None:
    store.create(1)
    with JobStore(store.directory, durability="process", worker_name="bundler-3").pull_work():  # type: ignore[union-attr]
        console = open_console()
        console.until("live")
        console.press("e")
        console.until("bundler-3 on")
        assert "EDIT" not in console.text


@pytest.mark.parametrize("fails", [False, True])
def test_an_editor_of_ones_own_gets_a_file_that_nobody_else_can_read(
    store: JobStore, open_console: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    seen, editor = tmp_path / "seen", tmp_path / "editor"
    editor.write_text(
        f'#!/bin/sh\nstat -c "%a %n" "$1" "$(dirname "$1")" > {seen}\n'
        + ("exit 3\n" if fails else "echo '{\"by\": \"hand\"}' > \"$1\"\n")
    )
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    job = store.create({"type": "resize"})
    console = open_console()
    console.until("resize")
    console.press("e")
    console.until("f4 $EDITOR")
    send(console, F4)
    console.until("ended with 3" if fails else "hand")
    console.until("EDIT THE REQUEST")
    console.press(SAVE)
    console.until("nothing was changed" if fails else "is at version 1")
    assert store.get(job.id).request == ({"type": "resize"} if fails else {"by": "hand"})
    modes = [line.split() for line in seen.read_text().splitlines()]
    assert [mode for mode, _ in modes] == ["600", "700"]
    assert not any(os.path.exists(path) for _, path in modes)
    assert stat.S_ISREG(editor.stat().st_mode)


def test_what_is_edited_shows_what_would_act_on_the_terminal(store: JobStore, open_console: Open) -> None:
    job = store.create({"a": "\x1b]0;pwned\x07\x9b31m\u202e\ud800ü"})
    console = open_console()
    console.until(job.id[-4:])
    console.press("e")
    console.until("EDIT THE REQUEST")
    console.until('\\u001b]0;pwned\\u0007\\u009b31m\\u202e\\ud800ü')
    console.paste("\x1b]0;pasted\x07\x9b31m")
    console.until("pasted")
    for found in (b"\x1b]0;pwned", b"\x1b]0;pasted", b"\xc2\x9b"):
        assert found not in console.raw


def test_the_yes_of_an_editor_does_not_overtake_what_was_typed(store: JobStore, open_console: Open) -> None:
    console = open_console()
    for number in (1234567890, 9876543210):
        console.press("c")
        console.until("ctrl+s creates")
        send(console, f"{number}{SAVE}")
        console.until(lambda number=number: number in requests(store))  # type: ignore[misc]
        console.until(lambda: "ctrl+s creates" not in console.text)


def test_a_fifo_is_no_file_and_nothing_waits_for_it(store: JobStore, open_console: Open, tmp_path: Path) -> None:
    job = store.create(1)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    console = open_console()
    console.until(job.id[-4:])
    for key, title, save in (("c", "CREATE A JOB", SAVE), ("c", "CREATE A JOB", LINES), ("F", "FULFILL BY HAND", SAVE)):
        console.press(key)
        console.until(title)
        console.press(f"@{fifo}{save}")
        console.until("is a FIFO, not a file")
        console.press("\x1b")
        console.until(lambda: "FIFO" not in console.text)
    console.press("q")
    assert console.process.wait(20) == 0
