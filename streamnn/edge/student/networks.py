"""The student's networks: made, widened, and carried over when the features' units change."""

from __future__ import annotations

import copy

import numpy as np

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
AVERAGED_EVENTS = 2000
LARGEST_FACTOR = 8.0
"""An input whose unit changed by more begins anew: its weights would be cut by the budget."""


def spec_of(options: StudentOptions, name: str, sensors: int, classify: bool) -> NetworkSpec:
    """What a student's network is."""
    hidden = options.hidden or ((64,) if sensors > SPARSE_FROM else (32,) if classify else (64, 32))
    return NetworkSpec(
        name, hidden, "rms", 0.001, average=AVERAGED_EVENTS, knots=17, range=4.0, skip_margin=0.02
    )


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


def rescale(network: Network, change: Change, blocks: int) -> None:
    """The units of the sensors' inputs changed: the same function in the new ones, as far as the budget allows."""
    factor, offset = change
    if (factor == 1).all() and (offset == 0).all():
        return
    lost = (factor > LARGEST_FACTOR) | (factor < 1 / LARGEST_FACTOR)
    factor, offset = np.where(lost, 0.0, factor), np.where(lost, 0.0, offset)
    network._arrays = None
    w = blocks * len(factor)
    k = np.tile(factor, blocks).astype(f4)
    s, cap = network.s, f4(network.spec.row_norm * 0.999)
    for mean in ("", "mean_") if network.spec.average else ("",):
        first = s[f"{mean}first"]
        H = first.shape[1]
        add = np.zeros(H, f4)
        for c in np.flatnonzero(offset).tolist():
            add += f4(offset[c]) * first[c]
        s[f"{mean}bias"][:H] += add
        first[:w] *= k[:, None]
        norm = np.zeros(H, f4)
        for row in first:
            norm += row * row
        long = norm > cap * cap
        if cap > 0 and long.any():
            first[:, long] *= cap / np.sqrt(norm[long])
            norm = np.minimum(norm, cap * cap)
        if not mean:
            s["first_norm"][:H] = norm
    back = np.where(k > 0, k * k, f4(1.0))
    s["first_2"][:w] /= back[:, None]


def copied(network: Network) -> Network:
    """A copy with arrays of its own."""
    out = copy.copy(network)
    out.s = {name: v.copy() for name, v in network.s.items()}
    out._settings = network._settings._replace(n=network._settings.n.copy())
    out._arrays = None
    return out


def frozen(network: Network) -> Network:
    """A copy that predicts with the averaged weights, and no more."""
    out = copied(network)
    for name in AVERAGED:
        out.s[name] = out.s[f"mean_{name}"]
    return out


def replay(
    network: Network,
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


def predictions(network: Network, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """What its weights as they are say of rows, float32, shape (n, members, outputs)."""
    n = len(rows)
    p = np.zeros((n, len(network.spec.members), len(network.s["out"])), f4)
    network.scan(np.zeros(n, np.int8), np.arange(n), np.zeros(n, f4), np.ones(n, f4), 0, rows, ids, p)
    return p
