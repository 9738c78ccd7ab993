"""The README is run: its library examples as they stand, its commands by `.ci/run`."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
from pathlib import Path

import pytest

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


def test_the_service_can_be_copied(tmp_path: Path) -> None:
    """As systemd reads it, where that is installed; the names of its programs are those of some other machine."""
    (unit,) = re.findall(r"```ini\n(.*?)```", README, re.S)
    here = tmp_path / "fsjob-worker.service"
    unit = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit, flags=re.M).replace("User=render", "User=root")
    here.write_text(unit)
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd is not installed")
    done = subprocess.run([tool, "verify", here], capture_output=True, text=True)
    assert done.returncode == 0 and "fsjob-worker" not in done.stderr, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_has_a_line_for_each_shell(shell: str) -> None:
    assert f"_FSJOB_COMPLETE={shell}_source fsjob" in README
