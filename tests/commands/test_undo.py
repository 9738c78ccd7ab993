"""The commands that change, take away and bring back, as a shell runs them."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..terminal.terminal import Terminal
from .conftest import Run


def test_edit_and_its_undo(store: JobStore, run: Run) -> None:
    job = store.create({"n": 1})
    assert run("edit", job.id, '{"n": 2}') == (0, f"job {job.id} is at version 1\n", "")
    code, _, complaint = run("edit", job.id, '{"n": 3}', "--version", "0")
    assert code == 4 and "is at version 1, not 0" in complaint
    assert run("edit", job.id, "-", "--version", "1", "--json", given='{"n": 3}')[0] == 0
    assert run("edit", job.id, "{")[0] == 2
    assert run("edit", job.id)[0] == 2, "nobody can open an editor here"
    assert run("edit", "nothing", "1")[0] == 3
    assert store.get(job.id).request == {"n": 3}
    code, out, _ = run("undo", "--json")
    assert code == 0
    assert json.loads(out) == {"id": job.id, "done": True, "what": f"job {job.id} has its request of before, version 3"}
    assert run("undo")[0] == 0 and store.get(job.id).request == {"n": 1}
    store.fulfill(job.id, b"")
    assert run("edit", job.id, "1")[0] == 4


def test_a_deleted_set_is_undone_together_and_says_what_it_could_not(store: JobStore, run: Run) -> None:
    ids = [store.create(n).id for n in range(4)]
    code, out, complaint = run("delete", "-", given="\n".join([*ids, "missing"]))
    assert code == 3 and "no job missing" in complaint
    assert [line.split()[1] for line in out.splitlines()] == ids and os.listdir(store.layout.jobs) == []
    os.mkdir(store.layout.job(ids[1]))
    code, out, _ = run("undo", "--json")
    outcomes = {line["id"]: line for line in map(json.loads, out.splitlines())}
    assert code == 4 and [outcomes[job_id]["done"] for job_id in ids] == [True, False, True, True]
    assert "another one was made since" in outcomes[ids[1]]["what"]
    assert store.counts().pending == 3
    code, out, _ = run("undo", "--json")
    assert code == 4 and "nothing to undo" in json.loads(out)["what"]


def test_the_list_of_what_can_be_undone(store: JobStore, run: Run) -> None:
    assert run("undo", "--list") == (0, "", "")
    made = run("create", "--ndjson", "-", given="1\n2\n3\n4\n")[1].split()
    assert run("park", made[0])[0] == 0
    code, out, _ = run("undo", "--list", "--json")
    park, create = map(json.loads, out.splitlines())
    assert (park["act"], park["jobs"], park["first"], park["who"]) == ("park", 1, made[:1], getpass.getuser())
    assert (create["act"], create["jobs"], create["first"]) == ("create", 4, made[:3])
    assert f"{create['group']}  " in run("undo", "--list")[1] and "and 1 more" in run("undo", "--list")[1]
    code, out, complaint = run("undo", create["group"])
    assert code == 4 and out.count("in the trash") == 3 and "it was parked since" in complaint
    assert run("undo", create["group"])[0] == 4
    assert run("undo")[0] == 0 and store.counts().pending == 1
    assert run("undo", "no-group") == (
        4,
        "",
        "fsjob: no act named no-group can be undone; `fsjob undo --list` shows everybody's acts\n",
    )


def test_unqueue_requeue_and_park_are_undone(store: JobStore, run: Run) -> None:
    job = store.create(1)
    store.queue(job.id, "target")
    for words in (["unqueue", job.id, '"target"'], ["park", job.id], ["requeue", job.id]):
        assert run(*words)[0] == 0
    assert "is parked again" in run("undo")[1]
    assert "is pending again" in run("undo")[1]
    assert "1 target waits" in run("undo")[1]
    assert store.get(job.id).waiting == ["target"]


def test_who_does_not_wait_is_said_so(store: JobStore, run: Run) -> None:
    job = store.create(1)
    assert run("queue", job.id, '"a"') == (0, f"1 target waits for job {job.id}\n", "")
    refused = f"fsjob: this target did not wait: 1 target waits for job {job.id}\n"
    assert run("unqueue", job.id, '"b"') == (4, "", refused)
    code, out, complaint = run("queue", "--again", job.id)
    assert (code, out) == (4, "") and "is told anew: none that was given up waits" in complaint
    assert "these do not wait" in run("queue", "--again", job.id, '"b"')[2]
    assert run("queue", "--again", job.id, '"a"') == (0, f"job {job.id}: 1 target is told anew\n", "")


def test_a_second_dash_is_refused_before_the_first_is_acted_on(store: JobStore, run: Run) -> None:
    job = store.create(1)
    code, out, complaint = run("delete", "-", "-", given=job.id)
    assert (code, out) == (2, "") and "given twice" in complaint
    assert store.counts().pending == 1


def test_purge_wants_a_yes_and_can_be_looked_at_first(store: JobStore, run: Run) -> None:
    job = store.create(1)
    store.fulfill(job.id, b"")
    os.utime(store.layout.state(job.id), (1, 1))
    gone = store.create(2)
    store.delete(gone.id)
    assert run("purge", "--older-than", "1d")[0] == 2
    assert run("purge", "--older-than", "soon", "--yes")[0] == 2
    assert run("purge", "--older-than", "1d", "--dry-run") == (0, f"job    {job.id}\n", "")
    assert json.loads(run("purge", "--older-than", "1d", "--dry-run", "--json")[1]) == {"job": job.id}
    assert run("purge", "--older-than", "1d", "--yes") == (0, "1 was removed for good\n", "")
    assert run("purge", "--older-than", "0s", "--yes")[1] == "1 was removed for good\n"
    assert os.listdir(store.layout.trash) == os.listdir(store.layout.jobs) == []


def test_audit_tells_acts_and_refusals(store: JobStore, run: Run) -> None:
    assert run("audit") == (0, "", "")
    job = store.create(1)
    store.fulfill(job.id, b"")
    run("park", job.id)
    run("delete", job.id)
    first, second = map(json.loads, run("audit", "--json")[1].splitlines())
    assert (first["act"], first["done"], second["act"], second["done"]) == ("park", False, "delete", True)
    code, out, _ = run("audit")
    assert code == 0 and "park  not done: job" in out and f"delete  job {job.id} is in the trash" in out
    assert len(run("audit", "-n", "1")[1].splitlines()) == 1


def test_a_label_guards(store: JobStore, run: Run) -> None:
    assert run("label") == (0, "the store carries no name and no class\n", "")
    assert run("label", "main", "--class", "prod")[1] == "the store is named main and is of class prod, guarded\n"
    assert json.loads(run("label", "--json")[1]) == {"name": "main", "class": "prod", "guarded": True}
    job = store.create(1)
    for words in (["delete", job.id], ["edit", job.id, "2"], ["undo"], ["label", "--class", ""], ["park", job.id],
                  ["purge", "--older-than", "0s", "--yes"]):  # fmt: skip
        code, _, complaint = run(*words)
        assert (code == 4 and "guarded" in complaint) or words == ["undo"], words
    assert run("delete", job.id, "--write")[0] == 0
    code, _, complaint = run("undo")
    assert code == 4 and "guarded" in complaint
    assert run("undo", "--write")[0] == 0 and store.counts().pending == 1
    assert run("label", "--class", "", "--write")[1] == "the store is named main\n"


def test_no_command_makes_a_store(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    for words in (["undo"], ["undo", "--list"], ["audit"], ["label"], ["label", "x"], ["delete", "x"],
                  ["edit", "x", "1"], ["purge", "--older-than", "1d", "--yes"],
                  ["purge", "--older-than", "1d", "--dry-run"]):  # fmt: skip
        assert run("-C", str(tmp_path / "empty"), *words)[0] == 5, words
    assert os.listdir(tmp_path / "empty") == []


@pytest.mark.parametrize(("answer", "deleted"), [("n\r", False), ("y\r", True)])
def test_on_a_terminal_it_names_what_it_hits_and_asks(store: JobStore, answer: str, deleted: bool) -> None:
    ids = [store.create(n).id for n in range(2)]
    terminal = Terminal("delete", "-C", store.directory, *ids)
    try:
        terminal.until("Delete? [y/N]")
        assert all(f"{job_id}  pending" in terminal.text for job_id in ids) and "2 jobs" in terminal.text
        assert store.counts().pending == 2
        terminal.press(answer)
        assert terminal.process.wait(15) == (0 if deleted else 4)
    finally:
        terminal.end()
    assert store.counts().pending == (0 if deleted else 2)


def test_an_editor_opens_on_a_terminal(store: JobStore, tmp_path: Path) -> None:
    job = store.create({"n": 1})
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/1/2/" "$1"\n')
    editor.chmod(0o755)
    terminal = Terminal("edit", "-C", store.directory, job.id, EDITOR=str(editor), VISUAL="")
    try:
        terminal.until("is at version 1")
    finally:
        terminal.end()
    assert store.get(job.id).request == {"n": 2}
