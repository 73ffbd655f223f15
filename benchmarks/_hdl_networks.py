"""Networks for benchmarks/rtl.py: a small one that has learnt electricity, quantised, and one of signs."""

from __future__ import annotations

import _data
import numpy as np

from streamnn.edge import Module, Output, Threshold
from streamnn.edge.bits import Bits
from streamnn.edge.float_network import FloatNetwork, float_network
from streamnn.edge.integers import INPUT_FRACTION, INPUT_TOP
from streamnn.edge.quantiser import quantise
from streamnn.network import Network, NetworkSpec
from streamnn.types import LEARN

HIDDEN, ROWS, RESERVOIR = 16, 20_000, 2048


def rows_of(name: str = "electricity") -> tuple[np.ndarray, np.ndarray]:
    """Standardised integers, shape (n, columns), and classes of the stream's first events."""
    stream = _data.load(name, ROWS)
    x = np.nan_to_num(np.column_stack(list(stream.columns.values())))
    deviation = x.std(0)
    z = (x - x.mean(0)) / np.exp2(np.rint(np.log2(np.where(deviation > 0, deviation, 1.0))))
    return np.clip(np.rint(z * 2**INPUT_FRACTION), -INPUT_TOP, INPUT_TOP).astype(np.int64), stream.y


def learnt(x: np.ndarray, y: np.ndarray, seed: int) -> FloatNetwork:
    """One pass over the rows, in their order."""
    n, columns = x.shape
    spec = NetworkSpec("rtl", (HIDDEN,), rule="rms", step=0.001, average=2000, knots=17, range=4.0)
    network = Network(spec, columns, 2, True, seed)
    network.scan(
        np.full(n, LEARN, np.int8), np.arange(n), y.astype(np.float32), np.ones(n, np.float32), 0,
        (x / 2.0**INPUT_FRACTION).astype(np.float32), np.zeros((n, 0), np.int32), np.zeros((n, 2, 2), np.float32),
    )  # fmt: skip
    return float_network(network)


def quantised(network: FloatNetwork, x: np.ndarray, bits: int) -> tuple[Module, ...]:
    """With weights of so many bits, on a reservoir that is spread over all rows."""
    spread = x[np.arange(RESERVOIR) * len(x) // RESERVOIR].astype(np.int32)
    ids, fractions = np.zeros((len(spread), 0), np.int32), np.full(x.shape[1], INPUT_FRACTION)
    return quantise(network, spread, ids, fractions, Bits(weights=bits))


def signs(columns: int, seed: int) -> tuple[Module, ...]:
    """8-bit first layer, signs, a hidden layer of +-1, 8-bit outputs; random integers."""
    r = np.random.default_rng(seed)
    none = np.zeros(HIDDEN, np.int64)
    return (
        Module(
            r.integers(-127, 128, (columns, HIDDEN)),
            8,
            none,
            none,
            Threshold(r.integers(-2000, 2000, HIDDEN)),
        ),
        Module(r.choice([-1, 1], (HIDDEN, HIDDEN)), 1, none, none, Threshold(r.integers(-3, 3, HIDDEN))),
        Module(r.integers(-127, 128, (HIDDEN, 2)), 8, none[:2], none[:2] + 8, Output(none[:2])),
    )
