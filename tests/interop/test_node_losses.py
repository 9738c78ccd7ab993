"""What kills the real fs-job-store 1.2.0, or makes it lose jobs or locks, and does neither to this library."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import InvalidRequest, JobStore, LeaseLost
from fsjob_core.facts import Verdict

from .conftest import Start, eventually


def test_release_without_a_callback_kills_node_and_ours_needs_none(store: JobStore, defect: Start) -> None:
    job = store.create(1)
    node = defect("release")
    assert node.until("pulled")["pulled"] == job.id
    assert node.end() != 0
    eventually(lambda: not list(store.locks()))
    work = store.pull_work()
    assert work is not None
    work.release()
    work.release()


def test_a_value_that_is_no_buffer_kills_node_and_ours_takes_text_and_files_and_refuses_the_rest(
    store: JobStore, defect: Start
) -> None:
    jobs = [store.create(number) for number in range(4)]
    node = defect("number", jobs[0].id)
    node.until("giving")
    assert node.end() != 0
    values: list[tuple[Any, bytes]] = [
        (b"bytes", b"bytes"),
        ("text ✓", "text ✓".encode()),
        (io.BytesIO(b"a file"), b"a file"),
    ]
    for job, (given, kept) in zip(jobs, values, strict=False):
        store.fulfill(job.id, given)
        assert store.read_value(job.id) == kept
    refused: list[Any] = [3, None, {"a": 1}]
    for neither in refused:
        with pytest.raises(InvalidRequest, match="bytes, text or a binary file"):
            store.fulfill(jobs[3].id, neither)
    assert not store.get(jobs[3].id).fulfilled and os.listdir(store.layout.job(jobs[3].id)) == ["state.json"]


def test_node_cannot_stage_on_another_file_system_and_ours_stages_in_the_store(
    store: JobStore, defect: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Path("/dev/shm/fsjob-elsewhere")
    if not elsewhere.parent.is_dir() or os.stat(elsewhere.parent).st_dev == os.stat(store.directory).st_dev:
        pytest.skip("/dev/shm is no other file system")
    try:
        assert defect("create", tmp=elsewhere).until("created") == {"created": None, "error": "EXDEV"}
        monkeypatch.setenv("TMPDIR", str(elsewhere))
        monkeypatch.setattr("tempfile.tempdir", None)
        job = store.create(1)
        with store.pull_work() as work:  # type: ignore[union-attr]
            work.fulfill(b"value")
        assert store.read_value(job.id) == b"value"
    finally:
        shutil.rmtree(elsewhere, ignore_errors=True)


def test_a_relative_directory_loses_jobs_of_nodes_and_none_of_ours(
    store: JobStore, defect: Start, node: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = os.path.basename(store.directory)
    made = defect("create", directory=name, cwd=tmp_path).until("created")["created"]
    assert not os.path.exists(store.layout.pending_link(made)), "its link leads nowhere"
    lost = defect("pull", "1")
    assert lost.until("pulled")["error"] == "ERR_INVALID_ARG_TYPE", "no Node worker ever gets it"
    lost.kill()
    os.rmdir(store.layout.work_lock(made))
    monkeypatch.chdir(tmp_path)
    relative = JobStore(name, durability="process")
    monkeypatch.chdir("/")
    work = relative.pull_work()
    assert work is not None and work.id == made, "we go by the name, not by the link"
    work.fulfill(b"value")
    work.release()
    job = relative.create(1)
    assert os.readlink(store.layout.pending_link(job.id)) == f"../jobs/{job.id}"
    node("work").until("fulfilled")
    assert store.read_value(job.id) == f"node:{job.id}".encode()


# ── Node that was robbed and does not know ──


def test_a_robbed_node_beats_and_then_removes_its_successors_lock_and_ours_is_told(
    store: JobStore, node: Start
) -> None:
    job = store.create(1)
    lock = store.layout.work_lock(job.id)
    ghost = node("hold")
    assert ghost.until("pulled")["pulled"] == job.id
    os.rmdir(lock)  # whoever took it over; the next moment it is ours
    work = store.pull_work()
    assert work is not None
    told: list[object] = []
    work.oncompromised = told.append
    eventually(lambda: work._lease.foreign_beats or told, 12)
    assert not told and "compromised" not in str(ghost.said), "a beat of another's, and neither knows"
    assert [found.verdict for found in store.locks()] == [Verdict.LIVE]
    ghost.tell("release")
    assert ghost.until("release")["error"] is None
    assert not os.path.exists(lock), "the lock that it removed was ours"
    eventually(lambda: told, 5)
    assert told == [work]
    os.mkdir(lock)  # and the next one has it
    inode = os.stat(lock).st_ino
    with pytest.raises(LeaseLost):
        work.fulfill(b"late")
    work.release()
    assert os.stat(lock).st_ino == inode and not store.get(job.id).fulfilled
