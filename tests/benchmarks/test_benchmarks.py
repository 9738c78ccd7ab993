"""Each benchmark runs at a tiny size and prints one JSON line that begins with its ratio. No time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ..conftest import ROOT
from .picture import curves, draw

TINY = {
    "lifecycle": {"JOBS": "3", "CHUNKS": "2"},
    "peers": {"JOBS": "2", "CHUNKS": "1"},
    "scaling": {"JOBS": "3", "ROUNDS": "1", "PROCESSES": "1,2"},
    "backlog": {"SIZES": "20,40", "JOBS": "4", "PROCESSES": "2"},
    "durable": {"ROUNDS": "2", "BATCH": "3"},
    "startup": {"RUNS": "1"},
    "console": {"SIZES": "30,1234", "IDLE": "0.2", "PAGES": "1", "CHANGES": "50"},
}


@pytest.mark.parametrize("name", TINY)
def test_it_prints_one_line_ratio_first(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **TINY[name]}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert next(iter(result)) == "ratio" and {"what", "cores", "kernel", "file_system", "python"} <= result.keys()


def test_the_picture_is_made_of_the_lines_of_backlog() -> None:
    line = {
        "microseconds": {"1000": {"whole_job_processor": 390.0}, "1000000": {"whole_job_processor": 395.0}},
        "peers_processor_microseconds": {"<slow> & old": {"1000": 50.0, "100000": 5000.0}},
    }
    picture = ET.fromstring(draw(curves([line]), "note"))
    names = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"fsjob", "<slow> & old", "1,000,000", "10 ms"} <= set(names)
