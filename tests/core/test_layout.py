from __future__ import annotations

import pytest

from fsjob_core.errors import InvalidJobId
from fsjob_core.layout import check_id, is_job_id


@pytest.mark.parametrize("name", ["job-12345abcDEF", "a", "x" * 200, "ü" * 100, "with space", "1k10b", "a.b", "lock"])
def test_legal_ids(name: str) -> None:
    assert is_job_id(name)
    assert check_id(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "../x", "x" * 201, "ü" * 101, "a.lock", ".lock", "a\nb", "a\x1b[2J", "\u202eab",
     "\udc80", "a\0b", "a\u200bb", 7, None, b"a"],
)  # fmt: skip
def test_what_is_no_id(name: object) -> None:
    with pytest.raises(InvalidJobId, match="is no job id"):
        check_id(name)
