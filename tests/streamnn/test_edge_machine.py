"""The machine invariant of students: state and artefacts have the same bits whatever CPU and libraries there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_helpers import printed

from streamnn.checks import MACHINES

_RUN = f"""
import sys
from dataclasses import replace
sys.path.insert(0, {str(Path(__file__).parent)!r})
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


@pytest.fixture(scope="module")
def native() -> list[str]:
    found = printed(_RUN)
    assert len(set(found)) == 7
    return found


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_same_bits_on_another_machine(machine: str, native: list[str]) -> None:
    assert printed(_RUN, **MACHINES[machine]) == native
