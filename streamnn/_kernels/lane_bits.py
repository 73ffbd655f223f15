"""Lanes by their bit patterns: powers of two, for normalisation and steps without a multiplier."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from .lanes import _FV, _IV, _ints, _or_numpy, lanes


def nearest_power(v: np.ndarray) -> np.ndarray:
    """AP2 of Courbariaux et al. (2016): the power of two whose logarithm is nearest, with the sign of `v`; 0 stays 0.

    Parameters
    ----------
    v : ndarray of float32
        Finite numbers, none of them denormal.

    Examples
    --------
    >>> import numpy as np
    >>> nearest_power(np.array([3.0, 2.8, -0.3, 1.0, 0.0], np.float32)).tolist()
    [4.0, 2.0, -0.25, 1.0, 0.0]
    """
    scaled = np.asarray(v, np.float32) * np.float32(1.4142135)
    out: np.ndarray = (scaled.view(np.int32) & np.int32(-0x800000)).view(np.float32)
    return out


@_or_numpy(nearest_power)
@intrinsic
def power_of_two(typingctx, v):
    """:func:`nearest_power`, lane by lane."""

    def codegen(context, builder, sig, args):
        root_two = ir.Constant(_FV, [float(np.float32(1.4142135))] * 16)
        bits = builder.bitcast(builder.fmul(args[0], root_two), _IV)
        return builder.bitcast(builder.and_(bits, _ints(-0x800000)), _FV)

    return lanes(lanes), codegen
