"""The student's networks: made, widened, and carried over when the features' units change."""

from __future__ import annotations

import numpy as np

from ...binary import BinaryNetwork, BinarySpec
from ...network.network import Network
from ...network.spec import NetworkSpec
from ...network.start import AVERAGED
from ...types import LEARN
from ..input_stage import HISTORY_BLOCKS, HISTORY_FRACTION, InputStage
from ..integers import INPUT_FRACTION
from .options import StudentOptions
from .reservoir import readings
from .stage_fit import SPARSE_FROM, Change

f4 = np.float32
Learning = Network | BinaryNetwork
AVERAGED_EVENTS, SKIP_MARGIN = 2000, 0.02
LARGEST_FACTOR = 8.0
"""An input whose unit changed by more begins anew: its weights would be cut by the budget."""


def hidden_of(options: StudentOptions, sensors: int, classify: bool) -> tuple[int, ...]:
    """Units of each layer."""
    return options.hidden or ((64,) if sensors > SPARSE_FROM else (32,) if classify else (64, 32))


def new_network(
    options: StudentOptions, name: str, sensors: int, width: int, outputs: int, classify: bool
) -> Learning:
    """A network that has learnt nothing.

    Parameters
    ----------
    options : StudentOptions
    name : str
    sensors : int
        Of the first event.
    width, outputs : int
    classify : bool
    """
    hidden = hidden_of(options, sensors, classify)
    if options.network == "spline":
        spec = NetworkSpec(
            name, hidden, average=AVERAGED_EVENTS, knots=17, range=4.0, skip_margin=SKIP_MARGIN
        )
        return Network(spec, width, outputs, classify, options.seed)
    images = sensors > SPARSE_FROM
    signs = BinarySpec(
        name,
        hidden,
        first={"sign": "real"}.get(options.network, options.network),
        delta=0.1 if images else 0.2,
        normalisation="online" if images else "shift",
        skip_margin=SKIP_MARGIN,
        average=AVERAGED_EVENTS,
    )
    return BinaryNetwork(signs, width, outputs, classify, options.seed)


def rows_of(stage: InputStage, x: np.ndarray) -> np.ndarray:
    """Integer inputs as the float32 numbers that they stand for."""
    return np.ascontiguousarray(x * scales_of(stage), f4)


def inputs_of(
    stage: InputStage, v: np.ndarray, history: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Float rows, category rows and integer inputs of what was kept of events."""
    v = np.ascontiguousarray(v[:, :, : stage.sensors])
    x = stage.inputs(v, np.ascontiguousarray(history[:, :, : stage.classes]))
    return rows_of(stage, x), stage.ids(readings(v)), x


def fractions_of(stage: InputStage) -> np.ndarray:
    """Fraction bits of each input."""
    return np.repeat([INPUT_FRACTION, HISTORY_FRACTION], [stage.sensed, stage.width - stage.sensed])


def scales_of(stage: InputStage) -> np.ndarray:
    """What each input's integer is worth, float32."""
    return (2.0 ** -fractions_of(stage).astype(np.float64)).astype(f4)


def places(blocks: int, sensors: tuple[int, int], classes: tuple[int, int]) -> np.ndarray:
    """New places of a network's inputs when sensors and classes come: (old, new) numbers of both."""
    sensed = [q * sensors[1] + c for q in range(blocks) for c in range(sensors[0])]
    known = [
        blocks * sensors[1] + b * classes[1] + c for b in range(HISTORY_BLOCKS) for c in range(classes[0])
    ]
    return np.array(sensed + known, np.int64)


def rescale(network: Learning, change: Change, blocks: int) -> None:
    """The units of the sensors' inputs changed: the same function in the new ones, as far as the network can.

    Weights of -1, 0 and 1 have no scale: only those of inputs that begin anew change.
    """
    factor, offset = change
    if (factor == 1).all() and (offset == 0).all():
        return
    lost = (factor > LARGEST_FACTOR) | (factor < 1 / LARGEST_FACTOR)
    factor, offset = np.where(lost, 0.0, factor), np.where(lost, 0.0, offset)
    if isinstance(network, BinaryNetwork) and network.spec.first != "real":
        factor, offset = np.where(factor > 0, 1.0, 0.0), np.zeros(len(factor))
    network.exchanged()
    s, w, k = network.s, blocks * len(factor), np.tile(factor, blocks).astype(f4)
    for mean in ("", "mean_"):
        first = s[f"{mean}first"]
        H = first.shape[1]
        add = np.zeros(H, f4)
        for c in np.flatnonzero(offset).tolist():
            add += f4(offset[c]) * first[c]
        first[:w] *= k[:, None]
        if isinstance(network, Network):
            s[f"{mean}bias"][:H] += add
            _cap(network, mean)
        else:
            s[f"{mean}location"][:H] -= add
    if len(s["first_2"]):
        s["first_2"][:w] /= np.where(k > 0, k * k, f4(1.0))[:, None]


def _cap(network: Network, mean: str) -> None:
    """Units whose weights are longer than the budget allows are scaled back."""
    first, cap = network.s[f"{mean}first"], f4(network.spec.row_norm * 0.999)
    norm = np.zeros(first.shape[1], f4)
    for row in first:
        norm += row * row
    long = norm > cap * cap
    first[:, long] *= cap / np.sqrt(norm[long])
    if not mean:
        network.s["first_norm"][: len(norm)] = np.minimum(norm, cap * cap)


def frozen(network: Learning) -> Learning:
    """A copy that predicts with the averaged weights, and no more."""
    out = network.copied()
    if isinstance(out, BinaryNetwork):
        return out.at(mean=True)
    for name in AVERAGED:
        out.s[name] = out.s[f"mean_{name}"]
    return out


def replay(
    network: Learning,
    rows: np.ndarray,
    ids: np.ndarray,
    target: np.ndarray,
    soft: np.ndarray | None,
    order: np.ndarray,
) -> None:
    """Learn events in this order.

    Parameters
    ----------
    rows, ids : ndarray, shapes (n, inputs), (n, categories)
    target : ndarray of float32, shape (n,)
    soft : ndarray of float32, shape (n, outputs), or None
    order : ndarray of int64
    """
    n, m = len(rows), len(order)
    p = np.zeros((n, len(network.spec.members), len(network.s["out"])), f4)
    network.scan(
        np.full(m, LEARN, np.int8),
        order,
        target[order].astype(f4),
        np.ones(m, f4),
        0,
        rows,
        ids,
        p,
        None,
        soft,
    )


def predictions(network: Learning, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """What its weights as they are say of rows, float32, shape (n, members, outputs)."""
    n = len(rows)
    p = np.zeros((n, len(network.spec.members), len(network.s["out"])), f4)
    network.scan(np.zeros(n, np.int8), np.arange(n), np.zeros(n, f4), np.ones(n, f4), 0, rows, ids, p)
    return p
