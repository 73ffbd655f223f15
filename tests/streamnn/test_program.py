"""Kernel calls as a program: the same arguments, answers and guards as calls from Python."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from streamnn._kernels.jit import kernel, recorded
from streamnn._kernels.program import Program, Stop


class Pair(NamedTuple):
    whole: np.ndarray
    real: np.ndarray


@kernel
def every_kind(flag, whole, small, real, single, table, records, pair, bools):
    if flag:
        table[1, 2] += real * whole + single
    records[1].a += small
    pair.whole[0] += 1
    pair.real[2] -= 0.5
    bools[0] = not bools[0]


@kernel
def count(a):
    a[0] += 1
    return a[0] // 3


def arrays():
    table = np.arange(12.0).reshape(3, 4)
    records = np.zeros(2, np.dtype([("b", np.int8), ("a", np.float64)], align=True))
    pair = Pair(np.zeros(2, np.int32), np.ones(5, np.float32)[::2])
    return table, records, pair, np.zeros(1, np.bool_)


@pytest.mark.parametrize("flag", [True, False])
def test_it_gives_every_kind_of_argument(flag):
    called, programmed = arrays(), arrays()
    head = (flag, -7, np.int8(-3), 2.5, np.float32(0.125))
    for _ in range(3):
        every_kind(*head, *called)
    with recorded() as calls:
        assert every_kind(*head, *programmed) == 0
    assert programmed[0][1, 2] == 6.0  # nothing was run
    program = Program(calls)
    for _ in range(3):
        assert program.run() is None
    for a, b in zip(called, programmed, strict=True):
        for u, v in zip(a, b, strict=True):
            assert np.array_equal(u, v)
    assert called[0][1, 2] == (6.0 - 3 * 17.375 if flag else 6.0)


def test_guards_stop_it_and_it_goes_on():
    a, b = np.zeros(1, np.int64), np.zeros(1, np.int64)
    with recorded() as calls:
        count(a), every_kind(False, 0, np.int8(1), 0.0, np.float32(0), *arrays()), count(b), count(b)
    assert Program(calls).run() is None
    program = Program(calls, (count,))
    a[0], b[0] = 2, 0
    assert program.run() == Stop(1, count) and (a[0], b[0]) == (3, 0)
    assert program.run(1) is None and (a[0], b[0]) == (3, 2)
    assert program.answers(count) == [1, 0, 0]


def test_a_guard_that_is_the_last_call_is_heard():
    a = np.zeros(1, np.int64)
    with recorded() as calls:
        every_kind(False, 0, np.int8(1), 0.0, np.float32(0), *arrays()), count(a)
    program = Program(calls, (count,))
    assert program.run() is None and program.run() is None
    stop = program.run()
    assert stop == Stop(2, count) and a[0] == 3
    assert program.run(stop.place) is None and a[0] == 3  # no call is left


def test_recording_ends_with_its_block():
    a = np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="given up"), recorded():
        raise ValueError("given up")
    count(a)
    assert a[0] == 1
