"""Threads that share a learner take turns."""

from __future__ import annotations

import copy
import inspect
import os
import threading
from collections.abc import Callable
from functools import update_wrapper
from itertools import count
from types import FunctionType
from typing import Any, Self, TypeVar, cast
from weakref import WeakValueDictionary

from ..errors import StateError

FORK_PATIENCE_S = 60.0
"""How long a fork waits for the turn of another thread to end."""

Method = TypeVar("Method", bound=Callable[..., Any])

_ALSO_GUARDED = {"__str__", "__getstate__"}
_number = count()
_alive: WeakValueDictionary[int, Turns] = WeakValueDictionary()
_forking = threading.local()


def without_turn(method: Method) -> Method:
    """Decorator of a method that reaches what is learnt through other methods alone, so it need not be guarded."""
    method.__dict__["takes_no_turn"] = True
    return method


def in_turn(method: Method) -> Method:
    """A method that waits for its turn.

    It is written with the parameters of the method: to hand any on, ``*args, **kwargs``, would take three times as
    long.
    """
    if hasattr(method, "takes_no_turn"):
        return method
    parameters = [
        p.replace(default=p.empty, annotation=p.empty) for p in inspect.signature(method).parameters.values()
    ]
    given = [f"{p.name}={p.name}" if p.kind is p.KEYWORD_ONLY else str(p) for p in parameters]
    me = given[0]
    source = f"""
def make(method):
    def turn{inspect.Signature(parameters)}:
        if {me}._wanted or not {me}._turn.acquire(False):
            {me}._wait()
        try:
            return method({", ".join(given)})
        finally:
            {me}._turn.release()
    return turn
"""
    scope: dict[str, Any] = {}
    # in the method's own module, where doctest looks for it
    exec(compile(source, f"<turn of {method.__qualname__}>", "exec"), method.__globals__, scope)
    made: Any = scope["make"](method)
    update_wrapper(made, method)
    made.__defaults__, made.__kwdefaults__ = method.__defaults__, method.__kwdefaults__
    return cast(Method, made)


class Turns:
    """Base of learners: one thread at a time is in a public method of one, and the others wait for their turn.

    Every function of a class that derives from this and has a public name is guarded, without being marked; whoever
    waits is let in before the thread that was in comes back. Properties are not: each reads one value, and so they
    tell how far a long batch has come.

    A copy or a pickle is of one moment, and takes turns of its own. A fork waits until nobody is in, so that the
    child has a whole learner. What is not left within :data:`FORK_PATIENCE_S` is refused in the child.
    """

    __slots__ = ("__weakref__", "_door", "_turn", "_wanted")
    _turn: Any  # an RLock, or _Torn

    def __new__(cls, *args: Any, **options: Any) -> Self:
        self = super().__new__(cls)
        self._turn = threading.RLock()
        self._renew_door()
        _alive[next(_number)] = self
        return self

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, found in list(vars(cls).items()):
            if isinstance(found, FunctionType) and (name[0] != "_" or name in _ALSO_GUARDED):
                setattr(cls, name, in_turn(found))

    @in_turn
    def __getstate__(self) -> dict[str, Any]:
        # whoever asked writes it down later, while another thread may learn
        return copy.deepcopy(self._kept())

    def _kept(self) -> dict[str, Any]:
        """The attributes that a copy takes over."""
        return self.__dict__

    def _renew_door(self) -> None:
        self._door = threading.RLock()  # who waits for the turn holds it, so that others queue behind
        self._wanted = False  # whether somebody does

    def _wait(self, most_s: float = -1.0) -> bool:
        """Take the turn when those before have had theirs; False if that takes longer."""
        if self._turn._is_owned():  # a method that calls another
            return bool(self._turn.acquire())
        if not self._door.acquire(timeout=most_s):
            return False
        self._wanted = True
        try:
            return bool(self._turn.acquire(timeout=most_s))
        finally:
            self._wanted = False
            self._door.release()


class _Torn:
    """The turn of a learner that another thread was in the midst of changing when the process was forked."""

    def acquire(self, *args: Any, **options: Any) -> bool:
        raise StateError(
            "this process was forked while another thread was at work on this model, which is half done here: "
            f"load a saved state, or fork when no batch takes longer than {FORK_PATIENCE_S:g} s"
        )

    _is_owned = acquire


def _before_fork() -> None:
    _forking.held = [one._turn for one in list(_alive.values()) if one._wait(FORK_PATIENCE_S)]


def _after_fork() -> None:
    for turn in _forking.held:
        turn.release()
    _forking.held = []


def _after_fork_in_child() -> None:
    _after_fork()
    for number, one in list(_alive.items()):
        one._renew_door()
        if one._turn.acquire(blocking=False):
            one._turn.release()
        else:
            one._turn = _Torn()
            del _alive[number]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
