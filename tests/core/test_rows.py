"""What a row shows of a job that cannot be read, or is too large to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.feed import RowDetail
from fsjob_core.rows import LARGEST_SHOWN, row_detail


def row(store: JobStore, view: str, job_id: str) -> RowDetail:
    return row_detail(store.views, view, job_id, store.views.marks(job_id))


def test_the_size_of_a_value_is_told_whatever_the_request_has(store: JobStore) -> None:
    job = store.create("x" * (LARGEST_SHOWN + 1))
    store.fulfill(job.id, b"v" * 3000)
    found = row(store, "fulfilled", job.id)
    assert found.value_size == 3000 and found.problem and "open it" in found.problem
    Path(store.layout.value(job.id)).unlink()
    assert row(store, "fulfilled", job.id).value_size is None


def in_its_place(path: Path) -> Path:
    """The path, now that what stood there is gone."""
    return path.rename(f"{path}.before").with_name(path.name)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda state: state.write_bytes(b"\0\0"), "state.json holds nothing but zero bytes"),
        (lambda state: state.write_text("{"), "state.json is no JSON: "),
        (in_its_place, "state.json is missing"),
        (lambda state: in_its_place(state).mkdir(), "state.json is a directory, not a file"),
        (lambda state: in_its_place(state).symlink_to("/"), "state.json is a symbolic link"),
        (lambda state: in_its_place(state.parent).touch(), "what is in jobs/ is no directory"),
        (lambda state: in_its_place(state.parent), "a link names it, but it is not in jobs/"),
    ],
    ids=["zeros", "no JSON", "missing", "directory", "link", "no job", "link alone"],
)
def test_what_is_wrong_with_a_job_comes_first_without_its_id_and_its_path(
    store: JobStore, spoil: Callable[[Path], object], said: str
) -> None:
    job_id = store.create(1).id
    spoil(Path(store.layout.state(job_id)))
    problem = row(store, "pending", job_id).problem or ""
    assert problem.startswith(said) and job_id not in problem and store.directory not in problem
