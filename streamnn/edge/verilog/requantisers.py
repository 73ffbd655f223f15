"""Ways to bring an accumulator of 32 bits to 8, as Verilog and in Python: what a quantisation operation costs in gates.

Geng et al. 2019 shift by powers of two. Others multiply by a 32-bit factor and shift (Jacob et al. 2018, "gemmlowp"), look
the result up among thresholds (a codebook), or quantise product, bias and activation each for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..integers import rounded_shift

CONSTANT_SHIFT = 7
CODEBOOK_LEVELS = 16
_ACC_BITS, _OUT_BITS = 32, 8
_TOP = 1 << (_OUT_BITS - 1)


@dataclass(frozen=True, slots=True)
class Requantiser:
    """A combinational module with the output ``y`` of 8 bits.

    Parameters
    ----------
    name : str
        Of the Verilog module.
    ports : tuple of (str, int, bool)
        Inputs: name, bits, whether signed; the first is the accumulator.
    body : str
        Verilog between the ports and the end.
    reference : callable
        The same on int64 arrays, one an input; numbers at the ports' range do not overflow.
    """

    name: str
    ports: tuple[tuple[str, int, bool], ...]
    body: str
    reference: Callable[..., np.ndarray]

    def verilog(self) -> bytes:
        """Verilog-2005 of the module."""
        ports = [
            f"  input {'signed ' if signed else ''}[{bits - 1}:0] {name},"
            for name, bits, signed in self.ports
        ]
        lines = [f"module {self.name}(", *ports, f"  output signed [{_OUT_BITS - 1}:0] y", ");", self.body]
        return "\n".join([*lines, "endmodule", ""]).encode()

    def corners(self, rows: int, seed: int) -> list[np.ndarray]:
        """Vectors for a test: every combination of the ports' ends and middles first, then numbers of every size.

        Parameters
        ----------
        rows : int
            At least how many; no more than that but for the combinations.
        seed : int

        Returns
        -------
        list of ndarray of int64, shape (rows,)
            One an input.
        """
        random = np.random.default_rng(seed)
        few = self.ports[:3]
        grids = np.meshgrid(*[_ends(bits, signed) for _, bits, signed in few], indexing="ij")
        n = max(rows, grids[0].size)
        out = []
        for k, (_, bits, signed) in enumerate(self.ports):
            size = random.integers(0, bits - signed + 1, n)  # as many small numbers as great ones
            v = random.integers(0, 1 << 62, n) & ((np.int64(1) << size) - 1)
            v = np.where(random.integers(0, 2, n) == 1, ~v, v) if signed else v
            if k < len(few):
                v[: grids[k].size] = grids[k].ravel()
            out.append(v)
        return out


def _ends(bits: int, signed: bool) -> np.ndarray:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    near = (-1, 0, 1, 63, 64, 127, 128) if signed else (0, 1)
    return np.unique([low, low + 1, *near, (low + high) // 2, high - 1, high])


def _clip(v: np.ndarray) -> np.ndarray:
    return np.clip(v, -_TOP, _TOP - 1)


def _multiplied(a: np.ndarray, m: np.ndarray, s: np.ndarray, bits: int) -> np.ndarray:
    # |a m| <= 2**62, and half of 2**31 more: within int64
    return rounded_shift((a * m + (1 << (bits - 2))) >> (bits - 1), s)


def _saturated(v: str, y: str, bits: int) -> str:
    return f"  assign {y} = {v} > {bits}'sd127 ? 8'sd127 : {v} < -{bits}'sd128 ? -8'sd128 : {v}[7:0];"


def _shift_body(
    a: str = "a", s: str = "s", y: str = "y", at: str = "", bits: int = 33, count: int = 5
) -> str:
    """Rounding shift of `a` by a `count`-bit `s`, saturated to `y`; `bits` hold `a` and half of the last place."""
    half = f"{s} == {count}'d0 ? {bits}'sd0 : {bits}'sd1 <<< ({s} - {count}'d1)"
    return "\n".join(
        [
            f"  wire signed [{bits - 1}:0] half{at} = {half};",
            f"  wire signed [{bits - 1}:0] v{at} = ({a} + half{at}) >>> {s};",
            _saturated(f"v{at}", y, bits),
        ]
    )


def _multiply_body(bits: int, zero: bool = False) -> str:
    wide = _ACC_BITS + bits
    head = [
        f"  wire signed [{wide - 1}:0] product = a * m;",
        f"  wire signed [32:0] h = (product + {wide}'sd{1 << (bits - 2)}) >>> {bits - 1};",
    ]
    if not zero:
        return "\n".join([*head, _shift_body("h")])
    half, v, _ = _shift_body("h").splitlines()
    moved = "  wire signed [32:0] w = v + z;"
    return "\n".join([*head, half, v, moved, _saturated("w", "y", 33)])


def _separate_body() -> str:
    return "\n".join(
        [
            "  wire signed [7:0] y1, y2;",
            _shift_body("a", "s", "y1", "1"),
            _shift_body("b", "t", "y2", "2"),
            "  wire signed [8:0] sum = y1 + y2;",
            "  wire signed [8:0] positive = sum < 9'sd0 ? 9'sd0 : sum;",
            _shift_body("positive", "r", "y", "3", bits=10, count=3),
        ]
    )


def _separate(a: np.ndarray, s: np.ndarray, b: np.ndarray, t: np.ndarray, r: np.ndarray) -> np.ndarray:
    return _clip(rounded_shift(np.maximum(_clip(rounded_shift(a, s)) + _clip(rounded_shift(b, t)), 0), r))


def _codebook_body() -> str:
    above = [f"(a > t{k})" for k in range(CODEBOOK_LEVELS - 1)]
    return f"  wire [3:0] level = {' + '.join(above)};\n  assign y = $signed({{4'd0, level}});"


def _codebook(a: np.ndarray, *thresholds: np.ndarray) -> np.ndarray:
    return (a > np.array(thresholds)).sum(axis=0)


_A, _S = ("a", _ACC_BITS, True), ("s", 5, False)


def requantisers() -> Sequence[Requantiser]:
    """All of them: ours first (constant and programmable), then what others do.

    Returns
    -------
    sequence of Requantiser
        ``requant_constant``, shifted by a constant; ``requant_shift``, by 0 to 31; ``requant_multiply16`` and
        ``requant_multiply32``, by a factor and a shift; ``requant_zero_point``, the same and a zero point;
        ``requant_codebook``, the count of thresholds below; ``requant_separate``, product, bias and ReLU each
        quantised for itself.

    Examples
    --------
    >>> import numpy as np
    >>> shift = requantisers()[1]
    >>> shift.reference(np.array([95, -96, 10**6]), np.array([6, 6, 6])).tolist()
    [1, -1, 127]
    >>> print(requantisers()[0].verilog().decode())
    module requant_constant(
      input signed [31:0] a,
      output signed [7:0] y
    );
      wire signed [32:0] v = (a + 33'sd64) >>> 7;
      assign y = v > 33'sd127 ? 8'sd127 : v < -33'sd128 ? -8'sd128 : v[7:0];
    endmodule
    """
    half = 1 << (CONSTANT_SHIFT - 1)
    constant = f"  wire signed [32:0] v = (a + 33'sd{half}) >>> {CONSTANT_SHIFT};\n{_saturated('v', 'y', 33)}"
    thresholds = tuple((f"t{k}", _ACC_BITS, True) for k in range(CODEBOOK_LEVELS - 1))
    m16, m32, z = ("m", 16, True), ("m", 32, True), ("z", 8, True)
    return (
        Requantiser("requant_constant", (_A,), constant, lambda a: _clip(rounded_shift(a, CONSTANT_SHIFT))),
        Requantiser("requant_shift", (_A, _S), _shift_body(), lambda a, s: _clip(rounded_shift(a, s))),
        Requantiser(
            "requant_multiply16",
            (_A, m16, _S),
            _multiply_body(16),
            lambda a, m, s: _clip(_multiplied(a, m, s, 16)),
        ),
        Requantiser(
            "requant_multiply32",
            (_A, m32, _S),
            _multiply_body(32),
            lambda a, m, s: _clip(_multiplied(a, m, s, 32)),
        ),
        Requantiser(
            "requant_zero_point",
            (_A, m32, _S, z),
            _multiply_body(32, zero=True),
            lambda a, m, s, z: _clip(_multiplied(a, m, s, 32) + z),
        ),
        Requantiser("requant_codebook", (_A, *thresholds), _codebook_body(), _codebook),
        Requantiser(
            "requant_separate",
            (_A, _S, ("b", _ACC_BITS, True), ("t", 5, False), ("r", 3, False)),
            _separate_body(),
            _separate,
        ),
    )
