"""Values in one flat array, and the operations on them as rows of numbers for :mod:`streamnn.guests.tape_kernel`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from . import tape_kernel as k

f4 = np.float32


class NotKnown(Exception):
    """An operation has no kernel here; says which."""


class View(NamedTuple):
    """Numbers of the flat array."""

    at: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def is_flat(self) -> bool:
        """Whether they lie one after another."""
        return self.steps == steps_of(self.shape)

    def of(self, x: np.ndarray) -> np.ndarray:
        """The numbers themselves, in the array that holds them."""
        steps = tuple(4 * s for s in self.steps)
        return np.lib.stride_tricks.as_strided(x[self.at :], self.shape, steps)

    def spread(self, shape: Sequence[int]) -> View:
        """Broadcast."""
        n = len(shape) - len(self.shape)
        there = zip(shape[n:], self.shape, self.steps, strict=True)
        return View(self.at, tuple(shape), (0,) * n + tuple(0 if m != s else d for s, m, d in there))


class Tape:
    """Operations in the order in which they were written; one that is there already is not written again.

    Examples
    --------
    >>> tape = Tape()
    >>> a, b = tape.fresh((2, 3)), tape.constant(2.0)
    >>> out = tape.each(k.T_MUL, a, b)
    >>> out == tape.each(k.T_MUL, a, b), len(tape.code)
    (True, 1)
    >>> x = tape.array()
    >>> a.of(x)[...] = 1.5
    >>> k.replay(tape.taken(), x)
    >>> out.of(x).tolist()
    [[3.0, 3.0, 3.0], [3.0, 3.0, 3.0]]
    """

    def __init__(self) -> None:
        self.size, self.work = 0, 0
        self.code: list[list[int]] = []
        self.used: set[int] = set()
        self._known: dict[tuple[object, ...], tuple[View, tuple[int, ...]]] = {}
        self._constants: list[tuple[View, np.ndarray]] = []

    def fresh(self, shape: Sequence[int]) -> View:
        """Room for numbers, 0 at first."""
        at, self.size = self.size, self.size + prod(shape)
        return View(at, tuple(shape), steps_of(shape))

    def constant(self, value: np.ndarray | float) -> View:
        """Numbers that stay."""
        a = np.asarray(value, f4)
        key = (a.shape, a.tobytes())
        if key not in self._known:
            self._known[key] = self.fresh(a.shape), ()
            self._constants.append((self._known[key][0], a))
        return self._known[key][0]

    def array(self) -> np.ndarray:
        """The flat array, with what is constant."""
        x = np.zeros(self.size, f4)
        for view, a in self._constants:
            view.of(x)[...] = a
        return x

    def taken(self, but: set[int] | None = None) -> np.ndarray:
        """The code of what has been used since `used` was emptied, less some operations."""
        return np.array([self.code[i] for i in sorted(self.used - (but or set()))], np.int64).reshape(
            -1, k.T_WIDTH
        )

    # operations

    def each(self, op: int, *views: View) -> View:
        """Number by number; inputs are broadcast."""
        shape = np.broadcast_shapes(*(v.shape for v in views))
        return self._written((op, shape, *views), shape, lambda out: self._each(op, out, views))

    def flat(self, view: View) -> View:
        """The same numbers one after another."""
        return view if view.is_flat else self.each(k.T_COPY, view)

    def put(self, shape: Sequence[int], parts: Sequence[tuple[View, View]]) -> View:
        """Zeros but for parts: where they stand in an array of that shape that begins at 0, and what is there."""

        def write(out: View) -> None:
            for place, value in parts:
                self._each(k.T_COPY, View(out.at + place.at, place.shape, place.steps), (value,))

        return self._written(("put", tuple(shape), *parts), shape, write)

    def copy(self, value: View, into: View) -> None:
        """To a place of its own."""
        start = len(self.code)
        self._each(k.T_COPY, into, (value,))
        self.used |= set(range(start, len(self.code)))

    def fold(self, op: int, view: View, dims: Sequence[int], keep: bool) -> View:
        """A sum or an extreme over dimensions."""
        dims = [d % len(view.shape) for d in dims] if view.shape else []
        rest = [d for d in range(len(view.shape)) if d not in dims]
        if not prod(view.shape[d] for d in dims) and op != k.T_SUM:
            raise NotKnown("an extreme of nothing")
        shape = tuple(1 if d in dims else n for d, n in enumerate(view.shape))

        def write(out: View) -> None:
            outer, o, a = _loops(
                2, [view.shape[d] for d in rest], *([v.steps[d] for d in rest] for v in (out, view))
            )
            inner, b = _loops(2, [view.shape[d] for d in dims], [view.steps[d] for d in dims])
            self._write(op, out.at, [*outer, *inner], [*o, 0, 0], (view.at, [*a, *b]))

        out = self._written((op, tuple(dims), view), shape, write)
        if keep:
            return out
        return View(out.at, tuple(shape[d] for d in rest), tuple(out.steps[d] for d in rest))

    def soft(self, op: int, dim: int, *views: View) -> View:
        """What works on rows along a dimension."""
        shape = views[0].shape
        order = [d for d in range(len(shape)) if d != dim % len(shape)]

        def write(out: View) -> None:
            every = [out, *views]
            n, *steps = _loops(3, [shape[d] for d in order], *([v.steps[d] for d in order] for v in every))
            own = [[*s, v.steps[dim]] for s, v in zip(steps, every, strict=True)]
            reads = [(v.at, s) for v, s in zip(views, own[1:], strict=True)]
            self._write(op, out.at, [*n, shape[dim]], own[0], *reads)

        return self._written((op, dim, *views), shape, write)

    def product(self, a: View, b: View, add: View | None = None) -> View:
        """Matrices (..., n, k) times (..., k, m), and what is added."""
        *batch, n, inner = a.shape
        shape = (*batch, n, b.shape[-1])
        if len(batch) > 1:
            raise NotKnown("a product of more than three dimensions")
        c = None if add is None else add.spread(shape)

        def write(out: View) -> None:
            s, t = (v.steps if batch else (0, *v.steps) for v in (a, b))
            reads = [(a.at, [s[0], s[1], 0, s[2]]), (b.at, [t[0], 0, t[2], t[1]])]
            u = () if c is None else c.steps if batch else (0, *c.steps)
            reads.append((-1, [0] * 4) if c is None else (c.at, [*u, 0]))
            loops = [prod(batch), n, shape[-1], inner]
            self._write(k.T_PRODUCT, out.at, loops, [0] * 4, *reads)

        return self._written((k.T_PRODUCT, a, b, c), shape, write)

    def _written(self, key: tuple[object, ...], shape: Sequence[int], write: object) -> View:
        if key not in self._known:
            out, start = self.fresh(shape), len(self.code)
            if prod(shape):
                write(out)  # type: ignore[operator]
            self._known[key] = out, tuple(range(start, len(self.code)))
        out, code = self._known[key]
        self.used.update(code)
        return out

    def _each(self, op: int, out: View, views: Sequence[View]) -> None:
        every = [out, *(v.spread(out.shape) for v in views)]
        n, o, *steps = _loops(4, out.shape, *(v.steps for v in every))
        self._write(op, out.at, n, o, *((v.at, s) for v, s in zip(views, steps, strict=True)))

    def _write(
        self, op: int, at: int, n: Sequence[int], out: Sequence[int], *reads: tuple[int, Sequence[int]]
    ) -> None:
        row = [op, at, *n, *out]
        for begin, steps in reads:
            row += [begin, *steps]
        self.code.append(row + [0] * (k.T_WIDTH - len(row)))
        self.work += prod(n)


def steps_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Of numbers of a shape that lie one after another."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def _loops(most: int, shape: Sequence[int], *steps: Sequence[int]) -> list[list[int]]:
    """Loops over a shape, and the steps of every value in them, so many; neighbours that can be one are one."""
    loops: list[list[int]] = []
    for n, *s in zip(shape, *steps, strict=True):
        if n == 1:
            continue
        if loops and loops[-1][1:] == [d * n for d in s]:
            loops[-1] = [loops[-1][0] * n, *s]
        else:
            loops.append([n, *s])
    if len(loops) > most:
        raise NotKnown(f"a value of {len(shape)} dimensions in another order")
    loops = [[1] + [0] * len(steps)] * (most - len(loops)) + loops
    return [list(column) for column in zip(*loops, strict=True)]
