"""Vectors of bits and of 16-bit whole numbers inside compiled loops, as :mod:`streamnn._kernels.lanes` has floats.

A *word* is a uint64 that holds 64 signs. Two types: ``words``, eight words side by side, and ``shorts``, the sixty-four
int16 that belong to one word. All is whole-number arithmetic, so the bits are the same on every machine, whatever
instructions the compiler finds for it (popcount of vectors, of one word, or neither).

Above each intrinsic stands what it does in numpy: its definition, and what runs where kernels are run by Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

from .._kernels.jit import DEBUG
from .._kernels.lanes import _or_numpy, lanes

BITS = 64
"""Signs in a word, and int16 in a vector of shorts."""
WORD_LANES = 8
"""Words in a vector of words."""
_I1, _I16, _I32, _I64 = ir.IntType(1), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_W, _INT16_LANES = ir.VectorType(_I64, WORD_LANES), ir.VectorType(_I16, BITS)
_MASK = ir.VectorType(_I1, BITS)
_FLOATS = ir.VectorType(ir.FloatType(), BITS)


class _Words(types.Type):
    def __init__(self) -> None:
        super().__init__(name="uint64x8")


class _Shorts(types.Type):
    def __init__(self) -> None:
        super().__init__(name="int16x64")


words, shorts = _Words(), _Shorts()


@register_model(_Words)
class _WordsModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _W)


@register_model(_Shorts)
class _ShortsModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _INT16_LANES)


def _made(result: Any, *given: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator that makes an intrinsic of a function that writes instructions: its result and argument types."""

    def make(body: Callable[..., Any]) -> Any:
        def typed(typingctx, *args):
            taken = tuple(a if g is None else g for g, a in zip(given, args, strict=True))
            return result(*taken), lambda context, b, sig, values: body(context, b, sig, *values)

        # numba counts the parameters
        names = ", ".join(f"a{i}" for i in range(len(given)))
        scope: dict[str, Any] = {"typed": typed}
        exec(
            f"def {body.__name__}(typingctx{', ' * bool(given)}{names}): return typed(typingctx, {names})",
            scope,
        )
        return intrinsic(scope[body.__name__])

    return make


def _at(context: Any, b: Any, ty: Any, array: Any, i: Any, kind: ir.VectorType) -> Any:
    a = context.make_array(ty)(context, b, array)
    if DEBUG:
        stop = b.add(i, ir.Constant(i.type, kind.count))
        before = b.icmp_signed("<", i, ir.Constant(i.type, 0))
        with b.if_then(b.or_(before, b.icmp_signed(">", stop, a.nitems)), likely=False):
            context.call_conv.return_user_exc(b, IndexError, ("lanes beyond the ends of an array",))
    return b.bitcast(b.gep(a.data, [i], inbounds=True), kind.as_pointer())


def _piece(a: np.ndarray, i: int, n: int) -> np.ndarray:
    if i < 0 or i + n > len(a):
        raise IndexError(f"lanes {i} to {i + n - 1} of an array of {len(a)}")
    return a.view(np.ndarray)[i : i + n]


def _put(a: np.ndarray, i: int, v: np.ndarray) -> None:
    _piece(a, i, len(v))[:] = v


def _all(kind: ir.VectorType, x: int) -> ir.Constant:
    return ir.Constant(kind, [x] * kind.count)


def _spread(b: Any, x: Any, kind: ir.VectorType) -> Any:
    one = b.insert_element(ir.Constant(kind, ir.Undefined), x, ir.Constant(_I32, 0))
    return b.shuffle_vector(one, ir.Constant(kind, ir.Undefined), _all(ir.VectorType(_I32, kind.count), 0))


def _call(b: Any, name: str, kind: Any, *args: Any) -> Any:
    f = cgutils.get_or_insert_function(b.module, ir.FunctionType(kind, [a.type for a in args]), name)
    return b.call(f, args)


def _mask(v: np.ndarray) -> np.uint64:
    return np.packbits(v, bitorder="little").view("<u8")[0]


def _bits(word: Any) -> np.ndarray:
    return np.unpackbits(np.array([word], "<u8").view(np.uint8), bitorder="little").astype(bool)


def _pieces(kind: ir.VectorType, ty: Any, n: int) -> tuple[Any, Any]:
    """Load and store of one vector type."""

    @_or_numpy(lambda a, i: _piece(a, i, n).copy())
    @_made(ty, None, types.intp)
    def load(context, b, sig, a, i):
        p = _at(context, b, sig.args[0], a, i, kind)
        return b.load(p, align=kind.element.width // 8, typ=kind)

    @_or_numpy(_put)
    @_made(types.void, None, types.intp, ty)
    def store(context, b, sig, a, i, v):
        b.store(v, _at(context, b, sig.args[0], a, i, kind), align=kind.element.width // 8)
        return context.get_dummy_value()

    return load, store


load_words, store_words = _pieces(_W, words, WORD_LANES)
load_shorts, store_shorts = _pieces(_INT16_LANES, shorts, BITS)


@_or_numpy(lambda x: np.full(WORD_LANES, x, np.uint64))
@_made(words, types.uint64)
def spread_word(context, b, sig, x):
    """The same word eight times."""
    return _spread(b, x, _W)


@_or_numpy(lambda x: np.full(BITS, x, np.int16))
@_made(shorts, types.int16)
def spread_short(context, b, sig, x):
    """The same number sixty-four times."""
    return _spread(b, x, _INT16_LANES)


@_or_numpy(lambda x: int(x).bit_count())
@_made(types.int64, types.uint64)
def ones(context, b, sig, x):
    """Bits of a word that are 1."""
    return _call(b, "llvm.ctpop.i64", _I64, x)


@_or_numpy(lambda x: (int(x) & -int(x)).bit_length() - 1)
@_made(types.int64, types.uint64)
def lowest(context, b, sig, x):
    """Place of the lowest bit of a word that is 1; the word must not be 0."""
    return _call(b, "llvm.cttz.i64", _I64, x, ir.Constant(_I1, 1))


@_or_numpy(lambda c, u, v: c + np.bitwise_count(u ^ v).astype(np.uint64))
@_made(words, words, words, words)
def count_differing(context, b, sig, c, u, v):
    """c + how many bits of u and v differ, word by word."""
    return b.add(c, _call(b, "llvm.ctpop.v8i64", _W, b.xor(u, v)))


@_or_numpy(lambda a, i, n, c: _put(a, i, (np.int64(n) - 2 * c.view(np.int64)).astype(np.int32)))
@_made(types.void, None, types.intp, types.int64, words)
def store_balance(context, b, sig, a, i, n, c):
    """Set int32 a[i : i + 8] to n - 2 c."""
    kind = ir.VectorType(_I32, WORD_LANES)
    v = b.trunc(b.sub(_spread(b, n, _W), b.shl(c, _all(_W, 1))), kind)
    b.store(v, _at(context, b, sig.args[0], a, i, kind), align=4)
    return context.get_dummy_value()


@_or_numpy(lambda v, word, x: v + np.where(_bits(word), x, np.int16(0)))
@_made(shorts, shorts, types.uint64, shorts)
def add_where(context, b, sig, v, word, x):
    """v + x where a bit is 1, v elsewhere."""
    return b.add(v, b.select(b.bitcast(word, _MASK), x, _all(_INT16_LANES, 0)))


@_or_numpy(lambda u, v: u * v)
@_made(shorts, shorts, shorts)
def times(context, b, sig, u, v):
    """u v, which must fit."""
    return b.mul(u, v)


@_or_numpy(lambda u, v: ((u.astype(np.int32) * v + (1 << 14)) >> 15).astype(np.int16))
@_made(shorts, shorts, shorts)
def fraction(context, b, sig, u, v):
    """u v / 2**15, halves up; not both may be -2**15."""
    kind = ir.VectorType(_I32, BITS)
    product = b.lshr(b.mul(b.sext(u, kind), b.sext(v, kind)), _all(kind, 14))
    return b.trunc(b.lshr(b.add(product, _all(kind, 1)), _all(kind, 1)), _INT16_LANES)


@_or_numpy(lambda u, v: np.clip(u.astype(np.int32) + v, -(2**15), 2**15 - 1).astype(np.int16))
@_made(shorts, shorts, shorts)
def plus(context, b, sig, u, v):
    """u + v, cut at the ends of what int16 holds."""
    return _call(b, "llvm.sadd.sat.v64i16", _INT16_LANES, u, v)


@_or_numpy(lambda v: _mask(v > 0))
@_made(types.uint64, shorts)
def positive(context, b, sig, v):
    """Word of the signs: 1 where v > 0."""
    return b.bitcast(b.icmp_signed(">", v, _all(_INT16_LANES, 0)), _I64)


@_or_numpy(lambda v, k: _mask((v >> np.int16(k)) & 1))
@_made(types.uint64, shorts, types.int64)
def plane(context, b, sig, v, k):
    """Word of bit k of each number in two's complement."""
    left = _spread(b, b.trunc(b.sub(ir.Constant(_I64, 15), k), _I16), _INT16_LANES)
    return b.bitcast(b.icmp_signed("<", b.shl(v, left), _all(_INT16_LANES, 0)), _I64)


@_or_numpy(lambda a, i: _mask(_piece(a, i, BITS) > 0))
@_made(types.uint64, None, types.intp)
def positive_floats(context, b, sig, a, i):
    """Word of the signs of float32 a[i : i + 64]."""
    v = b.load(_at(context, b, sig.args[0], a, i, _FLOATS), align=4, typ=_FLOATS)
    return b.bitcast(b.fcmp_ordered(">", v, ir.Constant(_FLOATS, [0.0] * BITS)), _I64)


@_or_numpy(lambda a, i: _mask(np.isnan(_piece(a, i, BITS))))
@_made(types.uint64, None, types.intp)
def not_numbers(context, b, sig, a, i):
    """Word of where float32 a[i : i + 64] is NaN."""
    v = b.load(_at(context, b, sig.args[0], a, i, _FLOATS), align=4, typ=_FLOATS)
    return b.bitcast(b.fcmp_unordered("uno", v, v), _I64)


@_or_numpy(lambda a, i, v: _put(a, i, _piece(a, i, BITS) + 2 * v.astype(np.int32)))
@_made(types.void, None, types.intp, shorts)
def add_twice(context, b, sig, a, i, v):
    """Add 2 v to int32 a[i : i + 64]."""
    kind = ir.VectorType(_I32, BITS)
    p = _at(context, b, sig.args[0], a, i, kind)
    b.store(b.add(b.load(p, align=4, typ=kind), b.shl(b.sext(v, kind), _all(kind, 1))), p, align=4)
    return context.get_dummy_value()


_LI, _LF = ir.VectorType(_I32, 16), ir.VectorType(ir.FloatType(), 16)


@_or_numpy(lambda a, i: _piece(a, i, 16).astype(np.float32))
@_made(lanes, None, types.intp)
def load_whole(context, b, sig, a, i):
    """Sixteen float lanes of int32 a[i : i + 16]."""
    return b.sitofp(b.load(_at(context, b, sig.args[0], a, i, _LI), align=4, typ=_LI), _LF)


@_or_numpy(lambda a, i, v: _put(a, i, v.astype(np.int16)))
@_made(types.void, None, types.intp, lanes)
def store_short(context, b, sig, a, i, v):
    """Set int16 a[i : i + 16] to sixteen float lanes, whole numbers that fit."""
    kind = ir.VectorType(_I16, 16)
    b.store(b.trunc(b.fptosi(v, _LI), kind), _at(context, b, sig.args[0], a, i, kind), align=2)
    return context.get_dummy_value()


@_or_numpy(lambda v: ((v * np.float32(1.4142135)).view(np.int32) & 0x7F800000).view(np.float32))
@_made(lanes, lanes)
def nearest_power(context, b, sig, v):
    """The power of two nearest to v > 0 by ratio, lane by lane."""
    root = ir.Constant(_LF, [float(np.float32(1.4142135))] * 16)
    return b.bitcast(b.and_(b.bitcast(b.fmul(v, root), _LI), _all(_LI, 0x7F800000)), _LF)
