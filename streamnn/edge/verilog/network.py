"""A whole small network as combinational Verilog: standardised integers in, logits out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import SpecError
from ..artefact import Artefact
from ..integers import INPUT_BITS
from ..modules import Module, Output, Spline, Threshold
from ..saturation import place_limits
from .activations import output, spline, threshold
from .linear import accumulators
from .signals import Signal, bits_between, identifier

LOGIT_BITS = 32
"""Width of a logit."""


def emit_verilog(of: Artefact | Sequence[Module], name: str = "network") -> dict[str, bytes]:
    """Combinational Verilog-2005 of the integer modules, bit for bit what :func:`run_modules` gives.

    Weights are canonical signed digits: shifts and adds, no multiplier. A spline is a table of pieces and one small
    multiplier. Wires are as narrow as the bounds of what they carry allow. The module has the ports

    - ``x``: inputs of 8 bits each, the first in the lowest bits;
    - ``ids``, where the first module has a table: signed category rows, -1 for none, the first in the lowest bits
      (:func:`id_bits` wide each);
    - ``logits``: 32 bits each, the first in the lowest bits.

    Parameters
    ----------
    of : Artefact or sequence of Module
        Of an artefact each category reaches the rows of its own sensor; of bare modules there is one category, which
        reaches all.
    name : str
        Of the Verilog module, and of the file.

    Returns
    -------
    dict of str to bytes
        Text by file name.

    Raises
    ------
    SpecError
        If the name is none, if the last module has no :class:`Output`, or if a logit can exceed 32 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn.edge import Module, Output
    >>> one = np.ones(1, np.int64)
    >>> m = Module(np.array([[7], [-2]]), 8, 3 * one, 4 * one, Output(0 * one))
    >>> print(emit_verilog((m,), "tiny")["tiny.v"].decode())
    module tiny(
      input [15:0] x,
      output [31:0] logits
    );
      wire signed [7:0] x0 = x[7:0];
      wire signed [7:0] x1 = x[15:8];
      // module 0: 2 inputs, 1 units
      wire signed [11:0] a0_0 = - x0 + (x0 <<< 3) - (x1 <<< 1) + 3'sd3;
      wire signed [11:0] z0_0 = a0_0;
      wire signed [31:0] o0 = z0_0;
      assign logits[31:0] = o0;
    endmodule
    """
    identifier(name)
    modules = of.modules if isinstance(of, Artefact) else tuple(of)
    if not modules or not isinstance(modules[-1].after, Output):
        raise SpecError(
            f"Verilog {name}: the last module must have an Output; give all modules of the network"
        )
    slots = category_rows(of)
    width = len(modules[0].weights)
    rows = 0 if modules[0].table is None else len(modules[0].table)
    ports = [f"input [{INPUT_BITS * width - 1}:0] x"]
    lines = []
    inputs = [Signal(f"x{i}", -(1 << (INPUT_BITS - 1)), (1 << (INPUT_BITS - 1)) - 1) for i in range(width)]
    lines += [x.wire(f"x[{INPUT_BITS * i + INPUT_BITS - 1}:{INPUT_BITS * i}]") for i, x in enumerate(inputs)]
    ids = []
    if slots:
        bits = id_bits(modules[0])
        ports.append(f"input [{bits * len(slots) - 1}:0] ids")
        for k, reached in enumerate(slots):
            row = Signal(f"id{k}", -1, rows - 1)
            lines.append(row.wire(f"ids[{bits * k + bits - 1}:{bits * k}]"))
            ids.append((row, reached))
    through: list[list[Signal]] = []
    for l, m in enumerate(modules):
        lines.append(f"  // module {l}: {len(m.weights)} inputs, {m.units} units")
        skipped = through[m.skip] if m.skip >= 0 else None
        more, units = accumulators(m, str(l), through[-1] if l else inputs, skipped, ids if l == 0 else ())
        lines += more
        signals = []
        for j, acc in enumerate(units):
            more, z = _after(m, j, acc, f"z{l}_{j}")
            lines += more
            signals.append(z)
        through.append(signals)
    for c, z in enumerate(through[-1]):
        if z.bits > LOGIT_BITS:
            raise SpecError(
                f"Verilog {name}: logit {c} can need {z.bits} bits of {LOGIT_BITS}: lower its align"
            )
        lines.append(f"  wire signed [{LOGIT_BITS - 1}:0] o{c} = {z.name};")
        lines.append(f"  assign logits[{LOGIT_BITS * c + LOGIT_BITS - 1}:{LOGIT_BITS * c}] = o{c};")
    ports.append(f"output [{LOGIT_BITS * len(through[-1]) - 1}:0] logits")
    head = [f"module {name}(", *[f"  {p}," for p in ports[:-1]], f"  {ports[-1]}", ");"]
    return {f"{name}.v": "\n".join([*head, *lines, "endmodule", ""]).encode()}


def id_bits(first: Module) -> int:
    """Width of a category row, -1 included."""
    return bits_between(-1, 0 if first.table is None else len(first.table) - 1)


def category_rows(of: Artefact | Sequence[Module]) -> list[np.ndarray]:
    """Rows that each category of the network can name; none where the first module has no table."""
    if not isinstance(of, Artefact):
        table = of[0].table
        return [] if table is None else [np.arange(len(table))]
    stage = of.stage
    if of.modules[0].table is None:
        return []
    ranges = zip(stage.key_start[:-1], stage.key_start[1:], strict=True)
    return [np.unique(stage.rows[a:b]) for a, b in ranges if b > a]


def _after(m: Module, unit: int, acc: Signal, name: str) -> tuple[list[str], Signal]:
    if isinstance(m.after, Spline):
        low, high = place_limits(m.after, m.fraction)
        limits = int(low[unit]), int(high[unit])
        return spline(m.after, unit, int(m.fraction[unit]), acc, name, limits)
    if isinstance(m.after, Threshold):
        return threshold(m.after, unit, acc, name)
    return output(m.after, unit, acc, name)
