"""How every kernel is compiled: cached, without fastmath (sums keep their order), IEEE division.

Two environment variables, read when streamnn is imported, let a developer look into kernels; the bits stay the same:

- ``STREAMNN_DEBUG=1``: compiled with array bounds checked, and leaves can be called from Python.
- ``NUMBA_DISABLE_JIT=1``: kernels are run by Python, for a debugger; see :mod:`streamnn._kernels.interpreted`.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import numba
from numba import njit

from .files import kept_apart
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

    Parameters that are annotated with a named tuple are handed over field by field, and put together again in
    compiled code: numba takes nine microseconds to tell the type of a tuple of ten arrays, and one for ten arrays.

    While calls are recorded (see :func:`recorded`) nothing is run: the call is written down, and answers 0.
    """

    __slots__ = ("_call", "compiled", "fields")

    def __init__(self, function: Callable[..., Any]) -> None:
        self.compiled, self.fields = _compiled(function, kernel_options), None
        self._call: Callable[..., Any] = self.compiled
        if not (DEBUG or INTERPRETED) and (apart := _take_apart(function)) is not None:
            self.compiled, self.fields = apart
            self._call = eval(f"lambda {_names(function)}: f({', '.join(self.fields)})", {"f": self.compiled})

    def __call__(self, *args: Any) -> Any:
        tape = getattr(_local, "tape", None)
        if tape is None:
            return self._call(*args)
        tape.append((self, args))
        return 0

    def flat(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments as :attr:`compiled` takes them: the fields of named tuples one by one."""
        return args if self.fields is None else tuple(_fields(args))

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
    return _cached(options, function)


def _cached(options: dict[str, Any], function: Callable[..., Any]) -> Any:
    try:
        return kept_apart(njit(**options)(function))
    except RuntimeError:  # it is in no file, beside which it could be cached
        return njit(**{**options, "cache": False})(function)


def _take_apart(function: Callable[..., Any]) -> tuple[Any, list[str]] | None:
    """A kernel whose named tuples are taken apart, and its arguments as expressions; None where it takes none.

    The function in between stands in numba's cache under the name of the kernel itself, beside its source.
    """
    kinds = {name: _tuple_kind(function, name) for name in inspect.signature(function).parameters}
    if not any(kinds.values()):
        return None
    names: list[str] = []  # of the flat function's parameters
    given: list[str] = []  # expressions of what it is given
    scope: dict[str, Any] = {
        "inner": njit(**{**leaf_options, "_nrt": True, "forceinline": True})(function),
    }

    def together(kind: Any, value: str) -> str:
        """Expression that makes a parameter of the kernel from the flat function's."""
        if kind is None:
            names.append(f"a{len(names)}")
            given.append(value)
            return names[-1]
        made = f"{kind.__name__}_{len(scope)}"
        scope[made] = kind
        parts = [together(_tuple_kind(kind, f), f"{value}[{i}]") for i, f in enumerate(kind._fields)]
        return f"{made}({', '.join(parts)})"

    call = ", ".join(together(kind, name) for name, kind in kinds.items())
    source = f"def flat({', '.join(names)}):\n    return inner({call})\n"
    exec(compile(source, function.__code__.co_filename, "exec"), scope)
    flat = scope["flat"]
    flat.__module__, flat.__name__, flat.__qualname__ = (
        function.__module__,
        function.__name__,
        function.__qualname__,
    )
    return _cached({**kernel_options, "_nrt": False}, flat), given


def _tuple_kind(owner: Any, name: str) -> Any:
    """The named tuple that a parameter of a function or a field of a named tuple is annotated with; None if none."""
    annotation = owner.__annotations__.get(name)
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        scope = getattr(owner, "__globals__", None) or sys.modules[owner.__module__].__dict__
        annotation = scope.get(annotation) if annotation.isidentifier() else None
    return annotation if hasattr(annotation, "_fields") else None


def _names(function: Callable[..., Any]) -> str:
    return ", ".join(inspect.signature(function).parameters)


def _fields(args: tuple[Any, ...]) -> Iterator[Any]:
    for a in args:
        if isinstance(a, tuple):
            yield from _fields(a)
        else:
            yield a


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


class Hole:
    """Python code between recorded kernel calls.

    Parameters
    ----------
    run : callable
    name : str
        What it is.
    """

    def __init__(self, run: Callable[[], None], name: str) -> None:
        self.run, self.name = run, name

    def __call__(self) -> None:
        tape = getattr(_local, "tape", None)
        if tape is None:
            self.run()
        else:
            tape.append((self, ()))


Call = tuple[Kernel | Hole, tuple[Any, ...]]
"""What is recorded: a kernel and its arguments, or a hole."""


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Within it, this thread's kernel calls are listed instead of run, and so are holes between them."""
    tape: list[Call] = []
    _local.tape = tape
    try:
        yield tape
    finally:
        _local.tape = None
