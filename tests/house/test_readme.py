"""The README is run: its library examples as they stand, its commands by `.ci/run`."""

from __future__ import annotations

import doctest
import re

from fsjob_tui.cli import COMMANDS

from ..conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_the_library_by_example() -> None:
    example = "\n".join(re.findall(r"```python\n(.*?)```", README, re.S))
    test = doctest.DocTestParser().get_doctest(example, {}, "README.md", "README.md", 0)
    assert test.examples
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert result.failed == 0


def test_every_command_is_told() -> None:
    for command in COMMANDS:
        assert re.search(rf"`[^`]*\b{command}\b", README), command


def test_ci_runs_the_test_command_of_the_readme() -> None:
    found = re.findall(r"^    (python3 .*pytest)$", README, re.M)
    assert len(found) == 1
    assert r"^    \(python3 .*pytest\)$" in (ROOT / ".ci" / "run").read_text()


def test_pictures_exist() -> None:
    for picture in re.findall(r"\((screenshots/[^)]+)\)", README):
        assert (ROOT / picture).exists()
