"""Integer networks as ONNX and QONNX, run by other people's runtimes."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from typing import Any

import module_helpers
import numpy as np
import pytest

from streamnn.edge import Artefact, InputStage, Sensor
from streamnn.edge.modules import Module, Output, run_modules
from streamnn.edge.qonnx import to_qonnx
from streamnn.errors import SpecError

KINDS: dict[str, dict[str, Any]] = {
    "w8": {"bits": 8},
    "w8_four_bits_of_place": {"bits": 8, "place_bits": 4},
    "w4_categories": {"bits": 4, "rows": 5},
    "w3_residual": {"bits": 3, "residual": True},
    "signs": {"bits": 8, "sign": True, "residual": True},
}
ROWS = 5000


def _import(name: str, extra: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"needs {name}: pip install 'streamnn[{extra}]'")


def _case(kind: str, seed: int) -> tuple[tuple[Module, ...], dict[str, np.ndarray], np.ndarray]:
    modules = module_helpers.network(seed, **KINDS[kind])
    x, ids = module_helpers.vectors(seed, ROWS, rows=KINDS[kind].get("rows", 0))
    feed = {"x": x.astype(np.float32)} | ({"ids": ids} if ids.shape[1] else {})
    return modules, feed, run_modules(modules, x, ids)[-1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_gives_the_integers(kind: str, seed: int) -> None:
    _import("onnx", "edge")
    runtime = _import("onnxruntime", "all")
    modules, feed, expected = _case(kind, seed)
    found = runtime.InferenceSession(to_qonnx(modules, plain=True)).run(["logits"], feed)[0]
    assert (found == expected).all()


def test_an_artefact_has_a_row_for_each_sensor_that_is_looked_up() -> None:
    _import("onnx", "edge")
    runtime = _import("onnxruntime", "all")
    modules, none = module_helpers.network(2, bits=4, rows=5), np.zeros(6, np.int64)
    start = np.array([0, 2, 2, 5, 5, 5, 5])
    stage = InputStage((), none, none + 5, np.ones(6, bool), start, np.arange(5), np.arange(5))
    a = Artefact(tuple(Sensor(f"s{k}") for k in range(6)), stage, modules, ("no", "yes"))
    x, _ = module_helpers.vectors(2, 12)
    ids = np.array([[p, q] for p in (-1, 0, 1) for q in (-1, 2, 3, 4)])
    session = runtime.InferenceSession(to_qonnx(a, plain=True))
    found = session.run(["logits"], {"x": x.astype(np.float32), "ids": ids})[0]
    assert (found == run_modules(modules, x, ids)[-1]).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_qonnx_executes_its_own_nodes_to_the_same(kind: str) -> None:
    _import("qonnx", "all")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
        from qonnx.transformation.infer_shapes import InferShapes

        modules, feed, expected = _case(kind, 1)
        model = ModelWrapper(to_qonnx(modules, rows=ROWS)).transform(InferShapes())
        assert (execute_onnx(model, feed)["logits"] == expected).all()


def test_weights_pass_through_quantisers_of_their_bits() -> None:
    onnx = _import("onnx", "edge")
    graph = onnx.load_from_string(to_qonnx(module_helpers.network(1, bits=4))).graph
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in graph.initializer}
    quant = {n.output[0]: n for n in graph.node if n.op_type == "Quant"}
    assert {n.domain for n in quant.values()} == {"qonnx.custom_op.general"}
    assert constants[quant["weights0"].input[3]] == 4 and constants[quant["inputs"].input[3]] == 8
    plain = onnx.load_from_string(to_qonnx(module_helpers.network(1, bits=4), plain=True)).graph
    assert {n.domain for n in plain.node} == {""}
    assert (constants["weights0_values"] == {c.name: onnx.numpy_helper.to_array(c) for c in plain.initializer}["weights0"]).all()  # fmt: skip


def test_what_float32_does_not_hold_is_refused() -> None:
    _import("onnx", "edge")
    none = np.zeros(1, np.int64)
    wide = Module(np.full((1100, 1), 127), 8, none, none + 9, Output(none))
    with pytest.raises(SpecError, match=r"module 0, unit 0: the accumulator can reach \d+, beyond 2\*\*24"):
        to_qonnx((wide,))
    to_qonnx((replace(wide, weights=wide.weights[:1000]),))
    with pytest.raises(SpecError, match="the last module must have an Output"):
        to_qonnx(module_helpers.network(1)[:1])


def test_without_onnx_the_install_line_is_named() -> None:
    code = """
import sys
sys.modules["onnx"] = None  # as if it were not installed
import numpy as np
from streamnn.edge import Module, Output
from streamnn.edge.qonnx import to_qonnx
from streamnn.errors import MissingPackage
none = np.zeros(1, np.int64)
try:
    to_qonnx((Module(none[:, None], 8, none, none, Output(none)),))
except MissingPackage as e:
    print(e)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'streamnn[edge]'" in said
