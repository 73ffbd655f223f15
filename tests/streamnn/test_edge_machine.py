"""The machine invariant of students: state and artefacts have the same bits whatever CPU and libraries there are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamnn.checks import MACHINES

_RUN = """
import sys
from dataclasses import replace
sys.path.insert(0, {folder!r})
from test_edge_student import N, OPTIONS, Pool, feed, log, streams
from streamnn.edge.student import Student
from streamnn.state import state_hash
op, ticket = log(N, 30)
for classify, network, weights in (
    (True, "spline", 8), (True, "spline", 4), (True, "sign", 8), (True, "ternary", 8), (True, "binary", 8),
    (False, "spline", 8), (False, "sign", 8),
):
    columns, y = streams(classify)
    student = Student(classify, replace(OPTIONS, network=network, weights=weights, history=True))
    feed(student, Pool(y, classify), columns, op, ticket, 400)
    print(state_hash(*student.state_dict()))
"""


def hashes(**env: str) -> list[str]:
    code = _RUN.format(folder=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.fixture(scope="module")
def native() -> list[str]:
    found = hashes()
    assert len(set(found)) == 7
    return found


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_same_bits_on_another_machine(machine: str, native: list[str]) -> None:
    assert hashes(**MACHINES[machine]) == native
