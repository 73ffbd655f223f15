"""How every kernel is compiled: cached, without fastmath (sums keep their order), IEEE division."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba import njit

njit_options = {"cache": True, "nogil": True, "error_model": "numpy", "boundscheck": False}
leaf_options = {
    "error_model": "numpy",
    "boundscheck": False,
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
"""For what only kernels call and what makes no array. The kernel is cached and holds it. Without `_nrt` off, each
call would count references to every array it is given, which cost a 64-unit network half its time."""

_local = threading.local()


class Kernel:
    """A compiled function that stages call from Python; the entry points of all compiled code.

    While calls are recorded (see :func:`recorded`) nothing is run: the call is written down, and answers 0.
    """

    __slots__ = ("compiled",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.compiled = njit(**njit_options)(function)

    def __call__(self, *args: Any) -> Any:
        tape = getattr(_local, "tape", None)
        if tape is None:
            return self.compiled(*args)
        tape.append((self, args))
        return 0


def kernel(function: Callable[..., Any]) -> Kernel:
    """Decorator of a function that stages call from Python; what only kernels call is an ``njit(**leaf_options)``."""
    return Kernel(function)


@contextmanager
def recorded() -> Iterator[list[tuple[Kernel, tuple[Any, ...]]]]:
    """Within it, this thread's kernel calls are listed instead of run."""
    tape: list[tuple[Kernel, tuple[Any, ...]]] = []
    _local.tape = tape
    try:
        yield tape
    finally:
        _local.tape = None
