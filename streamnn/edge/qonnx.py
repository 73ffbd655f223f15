"""An integer network as QONNX: for tools that build hardware from quantised networks (FINN, hls4ml), and runtimes.

Tensors are float32 and carry whole numbers, so that results are exact; that no number on the way needs more than the 24
bits that a float holds is proven before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import SpecError
from ._onnx_graph import OnnxGraph
from .artefact import Artefact
from .integers import INPUT_BITS, INPUT_TOP
from .modules import Module, Output, Spline
from .saturation import place_fraction, place_limits

Array = np.ndarray
FLOAT_WHOLE = 1 << 24
"""Whole numbers up to this are exact in float32."""


def to_qonnx(of: Artefact | Sequence[Module], *, plain: bool = False, rows: int = 0) -> bytes:
    """The integer modules as an ONNX model: standardised integers in, logits out, exactly :func:`run_modules`.

    Its input is ``x``, float32 (n, inputs), whole numbers; where the first module has a table also ``ids``, int64
    (n, categories), a row or -1 for none; its output ``logits``, float32 (n, outputs). A rounding shift is a
    multiplication by a power of two, half added, and a quantiser that rounds down; a spline is Gather for the start of
    a piece and for its rise, and Mul.

    Parameters
    ----------
    of : Artefact or sequence of Module
    plain : bool
        Only operators of ONNX itself, which every runtime has. Otherwise quantisers are QONNX nodes, ``Quant`` and
        ``BipolarQuant`` (domain qonnx.custom_op.general), and weights pass through them too.
    rows : int
        How many events it takes at once; 0 for any number, which most tools of hardware do not accept.

    Returns
    -------
    bytes
        What a file of the suffix ``.onnx`` holds.

    Raises
    ------
    SpecError
        If the last module has no :class:`Output`, or if a number on the way can leave float32's whole numbers.
    MissingPackage
        Where the package onnx is missing: ``pip install 'streamnn[edge]'``.

    Notes
    -----
    Pappalardo et al., QONNX: Representing Arbitrary-Precision Quantized Neural Networks, 2022.

    Examples
    --------
    For tools that build hardware, one event at once::

        Path("network.onnx").write_bytes(to_qonnx(artefact, rows=1))

    What has no output yet is no network:

    >>> to_qonnx(())
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: QONNX: the last module must have an Output; give all modules of the network
    """
    modules = of.modules if isinstance(of, Artefact) else tuple(of)
    if not modules or not isinstance(modules[-1].after, Output):
        raise SpecError("QONNX: the last module must have an Output; give all modules of the network")
    first = modules[0]
    sensors = 1 if not isinstance(of, Artefact) else of.stage.tables
    categories = sensors if first.table is not None else 0
    g = OnnxGraph(not plain, rows)
    x = g.quantised(g.port("x", np.float32, len(first.weights)), INPUT_BITS, "inputs")
    ids = g.port("ids", np.int64, categories) if categories else ""
    top = np.full(len(first.weights), float(INPUT_TOP + 1))
    through: list[tuple[str, Array]] = []
    for l, m in enumerate(modules):
        skipped = through[m.skip] if m.skip >= 0 else None
        acc, size = _accumulate(g, m, l, (x, top), (ids, categories) if l == 0 else ("", 0), skipped)
        if isinstance(m.after, Output):
            powers = np.ldexp(1.0, m.after.align)
            x = g.node("Mul", [acc, g.constant(f"align{l}", powers)], f"logits{l}")
            top = size * powers
        elif isinstance(m.after, Spline):
            x = _spline(g, m, m.after, l, acc, size)
            top = np.full(m.units, float(1 << (m.after.bits - 1)))
        else:
            above = g.constant(f"above{l}", m.after.above + 1.0)
            _check(np.maximum(np.abs(m.after.above + 1.0) + size, size), l, "threshold")
            x = g.signs(g.node("Sub", [acc, above], f"over{l}"), f"sign{l}")
            top = np.ones(m.units)
        through.append((x, top))
    g.node("Identity", [x], g.port("logits", np.float32, modules[-1].units, out=True))
    return g.model("network", f"{len(modules)} modules, integers in float32, logits to the base 2")


def _check(size: Array, l: int, what: str) -> None:
    if len(size) and size.max() > FLOAT_WHOLE:
        raise SpecError(
            f"QONNX: module {l}, unit {int(size.argmax())}: the {what} can reach {size.max():.0f}, beyond 2**24, up to "
            "which float32 is exact: give weights fewer bits, or the spline place_bits"
        )


def _shifted(g: OnnxGraph, x: str, size: Array, right: Array, name: str, l: int) -> tuple[str, Array]:
    """Rounding shift, still to be rounded down, and its largest size."""
    half = np.where(right > 0, np.ldexp(1.0, right - 1), 0.0)
    _check(size + half, l, "number before a shift")
    scaled = g.node("Mul", [x, g.constant(f"{name}_power", np.ldexp(1.0, -right))], f"{name}_scaled")
    halves = g.constant(f"{name}_half", np.where(right > 0, 0.5, 0.0))
    return g.node("Add", [scaled, halves], f"{name}_half_up"), np.ceil(np.ldexp(size + half, -right))


def _accumulate(
    g: OnnxGraph,
    m: Module,
    l: int,
    inputs: tuple[str, Array],
    ids: tuple[str, int],
    skipped: tuple[str, Array] | None,
) -> tuple[str, Array]:
    x, top = inputs
    if m.gather is not None:
        x = g.node("Gather", [x, g.places(f"gather{l}", m.gather)], f"gathered{l}", axis=1)
        top = top[m.gather]
    product = g.node("MatMul", [x, g.weights(m.weights, m.weight_bits, f"weights{l}")], f"product{l}")
    acc = g.node("Add", [product, g.constant(f"bias{l}", m.bias)], f"biased{l}")
    size = top @ np.abs(m.weights) + np.abs(m.bias)
    if ids[1] and m.table is not None and m.table_shift is not None:
        # row 0 is that of no category
        rows = np.concatenate([np.zeros((1, m.units)), m.table])
        one = g.places("next_row", [1])
        row = g.node("Add", [ids[0], one], "row")
        found = g.node("Gather", [g.constant("rows", rows), row], "found", axis=0)
        total = g.node("ReduceSum", [found, g.places("over", [1])], "total", keepdims=0)
        part, more = _shifted(
            g, total, ids[1] * np.abs(m.table).max(0, initial=0.0), m.table_shift, "table", l
        )
        acc = g.node("Add", [acc, g.node("Floor", [part], "table_floor")], "with_table")
        size = size + more
    if skipped is not None and m.skip_shift is not None:
        part, more = _shifted(g, *skipped, m.skip_shift, f"skip{l}", l)
        acc = g.node("Add", [acc, g.node("Floor", [part], f"skip{l}_floor")], f"with_skip{l}")
        size = size + more
    _check(size, l, "accumulator")
    return acc, size


def _spline(g: OnnxGraph, m: Module, after: Spline, l: int, acc: str, size: Array) -> str:
    pieces = after.knots.shape[1] - 1
    s, f = m.fraction - after.spacing, place_fraction(after, m.fraction)
    low, high = place_limits(after, m.fraction)
    offset = np.ldexp(float(after.reach), m.fraction)
    rises = np.diff(after.knots, axis=1)
    starts = after.knots[:, :-1] << f[:, None]
    _check(size + offset, l, "accumulator moved to the first knot")
    u = g.node("Add", [acc, g.constant(f"reach{l}", offset)], f"u{l}")
    q = g.node("Mul", [u, g.constant(f"grid{l}", np.ldexp(1.0, -s))], f"q{l}")
    ends = [g.constant("first", 0.0), g.constant(f"last{l}", float(pieces - 1))]
    piece = g.node("Clip", [g.node("Floor", [q], f"q{l}_floor"), *ends], f"piece{l}")
    fine = g.node("Mul", [u, g.constant(f"fine{l}", np.ldexp(1.0, f - s))], f"fine_u{l}")
    begins = g.node("Mul", [piece, g.constant(f"width{l}", np.ldexp(1.0, f))], f"begins{l}")
    free = g.node("Sub", [g.node("Floor", [fine], f"fine_floor{l}"), begins], f"free_place{l}")
    place = g.node("Max", [free, g.constant(f"place_low{l}", low)], f"place_above{l}")
    place = g.node("Min", [place, g.constant(f"place_high{l}", high)], f"place{l}")
    unit = g.places(f"unit{l}", np.arange(m.units) * pieces)
    index = g.node("Add", [g.node("Cast", [piece], f"piece_number{l}", to=7), unit], f"index{l}")
    start = g.node("Gather", [g.constant(f"starts{l}", starts.ravel()), index], f"start{l}")
    rise = g.node("Gather", [g.constant(f"rises{l}", rises.ravel()), index], f"rise{l}")
    risen = g.node("Mul", [place, rise], f"risen{l}")
    widest = size + offset + np.ldexp(float(pieces), f)
    ends = np.maximum(
        np.minimum(-low, widest) * np.abs(rises[:, 0]), np.minimum(high, widest) * np.abs(rises[:, -1])
    )
    most = np.maximum(ends, (1 << f) * np.abs(rises).max(1)) + np.abs(starts).max(1)
    whole, _ = _shifted(
        g,
        g.node("Add", [start, risen], f"whole{l}"),
        most,
        f + after.knot_fraction - after.fraction,
        f"spline{l}",
        l,
    )
    return g.quantised(whole, after.bits, f"activation{l}")
