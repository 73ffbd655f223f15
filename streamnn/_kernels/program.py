"""A fixed sequence of kernel calls, run as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, NoReturn

import numpy as np

from .calls import block, runner
from .jit import DEBUG, INTERPRETED, Call, Hole, Kernel

_NO_WORDS = np.zeros(3, np.uint64)
"""In the place of a hole's arguments."""


class Stop(NamedTuple):
    """Where a guard has stopped a program.

    Parameters
    ----------
    place : int
        The call to go on with; as many as there are calls if the last one stopped.
    kernel : Kernel
        The guard.
    """

    place: int
    kernel: Kernel


class Program:
    """Recorded kernel calls over fixed arrays, whose contents may change, as one call into compiled code.

    A kernel called from Python takes some forty times as long as its work on one event, because numba looks at the
    type of every argument at every call. Here that is done once; see :mod:`streamnn._kernels.calls`. While kernels
    are looked into, the calls are made from Python, so that what goes wrong in one is raised as it is.

    Parameters
    ----------
    calls : list of Call
        What :func:`streamnn._kernels.jit.recorded` gave. They hold the arrays that are worked on. At a hole the
        program is left, and gone on with after it.
    guards : sequence of Kernel
        A call of one of these that answers other than 0 stops the program behind it.
    """

    def __init__(self, calls: list[Call], guards: tuple[Kernel, ...] = ()) -> None:
        self._calls, self._guards, self._n = calls, guards, len(calls)
        self._blocks: list[np.ndarray] = []
        self._holes = [i for i, (called, _) in enumerate(calls) if isinstance(called, Hole)]
        self._run: Callable[[int, int, int], int]
        self._address = 0
        if DEBUG or INTERPRETED:
            self._answers = [0] * len(calls)
            self._run = self._replay
            return
        table = []
        for called, args in calls:
            if isinstance(called, Hole):
                self._blocks.append(_NO_WORDS)
                table.append([0, 0, False])
                continue
            address, words = block(called, args)
            self._blocks.append(words)
            table.append([address, words.ctypes.data, called in guards])
        self._table = np.array(table, np.uint64).reshape(len(calls), 3)
        self._address, self._run = int(self._table.ctypes.data), runner()

    def __len__(self) -> int:
        return self._n

    def run(self, first: int = 0) -> Stop | None:
        """Make the calls from `first` on. Returns which guard stopped it, or None if none did."""
        end = 0
        for place in self._holes:
            if first <= place:
                end = self._run(self._address, first, place)
                if end:
                    break
                self._calls[place][0]()
                first = place + 1
        if end == 0:
            end = self._run(self._address, first, self._n)
        if end == 0:
            return None
        if end < 0:
            self._fail(-1 - end)
        guard = self._calls[end - 1][0]
        assert isinstance(guard, Kernel)
        return Stop(end, guard)

    def answers(self, called: Kernel) -> list[int]:
        """What the calls of a kernel that returns a whole number have answered."""
        if DEBUG or INTERPRETED:
            found = self._answers
        else:
            found = [int(words[2].view(np.int64)) for words in self._blocks]
        return [answer for (k, _), answer in zip(self._calls, found, strict=True) if k is called]

    def _replay(self, _: int, first: int, stop: int) -> int:
        # as the compiled runner
        for i in range(first, stop):
            called, args = self._calls[i]
            answer = called(*args)
            self._answers[i] = 0 if answer is None else answer
            if called in self._guards and answer:
                return i + 1
        return 0

    def _fail(self, place: int) -> NoReturn:
        # a kernel raises nothing of its own
        raise MemoryError(f"no memory for kernel {self._calls[place][0].name}")
