"""The house as it was drawn: what may import what, and who may touch the disk."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import ROOT

CORE = ROOT / "fsjob_core"
CHANGING = {
    "mkdir", "makedirs", "rmdir", "removedirs", "symlink", "link", "unlink", "remove", "rename", "renames", "replace",
    "open", "write", "truncate", "ftruncate", "utime", "setxattr", "removexattr", "chmod", "fchmod", "chown", "mkfifo",
    "mknod", "fsync", "fdatasync",
}  # fmt: skip
SEAM_ONLY = {"time", "random", "secrets", "threading", "fcntl", "shutil", "tempfile", "uuid"}
MAY_TOUCH = {"host.py", "guard.py", "fs.py"}
MAY_START_PROCESSES = {"monitor.py", "command.py", "undertaker.py"}


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def faults(source: str, name: str) -> list[str]:
    """What a file of the core does that only the seam may do."""
    tree = ast.parse(source)
    found = [f"imports {module}" for module in sorted(imported(tree) & SEAM_ONLY)]
    if "subprocess" in imported(tree) and name not in MAY_START_PROCESSES:
        found.append("imports subprocess")
    for line, call in calls(tree):
        module, _, method = call.rpartition(".")
        if (module == "os" and method in CHANGING) or call == "open" or method in ("write_text", "write_bytes"):
            found.append(f"line {line} calls {call}")
    return found


@pytest.mark.parametrize("path", core_files(), ids=lambda path: path.relative_to(CORE).as_posix())
def test_only_the_seam_touches_the_disk_and_the_clock(path: Path) -> None:
    if path.name not in MAY_TOUCH:
        assert faults(path.read_text(), path.name) == []


def test_the_syntax_test_can_fail() -> None:
    bad = "import time\nimport os\nos.unlink('x')\nopen('y')\nPath('z').write_text('')\n"
    assert len(faults(bad, "store.py")) == 4


def test_the_core_knows_no_screen() -> None:
    code = (
        "import sys, fsjob_core, fsjob_core.operator, fsjob_core.monitor, fsjob_core.watch, fsjob_core.worker\n"
        "print([m for m in ('textual', 'rich', 'click', 'humanize', 'fsjob_tui') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_is_shipped_and_typed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert settings["packages"]["find"]["include"] == ["fsjob_core*", "fsjob_tui*"]
    for top in ("fsjob_core", "fsjob_tui"):
        modules = {path.parent for path in (ROOT / top).rglob("*.py")}
        assert all((folder / "__init__.py").exists() for folder in modules), "a folder without one is not shipped"
        assert (ROOT / top / "py.typed").exists()
        assert "py.typed" in settings["package-data"][top]


def test_nothing_else_shows_at_the_top() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    shown = {path.partition("/")[0] for path in listed if not path.startswith(".")}
    assert shown <= {"pyproject.toml", "README.md", "fsjob_core", "fsjob_tui", "tests", "screenshots"}
