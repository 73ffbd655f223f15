"""Operations that only move numbers, or join two values number by number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from .codes import A0, ADD, COPY, GATHER, IN, MULTIPLY, OUT, SIZE_OUT
from .plan import PlanBuilder, Value
from .products import add_product, add_row, clear, copy_row


def add(b: PlanBuilder, x: Value, y: Value) -> Value:
    """The sum of two values of one shape.

    Raises
    ------
    SpecError
        If their shapes differ.

    Examples
    --------
    >>> b = PlanBuilder((3,))
    >>> add(b, b.input, b.input).shape
    (3,)
    """
    return _joined(b, ADD, "Add", x, y)


def multiplied(b: PlanBuilder, x: Value, y: Value) -> Value:
    """The product, number by number, of two values of one shape.

    Raises
    ------
    SpecError
        If their shapes differ.
    """
    return _joined(b, MULTIPLY, "Multiply", x, y)


def concatenated(b: PlanBuilder, values: Sequence[Value]) -> Value:
    """Values one after another along their first axis.

    Raises
    ------
    SpecError
        If they differ in another axis.

    Examples
    --------
    >>> b = PlanBuilder((3, 2))
    >>> concatenated(b, [b.input.part(2, 3), b.input]).shape
    (4, 2)
    """
    inner = values[0].shape[1:]
    if any(v.shape[1:] != inner for v in values):
        shapes = " and ".join(str(v.shape) for v in values)
        raise SpecError(
            f"values of shapes {shapes} cannot be concatenated: they must agree but for the first axis"
        )
    out = b.value(sum(v.shape[0] for v in values), *inner)
    at = 0
    for v in values:
        b.op(COPY, f"Copy{v.shape}", v, out.part(at, at + v.shape[0]))
        at += v.shape[0]
    return out


def gathered(b: PlanBuilder, x: Value, index: np.ndarray, shape: tuple[int, ...]) -> Value:
    """The numbers of a value in another order: a transpose, flip, slice, shuffle, repetition.

    Parameters
    ----------
    index : ndarray of int
        For each number of the result, in row-major order, its place among those of `x`; some may be left out, others
        taken more than once.
    shape : tuple of int
        Of the result.

    Raises
    ------
    SpecError
        If the index has not as many entries as the shape, or one lies outside `x`.

    Examples
    --------
    >>> b = PlanBuilder((2, 3))
    >>> gathered(b, b.input, np.arange(6).reshape(2, 3).T, (3, 2)).shape
    (3, 2)
    """
    index = np.asarray(index, np.int64).ravel()
    out = b.value(*shape)
    if len(index) != out.size or (len(index) and not 0 <= index.min() <= index.max() < x.size):
        raise SpecError(
            f"an index of {len(index)} entries gathers no value of shape {shape} from one of {x.shape}"
        )
    return b.op(GATHER, f"Gather({x.shape} -> {shape})", x, out, more=(b.whole(index),))


def _joined(b: PlanBuilder, code: int, word: str, x: Value, y: Value) -> Value:
    if x.shape != y.shape:
        raise SpecError(
            f"values of shapes {x.shape} and {y.shape} cannot be joined number by number: make them alike"
        )
    return b.op(code, f"{word}{x.shape}", x, b.value(*x.shape), more=(y.at,))


@leaf
def forward_add(i, plan, learnt, scratch, training):
    """out = x + y."""
    o, n, z = plan.ops[i, OUT], plan.ops[i, SIZE_OUT], scratch.z
    copy_row(z, o, z, plan.ops[i, IN], n)
    add_row(z, o, z, plan.ops[i, A0], n)


@leaf
def backward_add(i, plan, learnt, scratch):
    """Both get the gradient of the sum."""
    o, n, d = plan.ops[i, OUT], plan.ops[i, SIZE_OUT], scratch.d
    add_row(d, plan.ops[i, IN], d, o, n)
    add_row(d, plan.ops[i, A0], d, o, n)


@leaf
def forward_multiply(i, plan, learnt, scratch, training):
    """out = x y."""
    o, n, z = plan.ops[i, OUT], plan.ops[i, SIZE_OUT], scratch.z
    clear(z, o, n)
    add_product(z, o, z, plan.ops[i, IN], z, plan.ops[i, A0], n)


@leaf
def backward_multiply(i, plan, learnt, scratch):
    """Each gets the gradient of the product times the other."""
    x, y, o, n = plan.ops[i, IN], plan.ops[i, A0], plan.ops[i, OUT], plan.ops[i, SIZE_OUT]
    add_product(scratch.d, x, scratch.d, o, scratch.z, y, n)
    add_product(scratch.d, y, scratch.d, o, scratch.z, x, n)


@leaf
def forward_copy(i, plan, learnt, scratch, training):
    """out = x."""
    copy_row(scratch.z, plan.ops[i, OUT], scratch.z, plan.ops[i, IN], plan.ops[i, SIZE_OUT])


@leaf
def backward_copy(i, plan, learnt, scratch):
    """The gradient goes back as it is."""
    add_row(scratch.d, plan.ops[i, IN], scratch.d, plan.ops[i, OUT], plan.ops[i, SIZE_OUT])


@leaf
def forward_gather(i, plan, learnt, scratch, training):
    """out[j] = x[index[j]]."""
    x, o, at, z = plan.ops[i, IN], plan.ops[i, OUT], plan.ops[i, A0], scratch.z
    for j in range(plan.ops[i, SIZE_OUT]):
        z[o + j] = z[x + plan.whole[at + j]]


@leaf
def backward_gather(i, plan, learnt, scratch):
    """Each number gets the gradients of all places that it went to."""
    x, o, at, d = plan.ops[i, IN], plan.ops[i, OUT], plan.ops[i, A0], scratch.d
    for j in range(plan.ops[i, SIZE_OUT]):
        d[x + plan.whole[at + j]] += d[o + j]
