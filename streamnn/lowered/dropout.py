"""Dropout: while it learns, a network leaves out numbers by chance (Srivastava et al. 2014)."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from .arrays import DRAWS
from .codes import DROPOUT, IN, KEPT, OUT, SIZE_IN
from .plan import PlanBuilder, Value

f4, u8 = np.float32, np.uint64


def dropout(b: PlanBuilder, x: Value, p: float) -> Value:
    """Each number is 0 with probability `p` while the network learns, and 1 / (1 - p) times itself otherwise.

    Which ones is a hash of how many were drawn before, so that the state is one counter. torch draws others.

    Parameters
    ----------
    b : PlanBuilder
    x : Value
    p : float

    Returns
    -------
    Value, the shape of `x`

    Raises
    ------
    SpecError
        When `p` is no probability.
    """
    if not 0.0 <= p <= 1.0:
        raise SpecError(f"dropout of {p!r}: allowed is 0 to 1")
    return b.op(DROPOUT, f"Dropout({p:g})", x, b.value(*x.shape), reals=[p], kept=x.size)


@leaf
def uniform(n):
    """float32 number in [0, 1) that belongs to a counter, by splitmix64 (Steele, Lea and Flood 2014)."""
    v = u8(n) * u8(0x9E3779B97F4A7C15)
    v = (v ^ (v >> u8(30))) * u8(0xBF58476D1CE4E5B9)
    v = (v ^ (v >> u8(27))) * u8(0x94D049BB133111EB)
    v = v ^ (v >> u8(31))
    return f4(np.int64(v >> u8(40))) * f4(2.0**-24)


@leaf
def forward_dropout(i, plan, learnt, scratch, training):
    """Values; what is kept are the factors."""
    ops, p = plan.ops, plan.reals[i, 0]
    n, x, y, k = ops[i, SIZE_IN], ops[i, IN], ops[i, OUT], ops[i, KEPT]
    kept, drawn = f4(1.0) / (f4(1.0) - p) if p < f4(1.0) else f4(0.0), learnt.count[DRAWS]
    for j in range(n):
        factor = f4(1.0)
        if training:
            factor = kept if uniform(drawn + j) >= p else f4(0.0)
        scratch.kept[k + j] = factor
        scratch.z[y + j] = factor * scratch.z[x + j]
    if training:
        learnt.count[DRAWS] += n


@leaf
def backward_dropout(i, plan, learnt, scratch):
    """Gradients of what was not left out."""
    ops, d = plan.ops, scratch.d
    x, y, k = ops[i, IN], ops[i, OUT], ops[i, KEPT]
    for j in range(ops[i, SIZE_IN]):
        d[x + j] += scratch.kept[k + j] * d[y + j]
