"""Sixteen float32 lanes as one value inside compiled loops: a SIMD vector type for numba.

Left to itself the compiler guards every short loop over several arrays with overlap checks, which cost more than
the loop. Explicit lanes need none, keep every sum in the order it is written, and are lowered to whatever the
machine has (one AVX-512 register, two AVX2, four SSE2), so the bits are the same everywhere.

    load(a, i)  load_first(a, i, n)  store(a, i, v)  store_first(a, i, n, v)  splat(x)  + - *  over(u, v)  root(v)  rsqrt(v)  total(v)  largest(v)  smallest(v)
    larger(u, v)  smaller(u, v)  where_positive(v, yes, no)  shorten(t, s, u, limit)  whole(v)  store_whole(a, i, v)

Each is a numba intrinsic that writes LLVM instructions, made with numba's documented extension interface. Above each
stands what it does in numpy: its definition, to read, and what runs in its place where kernels are run by Python.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from .interpreted import Single
from .jit import DEBUG, INTERPRETED

LANES = 16
_F = ir.FloatType()
_I = ir.IntType(32)
_FV = ir.VectorType(_F, LANES)
_IV = ir.VectorType(_I, LANES)


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name="float32x16")


lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _FV)


def _or_numpy(body: Callable[..., Any]) -> Callable[[Any], Any]:
    """Decorator of an intrinsic: where kernels are run by Python, `body` takes its place, with the same bits."""
    return lambda compiled: body if INTERPRETED else compiled


def _piece(a: np.ndarray, i: int) -> np.ndarray:
    if i < 0 or i + LANES > len(a):
        raise IndexError(f"lanes {i} to {i + LANES - 1} of an array of {len(a)}")
    return a.view(np.ndarray)[i : i + LANES]


def _put_numpy(a: np.ndarray, i: int, v: np.ndarray) -> None:
    _piece(a, i)[:] = v


def _larger_numpy(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(u > v, u, v))


def _smaller_numpy(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(u < v, u, v))


def _fold_numpy(v: np.ndarray, join: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Single:
    while len(v) > 1:
        v = join(v[: len(v) // 2], v[len(v) // 2 :])
    return Single(v[0])


def _const(x: float) -> ir.Constant:
    return ir.Constant(_FV, [float(np.float32(x))] * LANES)


def _ints(x: int) -> ir.Constant:
    return ir.Constant(_IV, [x] * LANES)


def _binary(op, name):
    @infer_global(op)
    class _Template(AbstractTemplate):
        def generic(self, args, kws):
            if not kws and args == (lanes, lanes):
                return signature(lanes, lanes, lanes)
            return None

    @lower_builtin(op, lanes, lanes)
    def _lower(context, builder, sig, args):
        return getattr(builder, name)(*args)


_binary(operator.add, "fadd")
_binary(operator.sub, "fsub")
_binary(operator.mul, "fmul")


def _pointer(context, builder, ty, array, index, lanes_type=_FV, size=None):
    a = context.make_array(ty)(context, builder, array)
    if DEBUG:
        stop = builder.add(index, ir.Constant(index.type, LANES) if size is None else size)
        before = builder.icmp_signed("<", index, ir.Constant(index.type, 0))
        with builder.if_then(builder.or_(before, builder.icmp_signed(">", stop, a.nitems)), likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("lanes beyond the ends of an array",))
    return builder.bitcast(builder.gep(a.data, [index], inbounds=True), lanes_type.as_pointer())


def _is_flat(a) -> bool:
    return isinstance(a, types.Array) and a.dtype == types.float32 and a.ndim == 1 and a.layout == "C"


@_or_numpy(lambda a, i: _piece(a, i).copy())
@intrinsic
def load(typingctx, a, i):
    """Lanes a[i : i + 16] of a flat float32 array."""
    if not _is_flat(a) or not isinstance(i, types.Integer):
        return None

    def codegen(context, builder, sig, args):
        return builder.load(_pointer(context, builder, sig.args[0], *args), align=4, typ=_FV)

    return lanes(a, types.intp), codegen


@_or_numpy(_put_numpy)
@intrinsic
def store(typingctx, a, i, v):
    """Set a[i : i + 16]."""
    if not _is_flat(a) or not isinstance(i, types.Integer) or v != lanes:
        return None

    def codegen(context, builder, sig, args):
        builder.store(args[2], _pointer(context, builder, sig.args[0], args[0], args[1]), align=4)
        return context.get_dummy_value()

    return types.void(a, types.intp, lanes), codegen


def _first_numpy(a: np.ndarray, i: int, n: int) -> np.ndarray:
    out = np.zeros(LANES, np.float32)
    out[:n] = _inside(a, i, n)
    return out


def _inside(a: np.ndarray, i: int, n: int) -> np.ndarray:
    if i < 0 or not 0 <= n <= LANES or i + n > len(a):
        raise IndexError(f"{n} lanes from {i} on of an array of {len(a)}")
    return a.view(np.ndarray)[i : i + n]


def _put_first_numpy(a: np.ndarray, i: int, n: int, v: np.ndarray) -> None:
    _inside(a, i, n)[:] = v[:n]


def _mask(builder, n):
    # lanes 0 .. n - 1
    short = builder.trunc(n, _I)
    one = builder.insert_element(ir.Constant(_IV, ir.Undefined), short, ir.Constant(_I, 0))
    every = builder.shuffle_vector(one, ir.Constant(_IV, ir.Undefined), _ints(0))
    return builder.icmp_signed("<", ir.Constant(_IV, list(range(LANES))), every)


@_or_numpy(_first_numpy)
@intrinsic
def load_first(typingctx, a, i, n):
    """The first n lanes of a flat float32 array from place i on, 0 <= n <= 16; the others are 0 and are not read."""
    if not _is_flat(a) or not isinstance(i, types.Integer) or not isinstance(n, types.Integer):
        return None

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], size=args[2])
        mask = _mask(builder, args[2])
        kind = ir.FunctionType(_FV, [_FV.as_pointer(), _I, mask.type, _FV])
        masked = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v16f32.p0v16f32")
        return builder.call(masked, [pointer, ir.Constant(_I, 4), mask, _const(0.0)])

    return lanes(a, types.intp, types.intp), codegen


@_or_numpy(_put_first_numpy)
@intrinsic
def store_first(typingctx, a, i, n, v):
    """Set a[i : i + n] to the first n lanes, 0 <= n <= 16."""
    if not _is_flat(a) or not isinstance(i, types.Integer) or not isinstance(n, types.Integer) or v != lanes:
        return None

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], size=args[2])
        mask = _mask(builder, args[2])
        kind = ir.FunctionType(ir.VoidType(), [_FV, _FV.as_pointer(), _I, mask.type])
        masked = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v16f32.p0v16f32")
        builder.call(masked, [args[3], pointer, ir.Constant(_I, 4), mask])
        return context.get_dummy_value()

    return types.void(a, types.intp, types.intp, lanes), codegen


@_or_numpy(lambda x: np.full(LANES, x, np.float32))
@intrinsic
def splat(typingctx, x):
    """The same number in every lane."""

    def codegen(context, builder, sig, args):
        one = builder.insert_element(ir.Constant(_FV, ir.Undefined), args[0], ir.Constant(_I, 0))
        return builder.shuffle_vector(one, ir.Constant(_FV, ir.Undefined), _ints(0))

    return lanes(types.float32), codegen


@_or_numpy(lambda u, v: u / v)
@intrinsic
def over(typingctx, u, v):
    """u / v, lane by lane."""

    def codegen(context, builder, sig, args):
        return builder.fdiv(*args)

    return lanes(lanes, lanes), codegen


@_or_numpy(np.sqrt)
@intrinsic
def root(typingctx, v):
    """Square root, lane by lane."""

    def codegen(context, builder, sig, args):
        sqrt = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_FV, [_FV]), "llvm.sqrt.v16f32")
        return builder.call(sqrt, args)

    return lanes(lanes), codegen


@_or_numpy(lambda v: (np.int32(0x5F37642F) - (v.view(np.int32) >> 1)).view(np.float32))
@intrinsic
def rsqrt(typingctx, v):
    """1 / sqrt(v) for v > 0 by its bit pattern alone, relative error below 3.5 %: enough to scale a step."""

    def codegen(context, builder, sig, args):
        bits = builder.bitcast(args[0], _IV)
        return builder.bitcast(builder.sub(_ints(0x5F37642F), builder.ashr(bits, _ints(1))), _FV)

    return lanes(lanes), codegen


def _choose(order):
    def make(typingctx, u, v):
        def codegen(context, builder, sig, args):
            return builder.select(builder.fcmp_ordered(order, *args), *args)

        return lanes(lanes, lanes), codegen

    return make


larger = _or_numpy(_larger_numpy)(intrinsic(_choose(">")))
smaller = _or_numpy(_smaller_numpy)(intrinsic(_choose("<")))


@_or_numpy(lambda v, yes, no: np.where(v > 0.0, yes, no))
@intrinsic
def where_positive(typingctx, v, yes, no):
    """Lanes of `yes` where v > 0, of `no` elsewhere."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", args[0], _const(0.0)), args[1], args[2])

    return lanes(lanes, lanes, lanes), codegen


def _fold(builder, v, join):
    n = LANES
    while n > 1:
        n //= 2
        undef = ir.Constant(v.type, ir.Undefined)
        low = ir.Constant(ir.VectorType(_I, n), list(range(n)))
        high = ir.Constant(ir.VectorType(_I, n), list(range(n, 2 * n)))
        v = join(builder.shuffle_vector(v, undef, low), builder.shuffle_vector(v, undef, high))
    return builder.extract_element(v, ir.Constant(_I, 0))


@_or_numpy(lambda v: _fold_numpy(v, np.add))
@intrinsic
def total(typingctx, v):
    """Sum of the lanes, folded in halves."""
    return types.float32(lanes), lambda context, builder, sig, args: _fold(builder, args[0], builder.fadd)


def _extreme(order):
    def make(typingctx, v):
        def codegen(context, builder, sig, args):
            return _fold(
                builder, args[0], lambda u, w: builder.select(builder.fcmp_ordered(order, u, w), u, w)
            )

        return types.float32(lanes), codegen

    return make


largest = _or_numpy(lambda v: _fold_numpy(v, _larger_numpy))(intrinsic(_extreme(">")))
smallest = _or_numpy(lambda v: _fold_numpy(v, _smaller_numpy))(intrinsic(_extreme("<")))


def _shorten_numpy(t: np.ndarray, s: np.ndarray, u: np.ndarray, limit: np.ndarray) -> np.ndarray:
    still, new = u == 0.0, s + u
    r = (np.where(u > 0.0, limit, -limit) - s) / np.where(still, np.float32(1.0), u)
    r = np.where(r > 0.0, r, np.float32(0.0))
    outside = ((new > limit) | (new < -limit)) & ~still
    return np.where(outside & (r < t), r, t)


@_or_numpy(_shorten_numpy)
@intrinsic
def shorten(typingctx, t, s, u, limit):
    """The part of a change u that keeps |s + u| within limit, at most t; all lanes."""

    def codegen(context, builder, sig, args):
        t, s, u, limit = args
        zero, one = _const(0.0), _const(1.0)
        up = builder.fcmp_ordered(">", u, zero)
        edge = builder.select(up, limit, builder.fsub(zero, limit))
        still = builder.fcmp_ordered("==", u, zero)
        r = builder.fdiv(builder.fsub(edge, s), builder.select(still, one, u))
        r = builder.select(builder.fcmp_ordered(">", r, zero), r, zero)
        new = builder.fadd(s, u)
        outside = builder.or_(
            builder.fcmp_ordered(">", new, limit), builder.fcmp_ordered("<", new, builder.fsub(zero, limit))
        )
        outside = builder.and_(outside, builder.not_(still))
        return builder.select(builder.and_(outside, builder.fcmp_ordered("<", r, t)), r, t)

    return lanes(lanes, lanes, lanes, lanes), codegen


@_or_numpy(lambda v: v.astype(np.int32).astype(np.float32))
@intrinsic
def whole(typingctx, v):
    """v cut to whole numbers; v must lie between 0 and 2**31."""

    def codegen(context, builder, sig, args):
        return builder.sitofp(builder.fptosi(args[0], _IV), _FV)

    return lanes(lanes), codegen


@_or_numpy(lambda a, i, v: _put_numpy(a, i, v.astype(np.int32)))
@intrinsic
def store_whole(typingctx, a, i, v):
    """Set int32 a[i : i + 16] to v cut to whole numbers."""

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], _IV)
        builder.store(builder.fptosi(args[2], _IV), pointer, align=4)
        return context.get_dummy_value()

    return types.void(a, types.intp, lanes), codegen
