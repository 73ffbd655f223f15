"""What a network computes, as a table of operations that one compiled loop can follow. No torch here.

A sample goes through the operations in their order. All values lie in one flat array, float32; an operation reads a
piece of it and writes another. There is no batch axis: a kernel goes through one sample after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from ..errors import SpecError
from .codes import A0, BIAS_AT, CODE, IN, KEPT, OP_WIDTH, OUT, REAL_WIDTH, SIZE_IN, SIZE_OUT, WEIGHT_AT

f4 = np.float32


class Value(NamedTuple):
    """A contiguous piece of the values: where it begins, and its shape for one sample, in row-major order."""

    at: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Numbers in it."""
        return prod(self.shape)

    def part(self, start: int, stop: int) -> Value:
        """Entries `start` .. `stop` - 1 of the first axis."""
        inner = prod(self.shape[1:])
        return Value(self.at + start * inner, (stop - start, *self.shape[1:]))

    def reshaped(self, *shape: int) -> Value:
        """The same numbers in another shape of as many."""
        if prod(shape) != self.size:
            raise SpecError(f"a value of shape {self.shape} has not the numbers of shape {shape}")
        return Value(self.at, shape)


class Leaf(NamedTuple):
    """A parameter: its name and shape as its owner knows it, and how it lies among the flat parameters.

    What lies there is ``array.reshape(split).transpose(axes).ravel()``.
    """

    name: str
    shape: tuple[int, ...]
    at: int
    split: tuple[int, ...]
    axes: tuple[int, ...]


class PlanArrays(NamedTuple):
    """A plan as kernels take it."""

    ops: np.ndarray  # (operations, OP_WIDTH), int64
    reals: np.ndarray  # (operations, REAL_WIDTH), float32
    whole: np.ndarray  # int64: tables of whole numbers that never change
    fixed: np.ndarray  # float32: numbers that never change


@dataclass(frozen=True)
class Plan:
    """A network as a table of operations, with the weights that it starts from.

    Parameters
    ----------
    arrays : PlanArrays
    leaves : tuple of Leaf
        Parameters, in the order in which their owner lists them.
    weights : ndarray of float32
        Flat: what the parameters start from.
    slow, counters : ndarray of float32, ndarray of int64
        What learned shuffles and groupings start from (:mod:`streamnn.permutations`): no optimiser touches these.
    input, output, latent : Value
        What a sample is written to, what comes out, and the layer whose values are the ground of surprise.
    values, kept : int
        How many numbers all values take, and what operations keep between their way forward and back.
    words : tuple of str
        Every operation in words, for :func:`explain`.
    """

    arrays: PlanArrays
    leaves: tuple[Leaf, ...]
    weights: np.ndarray
    slow: np.ndarray
    counters: np.ndarray
    input: Value
    output: Value
    latent: Value
    values: int
    kept: int
    words: tuple[str, ...]

    def named(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Flat numbers, one a parameter (weights or an optimiser's moments), as arrays by name. Copies."""
        out = {}
        for leaf in self.leaves:
            moved = tuple(leaf.split[a] for a in leaf.axes)
            piece = flat[leaf.at : leaf.at + prod(leaf.shape)].reshape(moved)
            out[leaf.name] = piece.transpose(np.argsort(leaf.axes)).reshape(leaf.shape).copy()
        return out

    def flat(self, named: Mapping[str, np.ndarray]) -> np.ndarray:
        """The inverse of :meth:`named`."""
        out = np.zeros(len(self.weights), f4)
        for leaf in self.leaves:
            out[leaf.at : leaf.at + prod(leaf.shape)] = _laid(named[leaf.name], leaf.split, leaf.axes)
        return out


def _laid(array: np.ndarray, split: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    return np.asarray(array, f4).reshape(split).transpose(axes).ravel()


class PlanBuilder:
    """Writes a plan, operation by operation.

    Layers are functions that take a builder and a value and return a value; see :mod:`streamnn.lowered.dense` and its
    neighbours.

    Parameters
    ----------
    shape : tuple of int
        Of a sample: (inputs,), or (window, inputs).

    Examples
    --------
    >>> from streamnn.lowered.dense import linear
    >>> b = PlanBuilder((2,))
    >>> y = linear(b, b.input, "out", np.ones((3, 2), np.float32), np.zeros(3, np.float32))
    >>> plan = b.finish(y, latent=b.input)
    >>> plan.words, sorted(plan.named(plan.weights))
    (('Linear(2 -> 3)',), ['out.bias', 'out.weight'])
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._ops: list[np.ndarray] = []
        self._reals: list[np.ndarray] = []
        self._words: list[str] = []
        self._leaves: list[Leaf] = []
        self._weights: list[np.ndarray] = []
        self._whole: list[np.ndarray] = []
        self._fixed: list[np.ndarray] = []
        self._slow: list[np.ndarray] = []
        self._counters: list[np.ndarray] = []
        self._values = 0
        self._kept = 0
        self.input = self.value(*shape)

    def value(self, *shape: int) -> Value:
        """Room for a value."""
        at, self._values = self._values, self._values + prod(shape)
        return Value(at, shape)

    def parameter(
        self,
        name: str,
        array: np.ndarray,
        split: tuple[int, ...] = (),
        axes: tuple[int, ...] = (),
    ) -> int:
        """A parameter that is learnt; where it begins. See :class:`Leaf` for `split` and `axes`; as it is if not given."""
        array = np.asarray(array, f4)
        split = split or array.shape
        axes = axes or tuple(range(len(split)))
        at = sum(map(len, self._weights))
        self._leaves.append(Leaf(name, array.shape, at, split, axes))
        self._weights.append(_laid(array, split, axes))
        return at

    def fixed(self, array: np.ndarray) -> int:
        """Numbers that are not learnt; where they begin."""
        return _append(self._fixed, np.asarray(array, f4).ravel())

    def whole(self, array: np.ndarray) -> int:
        """Whole numbers that are not learnt; where they begin."""
        return _append(self._whole, np.asarray(array, np.int64).ravel())

    def slow(self, array: np.ndarray) -> int:
        """Numbers that are learnt, and not by an optimiser; where they begin."""
        return _append(self._slow, np.asarray(array, f4).ravel())

    def counters(self, array: np.ndarray) -> int:
        """Whole numbers that change; where they begin."""
        return _append(self._counters, np.asarray(array, np.int64).ravel())

    def op(
        self,
        code: int,
        words: str,
        reads: Value,
        writes: Value,
        weight: int = -1,
        bias: int = -1,
        more: Sequence[int] = (),
        reals: Sequence[float] = (),
        kept: int = 0,
    ) -> Value:
        """An operation; returns what it writes. `more` are the columns from A0 on, `kept` how much it keeps."""
        row = np.zeros(OP_WIDTH, np.int64)
        row[CODE], row[IN], row[SIZE_IN] = code, reads.at, reads.size
        row[OUT], row[SIZE_OUT], row[KEPT] = writes.at, writes.size, self._kept
        row[WEIGHT_AT], row[BIAS_AT] = weight, bias
        row[A0 : A0 + len(more)] = more
        numbers = np.zeros(REAL_WIDTH, f4)
        numbers[: len(reals)] = reals
        self._kept += kept
        self._ops.append(row)
        self._reals.append(numbers)
        self._words.append(words)
        return writes

    def finish(self, output: Value, latent: Value) -> Plan:
        """The plan."""
        arrays = PlanArrays(
            np.array(self._ops, np.int64).reshape(-1, OP_WIDTH),
            np.array(self._reals, f4).reshape(-1, REAL_WIDTH),
            _joined(self._whole, np.int64),
            _joined(self._fixed, f4),
        )
        return Plan(
            arrays,
            tuple(self._leaves),
            _joined(self._weights, f4),
            _joined(self._slow, f4),
            _joined(self._counters, np.int64),
            self.input,
            output,
            latent,
            self._values,
            self._kept,
            tuple(self._words),
        )


def _append(pieces: list[np.ndarray], piece: np.ndarray) -> int:
    at = sum(map(len, pieces))
    pieces.append(piece)
    return at


def _joined(pieces: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype)
