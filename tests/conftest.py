"""What all tests share: the real Node package, sizes, and tools that must not be missing in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsjob_core import host

ROOT = Path(__file__).parents[1]
NODE = ROOT / "tests" / "node"
STRICT = bool(os.environ.get("FSJOB_STRICT"))
"""In CI a missing tool is a failure, not a skip."""


def scale(small: int, large: int) -> int:
    """How large a sweep is: small, or large where FSJOB_SCALE=large asks for it."""
    return large if os.environ.get("FSJOB_SCALE") == "large" else small


def need(tool: str) -> str:
    """The path of a tool; the test is skipped, and says so, where it is missing."""
    found = shutil.which(tool)
    if found is not None:
        return found
    message = f"{tool} is not installed"
    if STRICT:
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session", autouse=True)
def nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither read nor write the settings of whoever runs them."""
    before = {name: os.environ.get(name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    os.environ.update({name: str(tmp_path_factory.mktemp(name.lower())) for name in before})
    yield
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(autouse=True)
def no_guard_is_kept() -> Iterator[None]:
    """A process keeps the guard of each store open; that of the tests has thousands of stores."""
    yield
    host._guards.forget()


@pytest.fixture(scope="session")
def node_driver() -> Callable[..., list[str]]:
    """The command line of the real fs-job-store, through a `script` beside it; installs it once."""
    node = need("node")
    if not (NODE / "node_modules" / "fs-job-store").is_dir():
        npm = need("npm")
        done = subprocess.run([npm, "install", "--no-audit", "--no-fund"], cwd=NODE, capture_output=True, text=True)
        if done.returncode:
            message = f"npm cannot install fs-job-store: {done.stderr.strip()[-300:]}"
            pytest.fail(message) if STRICT else pytest.skip(message)
    return lambda *arguments, script="driver.js": [node, str(NODE / script), *arguments]
