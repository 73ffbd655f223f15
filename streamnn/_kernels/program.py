"""A fixed sequence of kernel calls, run as one."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np

from .calls import block, runner
from .jit import Kernel


class Stop(NamedTuple):
    place: int
    kernel: Kernel


class Program:
    """Recorded kernel calls over fixed arrays, whose contents may change, as one call into compiled code.

    Parameters
    ----------
    calls : list of (Kernel, arguments)
        What :func:`streamnn._kernels.jit.recorded` gave. They hold the arrays that are worked on.
    guards : sequence of Kernel
        A call of one of these that answers other than 0 stops the program behind it.
    """

    def __init__(self, calls: list[tuple[Kernel, tuple[Any, ...]]], guards: tuple[Kernel, ...] = ()) -> None:
        self._calls, self._guards = calls, guards
        self._blocks, table = [], []
        for called, args in calls:
            address, words = block(called, args)
            self._blocks.append(words)
            table.append([address, words.ctypes.data, called in guards])
        self._table = np.array(table, np.uint64).reshape(len(calls), 3)
        self._at, self._run, self._n = int(self._table.ctypes.data), runner(), len(calls)

    def __len__(self) -> int:
        return self._n

    def run(self, first: int = 0) -> Stop | None:
        """Make the calls from `first` on. Returns how many there are, or the place after a guard that stopped."""
        end = self._run(self._at, first, self._n)
        if end < 0:
            self._fail(-1 - end)
        if end == self._n and (
            first == self._n or self._calls[-1][0] not in self._guards or not self._blocks[-1][2]
        ):
            return None
        return Stop(end, self._calls[end - 1][0])

    def answers(self, called: Kernel) -> list[int]:
        """What the calls of a kernel that returns a whole number have answered."""
        found = zip(self._calls, self._blocks, strict=True)
        return [int(words[2].view(np.int64)) for (k, _), words in found if k is called]

    def _fail(self, place: int) -> NoReturn:
        # a kernel raises nothing of its own
        raise MemoryError(f"no memory for kernel {self._calls[place][0].compiled.__name__}")
