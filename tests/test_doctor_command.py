"""`fsjob doctor` as a command: what it prints, what it changes, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsjob_core.store import JobStore

from .conftest import ROOT

LONG_AGO = time.time() - 3700


def doctor(store: JobStore | Path, *options: str) -> subprocess.CompletedProcess[str]:
    directory = store.directory if isinstance(store, JobStore) else str(store)
    command = [sys.executable, "-m", "fsjob_tui.cli", "doctor", "-C", directory, *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "s", durability="process")


def unlinked(store: JobStore) -> str:
    job_id = store.create({"n": 1}).id
    os.unlink(store.layout.pending_link(job_id))
    os.utime(store.layout.state(job_id), (LONG_AGO, LONG_AGO))
    return job_id


def torn(store: JobStore) -> str:
    job_id = store.create({"n": 2}).id
    Path(store.layout.state(job_id)).write_text("{")
    os.utime(store.layout.state(job_id), (LONG_AGO, LONG_AGO))
    return job_id


def test_nothing_is_wrong(store: JobStore) -> None:
    store.create(1)
    done = doctor(store)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_found_is_printed_and_left(store: JobStore) -> None:
    job_id = unlinked(store)
    done = doctor(store)
    assert done.returncode == 1
    first, why, remedy = done.stdout.splitlines()
    assert first.split()[:2] == ["pending-without-link", job_id] and first.endswith("1 h")
    assert "no worker finds it" in why and remedy == "    repair would: link it in pending/"
    assert not os.path.lexists(store.layout.pending_link(job_id))
    assert not os.path.exists(store.layout.audit)


def test_repair_ends_with_0_when_nothing_is_left(store: JobStore) -> None:
    job_id = unlinked(store)
    done = doctor(store, "--repair")
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[-1] == f"    done: job {job_id} is linked in pending/"
    assert os.path.lexists(store.layout.pending_link(job_id))
    assert json.loads(Path(store.layout.audit).read_text())["act"] == "repair"
    assert doctor(store).returncode == 0


def test_what_is_for_an_operator_is_left_unless_forced(store: JobStore) -> None:
    job_id = torn(store)
    done = doctor(store, "--repair")
    assert done.returncode == 1
    assert "by hand: mend state.json" in done.stdout and done.stdout.endswith("1 problem is left\n")
    assert os.path.exists(store.layout.job(job_id))
    assert doctor(store, "--repair", "--force", "state-corrupt").returncode == 0
    assert not os.path.exists(store.layout.job(job_id)) and len(os.listdir(store.layout.trash)) == 1


def test_json_has_a_line_for_each(store: JobStore) -> None:
    ids = [unlinked(store), torn(store)]
    for options in ([], ["--repair"]):
        done = doctor(store, "--json", *options)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 1
        assert {(line["kind"], line["id"]) for line in lines} == {
            ("pending-without-link", ids[0]), ("state-corrupt", ids[1]),
        }  # fmt: skip
        mended = {line["kind"]: line.get("done") for line in lines}
        assert mended == {"pending-without-link": True if options else None, "state-corrupt": None}
        assert set(lines[0]) >= {"kind", "id", "path", "since", "explanation", "remedy", "automatic"}


def test_a_guarded_store_is_looked_at_and_repaired_with_write_alone(store: JobStore) -> None:
    job_id = unlinked(store)
    Path(store.layout.about).write_text('{"class": "prod"}')
    assert doctor(store).returncode == 1
    refused = doctor(store, "--repair")
    assert refused.returncode == 4 and "guarded" in refused.stderr
    assert not os.path.lexists(store.layout.pending_link(job_id))
    assert doctor(store, "--repair", "--write").returncode == 0


def test_no_store_and_wrong_use(tmp_path: Path, store: JobStore) -> None:
    assert doctor(tmp_path / "nothing").returncode == 5
    assert doctor(tmp_path / "nothing", "--repair").returncode == 5
    assert not (tmp_path / "nothing").exists()
    assert doctor(store, "--force", "state-corrupt").returncode == 2
    assert doctor(store, "--kind", "link-elsewhere").returncode == 0
    unknown = doctor(store, "--job", "nope")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (3, 1)
    for kind in ("dead-lock", "foreign-name", "job-not-readable"):  # the first is done unasked, the others never
        assert doctor(store, "--repair", "--force", kind).returncode == 2


def test_names_are_safe_to_print(store: JobStore) -> None:
    os.mkdir(f"{store.layout.jobs}/\x1b[31mred")
    done = doctor(store)
    assert done.returncode == 1 and "\x1b" not in done.stdout


def test_the_file_system_is_tried(store: JobStore) -> None:
    done = doctor(store, "--filesystem", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode == 0) == (lines[-1]["verdict"] == "accept") and lines[-1]["name"] == "all"
    assert doctor(store, "--filesystem", "--repair").returncode == 2
