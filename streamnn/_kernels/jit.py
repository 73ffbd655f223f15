"""How every kernel is compiled: cached, without fastmath (sums keep their order), IEEE division.

Two environment variables, read when streamnn is imported, let a developer look into kernels; the bits stay the same:

- ``STREAMNN_DEBUG=1``: compiled with array bounds checked, and leaves can be called from Python.
- ``NUMBA_DISABLE_JIT=1``: kernels are run by Python, for a debugger; see :mod:`streamnn._kernels.interpreted`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import numba
from numba import njit

from .interpreted import Interpreted

DEBUG = os.environ.get("STREAMNN_DEBUG", "0") not in ("", "0")
INTERPRETED = bool(numba.config.DISABLE_JIT)

kernel_options = {"cache": True, "nogil": True, "error_model": "numpy", "boundscheck": DEBUG}
leaf_options = {
    "error_model": "numpy",
    "boundscheck": DEBUG,
    "_nrt": False,
    "no_cpython_wrapper": not DEBUG,
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
        self.compiled = _compiled(function, kernel_options)

    def __call__(self, *args: Any) -> Any:
        tape = getattr(_local, "tape", None)
        if tape is None:
            return self.compiled(*args)
        tape.append((self, args))
        return 0

    def __repr__(self) -> str:
        return f"<kernel {self.name}>"

    @property
    def name(self) -> str:
        """Module and function, as a debugger takes them."""
        f = self.compiled
        return f"{f.__module__}.{f.__name__}"

    def is_cached(self) -> bool:
        """Whether its machine code is on this computer already; True where nothing is compiled.

        numba is asked for its own index, which alone knows whether the code is of these sources, of this version of
        numba and for this processor.
        """
        index = getattr(getattr(self.compiled, "_cache", None), "_cache_file", None)
        return index is None or bool(index._load_index())


def _compiled(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    if INTERPRETED:
        return Interpreted(function)
    if DEBUG:  # numba names a file of its cache after the function, and after no option
        function.__qualname__ = f"debug.{function.__qualname__}"
    return njit(**options)(function)


def kernel(function: Callable[..., Any]) -> Kernel:
    """Decorator of a function that stages call from Python."""
    return Kernel(function)


def leaf(function: Callable[..., Any] | None = None, *, inline: bool = False) -> Any:
    """Decorator of a function that only kernels call, and that makes no array.

    A call from Python is a TypeError, or is made if ``STREAMNN_DEBUG=1`` is set.

    Parameters
    ----------
    inline : bool
        The compiler puts its code wherever it is called, however long it is.
    """
    if function is None:
        return partial(leaf, inline=inline)
    compiled = _compiled(function, leaf_options | ({"forceinline": True} if inline else {}))
    if not (DEBUG or INTERPRETED):
        dispatcher: Any = type(compiled)
        compiled.__class__ = _refusing(dispatcher)
    return compiled


def callable_leaf(function: Callable[..., Any]) -> Any:
    """Decorator of a function that kernels and Python call."""
    return _compiled(function, kernel_options)


@cache
def _refusing(dispatcher: Any) -> Any:
    # numba's class, less the call from Python: there is no machine code for that, and the interpreter would crash
    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{self.__module__}.{self.__name__} is compiled for kernels only: to call it from Python, "
            "set the environment variable STREAMNN_DEBUG=1 before streamnn is imported"
        )

    return type("Leaf", (dispatcher,), {"__call__": refuse})


@contextmanager
def recorded() -> Iterator[list[tuple[Kernel, tuple[Any, ...]]]]:
    """Within it, this thread's kernel calls are listed instead of run."""
    tape: list[tuple[Kernel, tuple[Any, ...]]] = []
    _local.tape = tape
    try:
        yield tape
    finally:
        _local.tape = None
