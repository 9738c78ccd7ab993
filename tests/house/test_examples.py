"""The examples in the docstrings are run; what is public has a docstring."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import fsjob_core
from fsjob_core import JobStore

MODULES = ["fsjob_core", "fsjob_core.store", "fsjob_core.aio", "fsjob_core.operator", "tests.shell.schemas"]
PUBLIC = ["JobStore", "work.WorkLease", "delivery.Notification", "aio.AsyncJobStore", "aio.AsyncWorkLease",
          "aio.AsyncNotification", "worker.Worker", "notifier.Notifier", "operator.Operator"]  # fmt: skip


def examples() -> list[doctest.DocTest]:
    found = []
    for name in MODULES:
        module = importlib.import_module(name)
        found += [test for test in doctest.DocTestFinder(exclude_empty=True).find(module, name) if test.examples]
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_does_what_it_says(example: doctest.DocTest, tmp_path: Path) -> None:
    """Those of the store's methods have a `store`, new and empty."""
    example.globs = {**example.globs, "store": JobStore(tmp_path / "store", durability="process")}
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL).run(example)
    assert result.failed == 0


def test_every_operation_of_a_store_is_shown() -> None:
    shown = {example.name.rpartition(".")[2] for example in examples() if ".JobStore." in example.name}
    named = {name for name, member in vars(JobStore).items() if inspect.isfunction(member) and name[0] != "_"}
    without = {
        "flush_after", "pull_due_notification", "next_notification_due", "next_due", "pull_job", "resume", "break_lock",
        "repair", "pull_is_unfinished", "notification_pull_is_unfinished", "workers",
    }  # of loops and operators, or shown with another  # fmt: skip
    assert named - shown <= without


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_has_a_docstring(path: str) -> None:
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(f"fsjob_core.{module}" if module else "fsjob_core"), name)
    assert kind.__doc__
    for member_name, member in vars(kind).items():
        if member_name[0] != "_" and (callable(member) or isinstance(member, property)):
            assert inspect.getdoc(getattr(kind, member_name)), f"{path}.{member_name}"


def test_every_name_of_the_package_is_told() -> None:
    for name in fsjob_core.__all__:
        assert getattr(fsjob_core, name).__doc__, name
