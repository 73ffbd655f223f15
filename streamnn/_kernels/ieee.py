"""exp, log, cos and functions made of them as fixed sequences of IEEE operations: the same bits on every machine.

The C library's versions differ with the CPU (fused multiply-add or not), so nothing that reaches the state may
call them. These use only + - * / and bit patterns, and are faster inside a loop.
"""

from __future__ import annotations

import numpy as np

from .jit import callable_leaf, leaf

f4 = np.float32

_LN2_HI = 6.93145751953125e-1  # ln 2 in two parts: n * _LN2_HI is exact for the n in use
_LN2_LO = 1.42860682030941723212e-6
_EXP = tuple(
    1.0 / float(v)
    for v in (1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600, 6227020800)
)
_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11, _E12, _E13 = _EXP[2:]


@callable_leaf
def exp64(x: float) -> float:
    """e**x for -700 <= x <= 700 (clipped to that), relative error below 1e-15."""
    x = min(max(x, -700.0), 700.0)
    n = np.floor(x * 1.4426950408889634 + 0.5)
    r = (x - n * _LN2_HI) - n * _LN2_LO
    p = _E12 + r * _E13
    p = _E10 + r * (_E11 + r * p)
    p = _E8 + r * (_E9 + r * p)
    p = _E6 + r * (_E7 + r * p)
    p = _E4 + r * (_E5 + r * p)
    p = _E2 + r * (_E3 + r * p)
    p = 1.0 + r * (1.0 + r * p)
    return p * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@callable_leaf
def log64(x: float) -> float:
    """Natural logarithm of a positive normal x, relative error below 1e-15."""
    u = np.float64(x).view(np.int64)
    # exponent such that the mantissa lies in [sqrt(1/2), sqrt(2))
    k = (u - np.int64(0x3FE6A09E667F3BCD)) >> 52
    m = np.int64(u - (k << 52)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 19.0 + z * (1.0 / 21.0)
    p = 1.0 / 15.0 + z * (1.0 / 17.0 + z * p)
    p = 1.0 / 11.0 + z * (1.0 / 13.0 + z * p)
    p = 1.0 / 7.0 + z * (1.0 / 9.0 + z * p)
    p = 1.0 / 3.0 + z * (1.0 / 5.0 + z * p)
    return k * _LN2_HI + (2.0 * s + (2.0 * s * z * p + k * _LN2_LO))


@callable_leaf
def exp32(x):
    """float32 e**x for -80 <= x <= 80 (clipped to that), relative error below 3e-7."""
    x = min(max(x, f4(-80.0)), f4(80.0))
    n = np.floor(x * f4(1.44269504) + f4(0.5))
    r = (x - n * f4(0.693359375)) - n * f4(-2.12194440e-4)
    p = f4(1 / 120) + r * (f4(1 / 720) + r * f4(1 / 5040))
    p = f4(1 / 6) + r * (f4(1 / 24) + r * p)
    p = f4(1.0) + r * (f4(1.0) + r * (f4(0.5) + r * p))
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@callable_leaf
def log32(x):
    """float32 natural logarithm of a positive normal x, absolute error below 1e-6."""
    u = np.float32(x).view(np.int32)
    k = np.int32(u - np.int32(0x3F3504F3)) >> np.int32(23)
    m = np.int32(u - np.int32(k << np.int32(23))).view(np.float32)
    s = (m - f4(1.0)) / (m + f4(1.0))
    z = s * s
    p = f4(1 / 3) + z * (f4(1 / 5) + z * (f4(1 / 7) + z * f4(1 / 9)))
    return f4(k) * f4(0.6931471805599453) + f4(2.0) * (s + s * z * p)


@callable_leaf
def cospi64(x: float) -> float:
    """cos(pi x) for 0 <= x <= 1, absolute error below 1e-15."""
    flip = x > 0.5
    t = (1.0 - x if flip else x) * 3.141592653589793
    z = t * t
    p = -1.0 / 6402373705728000.0 + z / 2432902008176640000.0
    p = -1.0 / 87178291200.0 + z * (1.0 / 20922789888000.0 + z * p)
    p = -1.0 / 3628800.0 + z * (1.0 / 479001600.0 + z * p)
    p = -1.0 / 720.0 + z * (1.0 / 40320.0 + z * p)
    p = 1.0 + z * (-0.5 + z * (1.0 / 24.0 + z * p))
    return -p if flip else p


@leaf
def rsqrt32(x):
    """1 / sqrt(x) of a positive float32, as :func:`streamnn._kernels.lanes.rsqrt`, relative error below 3.5 %."""
    bits = np.int32(np.int32(0x5F37642F) - (np.float32(x).view(np.int32) >> np.int32(1)))
    return f4(bits.view(np.float32))


@leaf
def softmax(o):
    """float32 scores to probabilities, in place; none falls below e**-30 of the largest."""
    top = o[0]
    for c in range(1, len(o)):
        top = max(top, o[c])
    t = f4(0.0)
    for c in range(len(o)):
        o[c] = exp32(max(o[c] - top, f4(-30.0)))
        t += o[c]
    for c in range(len(o)):
        o[c] /= t


@callable_leaf
def sigmoid32(x):
    """float32 1 / (1 + e**-x), absolute error below 1e-7."""
    return f4(1.0) / (f4(1.0) + exp32(-x))


@callable_leaf
def tanh32(x):
    """float32 hyperbolic tangent, absolute error below 2e-7; the polynomial is that of Moshier's Cephes library."""
    z = x * x
    p = f4(-5.70498872745e-3) * z + f4(2.06390887954e-2)
    p = (p * z + f4(-5.37397155531e-2)) * z + f4(1.33314422036e-1)
    p = (p * z + f4(-3.33332819422e-1)) * z * x + x
    q = f4(1.0) - f4(2.0) / (exp32(f4(2.0) * x) + f4(1.0))
    return p if z < f4(0.390625) else q


@callable_leaf
def erf32(x):
    """float32 error function, absolute error below 3e-7: a quotient of polynomials, as Eigen has it."""
    x = min(max(x, f4(-4.0)), f4(4.0))
    z = x * x
    p = f4(-2.72614225801306e-10) * z + f4(2.77068142495902e-08)
    p = p * z + f4(-2.10102402082508e-06)
    p = p * z + f4(-5.69250639462346e-05)
    p = p * z + f4(-7.34990630326855e-04)
    p = p * z + f4(-2.95459980854025e-03)
    p = p * z + f4(-1.60960333262415e-02)
    q = f4(-1.45660718464996e-05) * z + f4(-2.13374055278905e-04)
    q = q * z + f4(-1.68282697438203e-03)
    q = q * z + f4(-7.37332916720468e-03)
    q = q * z + f4(-1.42647390514189e-02)
    return x * p / q


@callable_leaf
def expm1_32(x):
    """float32 e**x - 1 for x <= 80, without the loss of digits near 0; relative error below 6e-7."""
    p = f4(1 / 120) + x * (f4(1 / 720) + x * f4(1 / 5040))
    p = x * (f4(1.0) + x * (f4(0.5) + x * (f4(1 / 6) + x * (f4(1 / 24) + x * p))))
    return p if abs(x) < f4(0.35) else exp32(x) - f4(1.0)


@callable_leaf
def softplus32(x):
    """float32 log(1 + e**x), absolute error below 2e-7 times the value, or 2e-7."""
    t = exp32(-abs(x))
    s = t / (f4(2.0) + t)  # log(1 + t) = 2 artanh(s)
    z = s * s
    p = f4(1 / 7) + z * (f4(1 / 9) + z * (f4(1 / 11) + z * f4(1 / 13)))
    p = f4(1.0) + z * (f4(1 / 3) + z * (f4(1 / 5) + z * p))
    return max(x, f4(0.0)) + f4(2.0) * s * p
