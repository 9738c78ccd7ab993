"""What is looked at and taken along: the audit log, an export, what is masked, who is to be told, the log of acts."""

from __future__ import annotations

import json
from pathlib import Path

from fsjob_core import JobStore
from fsjob_core.operator import Operator

from .conftest import Open
from .terminal import Terminal


def audit(store: JobStore) -> list[dict[str, object]]:
    path = Path(store.layout.audit)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def palette(console: Terminal, words: str) -> None:
    console.press("\x10")
    console.until("Search for commands")
    console.paste(words)
    console.until(words)
    console.read(0.5)
    console.press("\r")


def test_what_is_masked_is_shown_once_an_audit_line_says_so(store: JobStore, open_console: Open) -> None:
    job = store.create({"type": "mail", "password": "hush"})
    other = store.create({"type": "mail", "password": "hush"})
    console = open_console(columns=120)
    console.until("••••••")
    assert b"hush" not in console.raw and audit(store) == []
    console.press("u")
    console.until("hush")
    assert [(line["act"], line["id"], line["via"]) for line in audit(store)] == [("unmask", job.id, "console")]
    console.press("j")
    console.until(lambda: other.id in console.text.split("is ")[0] and "hush" not in console.text)
    console.press("k")
    console.until("hush")
    console.press("u")
    console.until(lambda: "hush" not in console.text)
    assert len(audit(store)) == 1


def test_read_only_shows_nothing_that_is_masked(store: JobStore, open_console: Open) -> None:
    store.create({"type": "mail", "password": "hush"})
    console = open_console("--read-only", columns=120)
    console.until("••••••")
    console.press("u")
    console.until("no audit line can say who")
    assert b"hush" not in console.raw and audit(store) == []


def test_the_audit_log_is_filtered_as_one_types(store: JobStore, open_console: Open) -> None:
    operator = Operator(store, "ann")
    ids = [operator.create(n).id for n in range(3)]
    operator.park(ids[1])
    console = open_console()
    palette(console, "audit log")
    console.until("4 of 4 lines")
    console.paste("PARK ann")
    console.until("1 of 4 lines")
    console.until(f"park: job {ids[1]}")
    console.press("\x1b")
    console.until(lambda: "of 4 lines" not in console.text)


def test_rows_go_into_a_file_that_is_not_overwritten_unasked(
    store: JobStore, open_console: Open, tmp_path: Path
) -> None:
    ids = [store.create(n).id for n in range(3)]
    console = open_console()
    console.until(ids[2][-4:])
    out = tmp_path / "out"
    for key, over in (("i", None), ("j", "\x1b"), ("j", "y")):
        palette(console, "export these rows")
        console.until("EXPORT")
        console.press(key)
        console.until("Into which file?")
        console.paste(str(out))
        console.press("\r")
        if over is not None:
            console.until("IT EXISTS")
            console.press(over)
        console.until("it was left as it is" if over == "\x1b" else "3 lines")
        lines = out.read_text().splitlines()
        if over == "y":
            assert [json.loads(line)["id"] for line in lines] == ids
        else:
            assert lines == ids
        console.until(lambda: "IT EXISTS" not in console.text, 20)
        console.read(0.3)


def test_a_target_is_told_or_not_any_more(store: JobStore, open_console: Open) -> None:
    job = store.create({"type": "mail"})
    console = open_console()
    console.until(job.id[-4:])
    palette(console, "notify a target")
    console.until("NOTIFY A TARGET")
    console.paste('{"mail": "ops')
    console.until("column 10")
    console.press("\x13")
    console.paste('"}')
    console.until(f"queue {job.id}")
    console.press("\x13")
    console.until(lambda: store.get(job.id).waiting == [{"mail": "ops"}])
    palette(console, "notify a target")
    console.until('waits {"mail": "ops"}')
    console.paste('{"mail":"ops"}')
    console.press("\x1bOQ")
    console.until(lambda: [line["act"] for line in audit(store)] == ["queue", "unqueue"])  # told after it is done
    assert store.get(job.id).waiting == []


def test_fulfill_says_how_much_and_each_act_is_kept_with_its_line(store: JobStore, open_console: Open) -> None:
    job = store.create({"type": "mail"})
    console = open_console()
    console.until(job.id[-4:])
    console.press("F")
    console.until("FULFILL BY HAND")
    console.paste("@@forty")
    console.until(f"fulfill {job.id} @@forty")
    console.press("\x13")
    console.until("is fulfilled with 6 B")
    assert store.read_value(job.id) == b"@forty"
    console.press("4")
    console.until("@forty")
    console.press("F")
    console.until("it is fulfilled")
    console.press("l")
    console.until("ACTS OF THIS CONSOLE")
    console.until("fulfill")
    console.until("@@forty")
