"""A test bench: vectors from files through a combinational module, and how many outputs differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .signals import identifier


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a module with what goes through it.

    Parameters
    ----------
    name : str
    bits : int
        Of each number.
    values : ndarray of int64, shape (n, numbers)
        The first number of a row lies in the lowest bits.
    """

    name: str
    bits: int
    values: np.ndarray

    @property
    def width(self) -> int:
        """Bits of the port."""
        return self.bits * self.values.shape[1]

    def hex(self) -> bytes:
        """A line of hexadecimal digits for each vector, as ``$readmemh`` reads it."""
        top = (1 << self.bits) - 1
        digits = -(-self.width // 4)
        lines = []
        for row in self.values.tolist():
            word = 0
            for k, v in enumerate(row):
                word |= (v & top) << (self.bits * k)
            lines.append(f"{word:0{digits}x}\n")
        return "".join(lines).encode()


def emit_test_bench(module: str, inputs: Sequence[Port], output: Port) -> dict[str, bytes]:
    """Verilog-2005 that runs vectors through a module, and its vectors.

    It prints ``vectors N differ D``, reads its files from where the simulator runs, and stops.

    Parameters
    ----------
    module : str
        Name of the combinational module; the bench is ``<module>_tb``.
    inputs : sequence of Port
    output : Port
        With what is expected.

    Returns
    -------
    dict of str to bytes
        Contents by file name.

    Examples
    --------
    >>> import numpy as np
    >>> files = emit_test_bench("inc", [Port("a", 8, np.array([[-1], [5]]))], Port("y", 8, np.array([[0], [6]])))
    >>> sorted(files), files["inc_a.hex"]
    (['inc_a.hex', 'inc_tb.v', 'inc_y.hex'], b'ff\\n05\\n')
    """
    identifier(module)
    n = len(output.values)
    lines = [f"module {module}_tb;"]
    for p in (*inputs, output):
        lines.append(f"  reg [{p.width - 1}:0] {p.name}_vectors [0:{n - 1}];")
    lines += [f"  reg [{p.width - 1}:0] {p.name};" for p in inputs]
    lines.append(f"  wire [{output.width - 1}:0] {output.name};")
    lines.append("  integer k, differ;")
    wires = ", ".join(f".{p.name}({p.name})" for p in (*inputs, output))
    lines += [f"  {module} dut({wires});", "  initial begin"]
    lines += [f'    $readmemh("{module}_{p.name}.hex", {p.name}_vectors);' for p in (*inputs, output)]
    lines += ["    differ = 0;", f"    for (k = 0; k < {n}; k = k + 1) begin"]
    lines += [f"      {p.name} = {p.name}_vectors[k];" for p in inputs]
    lines += [
        "      #1;",
        f"      if ({output.name} !== {output.name}_vectors[k]) differ = differ + 1;",
        "    end",
        f'    $display("vectors %0d differ %0d", {n}, differ);',
        "    $finish;",
        "  end",
        "endmodule",
        "",
    ]
    files = {f"{module}_{p.name}.hex": p.hex() for p in (*inputs, output)}
    return {f"{module}_tb.v": "\n".join(lines).encode(), **files}
