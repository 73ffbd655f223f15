"""Looking into kernels: run by Python they give the compiled bits, and mistakes in them are errors."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from streamnn._kernels.interpreted import Interpreted
from streamnn._kernels.jit import kernel_options
from streamnn.learners import Classifier, Regressor
from streamnn.types import EXPIRE, LEARN, OBSERVE, Chunk

f4 = np.float32
HERE = Path(__file__)
EVENTS, SINGLE, CHUNK = 200, 110, 30

KERNELS = """
import numpy as np
from streamnn._kernels.ieee import rsqrt32
from streamnn._kernels.jit import kernel, leaf, recorded
from streamnn._kernels.lanes import load, store
from streamnn._kernels.program import Program


@leaf
def half(a, i):
    return a[i] * np.float32(0.5)


@kernel
def halves(a, first, n):
    t = 0.0
    for i in range(first, n):
        t += half(a, i)
    return t


@kernel
def copy(a, i):
    store(a, 0, load(a, i))
    return 0


def tried(call, *args):
    try:
        print(call(*args))
    except Exception as error:
        print(type(error).__name__, error)


a = np.ones(32, np.float32)
print(halves(a, 0, 3))
"""


def run_python(*command: str, stdin: str = "", **switches: str) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("STREAMNN_DEBUG", "NUMBA_DISABLE_JIT")}
    done = subprocess.run(
        [sys.executable, *command],
        env=env | switches,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def run_kernels(tmp_path: Path, code: str, **switches: str) -> list[str]:
    """Lines that `code` prints after the kernels above; a file, so that numba can cache them."""
    (tmp_path / "kernels.py").write_text(KERNELS + code)
    return run_python(str(tmp_path / "kernels.py"), **switches).splitlines()[1:]


def test_nothing_is_compiled_but_by_the_three_decorators():
    root = HERE.parents[2] / "streamnn"
    assert [p.name for p in root.rglob("*.py") if "njit" in p.read_text()] == ["jit.py"]


def test_a_leaf_refuses_a_call_from_python(tmp_path):
    code = "tried(half, a, 1)\ntried(rsqrt32, a[0])\nprint(halves(a, 0, 3))\n"
    first, second, after = run_kernels(tmp_path, code)
    assert first.startswith("TypeError") and "half is compiled for kernels only" in first
    assert second.startswith("TypeError") and "STREAMNN_DEBUG=1" in second and "rsqrt32" in second
    assert after == "1.5"  # the process lives


@pytest.mark.parametrize("switch", ["STREAMNN_DEBUG", "NUMBA_DISABLE_JIT"])
def test_a_switch_opens_leaves_and_checks_bounds(tmp_path, switch):
    code = """
tried(half, a, 1)
tried(lambda x: round(float(rsqrt32(x)), 4), np.float32(4.0))
tried(half, a, 32)
tried(halves, a, 30, 33)
tried(copy, a, 16)
tried(copy, a, 17)
tried(copy, a, -1)
with recorded() as calls:
    halves(a, 0, 3), copy(a, 17)
tried(Program(calls).run)
tried(halves, a, -1, 3)
"""
    run_kernels(tmp_path, "")  # what is compiled without the switch is not used with it
    *lines, below = run_kernels(tmp_path, code, **{switch: "1"})
    assert lines[:2] == ["0.5", "0.4832"]
    assert lines[4] == "0"
    assert [line.split()[0] for line in lines[2:4] + lines[5:]] == ["IndexError"] * 5
    # numba takes an index below zero for one from the end
    assert below.split()[0] == ("IndexError" if switch == "NUMBA_DISABLE_JIT" else "2.0")


def test_a_debugger_stops_in_a_kernel_and_steps_into_a_leaf(tmp_path):
    run_kernels(tmp_path, "")
    kernels = tmp_path / "kernels.py"
    line = kernels.read_text().splitlines().index("        t += half(a, i)") + 1
    steps = f"b {kernels}:{line}\nc\nn\nn\np i, t\ns\ns\np a[i] * 2.0\nq\n"
    code = f"import pdb, sys; sys.path.append({str(tmp_path)!r}); debugger = pdb.Pdb(skip=['streamnn._kernels.*'])"
    found = run_python("-c", f"{code}; debugger.run('import kernels')", stdin=steps, NUMBA_DISABLE_JIT="1")
    assert "(1, np.float64(0.5))" in found
    assert "half()" in found and "np.float64(2.0)" in found


def mixed(a, b, k, x, n):
    s, t, zero = a[0], a[1], 0.0
    zero += s
    m = min(max(s, -0.7), t)
    q = f4(1.0) / f4(n)
    return (
        s * t + q,
        s * 0.1,
        s - n,
        t / k[0],
        k[0] * 2 - k[1],
        zero * t,
        m * t,
        min(s, t) * t,
        -s + x,
        abs(t) * x,
        np.sqrt(abs(s)) * 0.3,
        np.floor(s) * t,
        s < 0.1,
        s == t,
        np.float64(s) * t,
        b[1] * s,
        b[0] / b[1],
        k[2] * q,
        np.int64(s) >> 1,
        q / (s - s),
    )


compiled_mixed = njit(**{**kernel_options, "cache": False})(mixed)
interpreted_mixed = Interpreted(mixed)
singles = st.floats(f4(-1e6), f4(1e6), width=32) | st.sampled_from([0.0, -0.0, 0.1, -0.7])


@given(
    st.tuples(singles, singles),
    st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)),
    st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(0, 100)),
    st.floats(-1e9, 1e9),
    st.integers(1, 10**6),
)
def test_mixed_arithmetic_is_that_of_numba(a, b, k, x, n):
    args = np.array(a, f4), np.array(b), np.array(k, np.int32), x, n
    for mine, numbas in zip(interpreted_mixed(*args), compiled_mixed(*args), strict=True):
        assert np.float64(mine).tobytes() == np.float64(numbas).tobytes() or (
            mine != mine and numbas != numbas
        )


def learnt(kind: str) -> dict[str, str]:
    """Hashes of everything that a learner knows and has said after a mixed stream, by name.

    Events one by one, then in chunks with labels two chunks late: numbers, categories, missing values, a column and
    a class that come later, an event that is given up.
    """
    rng = np.random.default_rng(5)
    xs: list[dict[str, Any]] = []
    ys: list[Any] = []
    for i in range(EVENTS):
        x: dict[str, Any] = {"a": float(rng.normal()), "b": float(i % 7), "c": "uvw"[int(rng.integers(3))]}
        if rng.random() < 0.1:
            x["a"] = None
        if i >= EVENTS // 3:
            x["late"] = float(rng.normal()) * 10.0
        up = (x["a"] or 0.0) > 0.5
        ys.append(
            f"{i % 7 % 2 + up}" if kind == "Classifier" else 3.0 * x["b"] + up + float(rng.normal()) / 5
        )
        xs.append(x)
    learner = {"Classifier": Classifier, "Regressor": Regressor}[kind]
    model = learner(coverage=0.9, p_values=True, reaction="young")
    said = hashlib.sha256()
    for i in range(SINGLE):
        if i % 5 == 0:
            said.update(repr(model.predict_one(xs[i])).encode())
        model.learn_one(xs[i], ys[i])
    for first in range(SINGLE, EVENTS, CHUNK):
        part = range(first, first + CHUNK)
        due = [t for t in part if t - 2 * CHUNK >= SINGLE]
        op = np.array([OBSERVE] * CHUNK + [LEARN] * len(due), np.int8)
        op[CHUNK + 3 :: 50] = EXPIRE
        label = np.empty(len(op), object)
        label[CHUNK:] = [ys[t - 2 * CHUNK] for t in due]
        columns = {
            k: np.array([xs[t].get(k) for t in part], object if k == "c" else np.float64)
            for k in ("a", "b", "c", "late")
        }
        ticket = np.array([*part, *(t - 2 * CHUNK for t in due)], np.int64)
        out = model.run(Chunk(columns, op, ticket, label))
        for field in ("surprise", "entropy", "proba", "mean", "p_value", "included", "low"):
            said.update(repr(np.asarray(getattr(out, field)).tolist()).encode())
    arrays, _ = model.state_dict()
    names = {k: hashlib.sha256(np.ascontiguousarray(v).tobytes()).hexdigest() for k, v in arrays.items()}
    return names | {"state": model.state_hash(), "said": said.hexdigest()}


@pytest.mark.parametrize("kind", ["Classifier", pytest.param("Regressor", marks=pytest.mark.slow)])
def test_python_learns_the_compiled_bits(kind):
    found = json.loads(run_python(str(HERE), kind, NUMBA_DISABLE_JIT="1"))
    wanted = learnt(kind)
    assert [k for k in wanted if found.get(k) != wanted[k]] == []
    assert found == wanted


if __name__ == "__main__":
    print(json.dumps(learnt(sys.argv[1])))
