"""Kernels run by Python, line by line, with the bits of the compiled ones and every index checked.

With ``NUMBA_DISABLE_JIT=1`` numba compiles nothing, so that a debugger can stop inside a kernel. Plain Python would
not give the same numbers, because numpy and numba disagree on the type of mixed arithmetic: ``np.float32(0.1) * 3.0``
is a float32 to numpy and a float64 to numba. And it would read an index below zero from the end of an array, which
in a kernel is always a mistake.

So a kernel's own code runs, but what it finds under its global names and in its arguments follows numba's rules:
arrays are :class:`Array`, numbers from float32 arrays are :class:`Single`, and ``np``, ``min`` and ``max`` make such
arrays and numbers. Two rules of numba's have no counterpart here. A variable that is a float32 in one branch and a
float64 in another is a float64 in both: a kernel that needs that has to say so with ``np.float64``. And a whole number
that outgrows 64 bits wraps around: a kernel that needs that has to work on ``np.uint64``.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

_take, _put = np.ndarray.__getitem__, np.ndarray.__setitem__


class Single(np.float32):
    """A float32 that becomes a float64 as soon as it meets anything but a float32, as in numba."""

    __slots__ = ()


def _arithmetic(name: str) -> None:
    narrow, wide = getattr(np.float32, name), getattr(np.float64, name)

    def apply(self: Single, other: Any) -> Any:
        if isinstance(other, np.float32):
            return Single(narrow(self, other))
        return wide(np.float64(self), other)

    setattr(Single, name, apply)


def _comparison(name: str) -> None:
    wide = getattr(np.float64, name)
    setattr(Single, name, lambda self, other: wide(np.float64(self), other))


def _sign(name: str) -> None:
    narrow = getattr(np.float32, name)
    setattr(Single, name, lambda self: Single(narrow(self)))


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _arithmetic(f"__{_name}__")
    _arithmetic(f"__r{_name}__")
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    _comparison(f"__{_name}__")
for _name in ("neg", "pos", "abs"):
    _sign(f"__{_name}__")
Single.__hash__ = np.float32.__hash__  # type: ignore[method-assign]


class Array(np.ndarray):
    """What a kernel is given for an array: no index below zero, and numbers as numba has them."""

    def __getitem__(self, at: Any) -> Any:
        _check(at)
        found = _take(self, at)
        return found if type(found) is np.float64 else as_numba(found)

    def __setitem__(self, at: Any, value: Any) -> None:
        _check(at)
        _put(self, at, value)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __str__(self) -> str:
        return str(self.view(np.ndarray))


class Record:
    """One element of a structured array, its fields as attributes."""

    __slots__ = ("_fields",)

    def __init__(self, fields: np.void) -> None:
        object.__setattr__(self, "_fields", fields)

    def __getattr__(self, name: str) -> Any:
        return as_numba(self._fields[name])

    def __setattr__(self, name: str, value: Any) -> None:
        self._fields[name] = value

    def __repr__(self) -> str:
        return f"Record({dict(zip(self._fields.dtype.names, self._fields.tolist(), strict=True))})"


def _check(at: Any) -> None:
    if type(at) is int and at >= 0:
        return
    for i in at if type(at) is tuple else (at,):
        if type(i) is slice:
            _check(tuple(k for k in (i.start, i.stop) if k is not None))
        elif i < 0:
            raise IndexError(f"index {at} is below 0; a kernel counts from the start of an array")


def as_numba(value: Any) -> Any:
    """The value as a kernel would have it: arrays checked, numbers of the types that numba gives them."""
    kind = type(value)
    if kind is np.float32:
        return Single(value)
    if kind is Array or kind is np.float64 or kind is float or kind is int or kind is Single:
        return value
    if kind is np.ndarray:
        return value.view(Array)
    if kind is np.void:
        return Record(value)
    if isinstance(value, np.integer):
        return value if kind is np.uint64 else int(value)  # numba computes in 64 bits
    if isinstance(value, tuple):
        items = map(as_numba, value)
        return kind(*items) if hasattr(value, "_fields") else kind(items)
    return value


def _unify(args: tuple[Any, ...]) -> tuple[Any, ...]:
    # numba picks one type for all
    if len({type(a) for a in args}) == 1 or not any(isinstance(a, (float, np.float32)) for a in args):
        return args
    return tuple(map(np.float64, args))


def _larger(*args: Any) -> Any:
    return max(*_unify(args))


def _smaller(*args: Any) -> Any:
    return min(*_unify(args))


class _Module:
    """A module as kernels see it."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = _inside(getattr(self._module, name))
        setattr(self, name, found)
        return found


class _Numpy:
    """`numpy` as kernels see it."""

    float32 = Single

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found
        if isinstance(found, np.ufunc):

            def call(*args: Any) -> Any:
                return as_numba(found(*_unify(args)))
        else:

            def call(*args: Any) -> Any:
                return as_numba(found(*args))

        setattr(self, name, call)
        return call


_numpy = _Numpy()
_scopes: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}  # by the identity of a module's names


def _scope(names: dict[str, Any]) -> dict[str, Any]:
    # what the global names of a module are to its kernels
    if id(names) not in _scopes:
        found: dict[str, Any] = {"min": _smaller, "max": _larger}
        _scopes[id(names)] = names, found  # before it is filled: functions of one module call each other
        found |= {k: v if k.startswith("__") else _inside(v) for k, v in names.items()}
    return _scopes[id(names)][1]


def _inside(value: Any) -> Any:
    # what stands for a global name in a kernel
    if value is np:
        return _numpy
    if value is np.float32:
        return Single
    if isinstance(value, types.ModuleType):
        return _Module(value)
    if isinstance(value, Interpreted):
        return value.inner
    if isinstance(value, (np.generic, np.ndarray, tuple)):
        return as_numba(value)
    return value


def _as_python(answer: Any) -> Any:
    # what numba hands back to Python
    if isinstance(answer, tuple):
        return tuple(map(_as_python, answer))
    return answer.item() if isinstance(answer, np.generic) else answer


class Interpreted:
    """A kernel, or a function that kernels call, run by Python.

    Parameters
    ----------
    function : callable
        As it is written.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__, self.__module__, self.__doc__ = (
            function.__name__,
            function.__module__,
            function.__doc__,
        )
        self._inner: Callable[..., Any] | None = None

    @property
    def inner(self) -> Callable[..., Any]:
        """The same code with numba's rules, for arguments that follow them."""
        if self._inner is None:  # at the first call, when its module is complete
            f = self.function
            assert isinstance(f, types.FunctionType)
            inner = types.FunctionType(
                f.__code__, _scope(f.__globals__), f.__name__, f.__defaults__, f.__closure__
            )
            self._inner = inner
        return self._inner

    def __call__(self, *args: Any) -> Any:
        with np.errstate(all="ignore"):
            answer = self.inner(*map(as_numba, args))
        return _as_python(answer)
