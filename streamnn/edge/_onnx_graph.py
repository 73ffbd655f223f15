"""A graph of ONNX that grows node by node: what :mod:`streamnn.edge.qonnx` writes its networks with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import MissingPackage

OPSET = 13
IR_VERSION = 8
QONNX_DOMAIN = "qonnx.custom_op.general"


class OnnxGraph:
    """Nodes, constants and ports of a model.

    Parameters
    ----------
    quantisers : bool
        Whether quantisation is written as QONNX nodes; otherwise as Floor and Clip.
    rows : int
        How many events the model takes at once; 0 for any number.

    Raises
    ------
    MissingPackage
        Where the package onnx is missing.
    """

    def __init__(self, quantisers: bool, rows: int = 0):
        try:
            import onnx
        except ImportError as e:
            raise MissingPackage("onnx", "edge", "ONNX") from e
        self._onnx = onnx
        self._quantisers = quantisers
        self._rows = rows or "n"
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def port(self, name: str, kind: type, width: int, out: bool = False) -> str:
        """An input, or an output, of shape (n, width), float32 or int64."""
        of = self._onnx.TensorProto.FLOAT if kind is np.float32 else self._onnx.TensorProto.INT64
        ports = self._outputs if out else self._inputs
        ports.append(self._onnx.helper.make_tensor_value_info(name, of, [self._rows, width]))
        return name

    def constant(self, name: str, values: Any) -> str:
        """A constant of float32."""
        return self._constant(name, np.asarray(values, np.float32))

    def places(self, name: str, values: Any) -> str:
        """A constant of int64."""
        return self._constant(name, np.asarray(values, np.int64))

    def node(self, kind: str, inputs: Sequence[str], name: str, domain: str = "", **attributes: Any) -> str:
        """A node with one output, which bears its name."""
        made = self._onnx.helper.make_node(
            kind, list(inputs), [name], name=f"{kind}_{name}", domain=domain, **attributes
        )
        self._nodes.append(made)
        return name

    def quantised(self, x: str, bits: int, name: str) -> str:
        """The greatest whole number that is not above x, clipped to `bits` with sign: QONNX `Quant` with scale 1."""
        if self._quantisers:
            one, zero = self.constant("one", 1.0), self.constant("zero", 0.0)
            inputs = [x, one, zero, self.constant(f"bits{bits}", float(bits))]
            return self.node("Quant", inputs, name, QONNX_DOMAIN, signed=1, narrow=0, rounding_mode="FLOOR")
        top = 1 << (bits - 1)
        low, high = self.constant(f"low{bits}", -float(top)), self.constant(f"high{bits}", float(top - 1))
        return self.node("Clip", [self.node("Floor", [x], f"{name}_floor"), low, high], name)

    def signs(self, x: str, name: str) -> str:
        """+1 where x is at least 0, -1 elsewhere: QONNX `BipolarQuant`."""
        one, zero = self.constant("one", 1.0), self.constant("zero", 0.0)
        if self._quantisers:
            return self.node("BipolarQuant", [x, one], name, QONNX_DOMAIN)
        there = self.node("GreaterOrEqual", [x, zero], f"{name}_there")
        return self.node("Where", [there, one, self.constant("minus_one", -1.0)], name)

    def weights(self, values: np.ndarray, bits: int, name: str) -> str:
        """Constant integers, with their bits where quantisers are written."""
        if not self._quantisers:
            return self.constant(name, values)
        raw = self.constant(f"{name}_values", values)
        return self.signs(raw, name) if bits == 1 else self.quantised(raw, bits, name)

    def _constant(self, name: str, values: np.ndarray) -> str:
        self._constants[name] = self._onnx.numpy_helper.from_array(values, name)
        return name

    def model(self, name: str, about: str) -> bytes:
        """The model as a file holds it, checked."""
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, list(self._constants.values()), about
        )
        sets = [helper.make_opsetid("", OPSET)]
        if self._quantisers:
            sets.append(helper.make_opsetid(QONNX_DOMAIN, 1))
        model = helper.make_model(graph, opset_imports=sets, producer_name="streamnn")
        model.ir_version = IR_VERSION
        self._onnx.checker.check_model(model)
        out: bytes = model.SerializeToString(deterministic=True)
        return out
