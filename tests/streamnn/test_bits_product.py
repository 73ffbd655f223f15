"""Packed signs and their products: what floats say, for every size, on every machine and device."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_helpers import printed

from streamnn.bits import pack, transposed, unpack, xnor_product
from streamnn.checks import MACHINES
from streamnn.errors import SchemaError, SpecError

f4 = np.float32
SIZE = st.integers(1, 150)


def signs(rng, rows, columns):
    return np.where(rng.random((rows, columns)) < 0.5, f4(-1), f4(1))


@settings(max_examples=60, deadline=None)
@given(SIZE, SIZE, st.integers(1, 700), st.integers(0, 2**32))
def test_products_are_those_of_floats(m, n, k, seed):
    rng = np.random.default_rng(seed)
    a, b = signs(rng, m, k), signs(rng, n, k)
    found = xnor_product(pack(a), pack(b), k)
    assert found.dtype == np.int32 and found.flags.c_contiguous
    assert np.array_equal(found, a @ b.T)


@settings(max_examples=60, deadline=None)
@given(SIZE, SIZE, st.integers(0, 2**32))
def test_packed_signs_come_back_and_turn(rows, columns, seed):
    a = np.random.default_rng(seed).integers(-2, 3, (rows, columns))
    words = pack(a.astype(f4))
    assert np.array_equal(unpack(words, columns), np.where(a > 0, 1, -1))
    assert np.array_equal(transposed(words, columns), pack(np.ascontiguousarray(a.T)))
    rest = -columns % 64
    assert rest == 0 or not (words[:, -1] >> np.uint64(64 - rest)).any()  # bits beyond the last column


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_every_kind_of_number_has_its_sign(kind):
    info = np.finfo(kind) if kind[0] == "f" else np.iinfo(kind)
    ends = np.array([[info.max, 0, info.min, 1, info.max // 2]], kind)
    assert pack(ends).tolist() == [[0b11001]]


def test_infinities_have_signs_and_no_rows_no_words():
    assert pack(f4([[np.inf, -np.inf, 1e-45]])).tolist() == [[0b101]]
    assert xnor_product(pack(np.zeros((0, 5), f4)), pack(np.ones((2, 5), f4)), 5).shape == (0, 2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: pack([[1.0]]), "rows are list, expected a matrix"),
        (lambda: pack(np.zeros(3, f4)), r"float32 of shape \(3,\)"),
        (lambda: pack(np.array([["a"]])), "expected a matrix of float32 or whole numbers"),
        (lambda: pack(f4([[0, 1], [0, np.nan]])), r"rows\[1, 1\] is NaN"),
        (lambda: xnor_product(np.ones((1, 1)), np.ones((1, 1), np.uint64), 3), "a_words is float64"),
        (lambda: xnor_product(np.ones((1, 1), np.uint64), np.ones(1, np.uint64), 3), r"b_words is uint64 of shape \(1,\)"),
        (lambda: xnor_product(np.ones((1, 1), np.uint64), np.ones((1, 2), np.uint64), 64), "b_words has 2 words a row, 64 signs take 1"),
        (lambda: xnor_product(np.ones((1, 1), np.uint64), np.ones((1, 1), np.uint64), 0), "0 signs take 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_packed_or_multiplied_is_refused(call, says):
    with pytest.raises(SchemaError, match=says):
        call()


_HASH = """
import hashlib
import numpy as np
from streamnn.bits import pack, xnor_product
r = np.random.default_rng(0)
for m, n, k in ((256, 256, 256), (37, 44, 1000)):
    a, b = r.standard_normal((m, k)).astype(np.float32), r.standard_normal((n, k)).astype(np.float32)
    print(hashlib.sha256(xnor_product(pack(a), pack(b), k).tobytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["haswell", "generic"])
def test_one_product_on_every_machine(machine):
    assert printed(_HASH, **MACHINES[machine]) == printed(_HASH)


_GPU = """
import numpy as np
from streamnn.bits import pack, xnor_product
from streamnn.bits.gpu import xnor_product_gpu
r = np.random.default_rng(0)
for m, n, k in {sizes}:
    a, b = (pack(r.standard_normal((v, k)).astype(np.float32)) for v in (m, n))
    print(np.array_equal(xnor_product_gpu(a, b, k), xnor_product(a, b, k)))
"""


@pytest.mark.slow
def test_the_gpu_kernel_gives_the_same_in_the_simulator():
    code = _GPU.format(sizes="((3, 20, 70), (17, 2, 1100))")
    assert printed(code, NUMBA_ENABLE_CUDASIM="1") == ["True"] * 2


def test_without_a_gpu_the_error_says_so_and_with_one_the_product_is_the_same():
    from numba import cuda

    from streamnn.bits.gpu import xnor_product_gpu

    a, b = (pack(np.random.default_rng(s).standard_normal((300, 1000)).astype(f4)) for s in (0, 1))
    if cuda.is_available():
        assert np.array_equal(xnor_product_gpu(a, b, 1000), xnor_product(a, b, 1000))
    else:
        with pytest.raises(SpecError, match="needs a GPU with CUDA"):
            xnor_product_gpu(a, b, 1000)
