"""What each arm of the field says of the events of a segment, and what learns there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...pool.pending import Pending
from ...types import EXPIRE, LEARN, OBSERVE
from ..artefact import Artefact
from ..device import top_weight
from ..modules import run_modules
from ..probabilities import POWERS, RECIPROCALS
from .field import BIAS, FLOAT, LAYER, LIVE, LONG, OFF, POOL, SHORT
from .following import learn_on_device
from .in_integers import device_shifts
from .networks import inputs_of, predictions
from .publishing import Publisher

f4 = np.float32
_FROZEN = (OFF, BIAS, LAYER, FLOAT, LIVE, LONG, SHORT)


@dataclass(slots=True)
class Devices:
    """What two devices have learnt since the last publication: one its biases, one its last layer too.

    Parameters
    ----------
    alone, bias : ndarray of int64, shape (outputs,)
    out : ndarray of int64, shape (outputs, units)
    """

    alone: np.ndarray
    bias: np.ndarray
    out: np.ndarray

    @classmethod
    def none(cls) -> Devices:
        """Before the first publication."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 0), np.int64))

    @classmethod
    def of(cls, artefact: Artefact) -> Devices:
        """Devices that have just got an artefact."""
        C, H = artefact.outputs, artefact.modules[-2].units
        return cls(np.zeros(C, np.int64), np.zeros(C, np.int64), np.zeros((C, H), np.int64))


def predict_and_learn(
    publisher: Publisher,
    pending: Pending,
    devices: Devices,
    window: int,
    op: np.ndarray,
    slot: np.ndarray,
    label: np.ndarray,
) -> None:
    """Predictions of all arms into ``pending.a["p"]``; the live student and the devices learn.

    Parameters
    ----------
    publisher : Publisher
    pending : Pending
    devices : Devices
    window : int
        Number of the publication in the field.
    op, slot, label : ndarray, shape (m,)
    """
    a, now = pending.a, publisher.current
    assert now is not None
    stage, outputs = now.stage, now.outputs
    used, local = np.unique(slot, return_inverse=True)
    rows, ids, x = inputs_of(stage, a["v"][used], a["history"][used])
    seen = op == OBSERVE
    own, at = slot[seen], local[seen]
    a["p"][np.ix_(own, _FROZEN)] = f4(0.0)  # of classes that came since it was published
    _live(publisher, a, op, slot, local, label, outputs, rows, ids)
    for name in ("long", "short"):
        arm = LONG if name == "long" else SHORT
        network = publisher.frozen.get(name)
        if network is None:
            a["p"][own, arm, 0] = f4(
                np.nan
            )  # the first tells; others would depend on the classes there is room for
            continue
        a["p"][own, arm, :outputs] = publisher.values(predictions(network, rows[at], ids[at])[:, 0])
        if name == publisher.chosen:
            a["p"][own, FLOAT] = a["p"][own, arm]
    through = run_modules(now.modules, x[at].astype(np.int64), ids[at])
    if not publisher.classify:
        a["p"][own, OFF] = publisher.numbers(through[-1], now)
        a["p"][np.ix_(own, (BIAS, LAYER))] = f4(np.nan)
        return
    z = through[-2]
    if a["z"].shape[1] < z.shape[1]:
        pending.reshape("z", (z.shape[1],))
    a["z"][own, : z.shape[1]] = z
    learnt = devices.alone, np.zeros((now.outputs, 0), np.int64), devices.bias, devices.out
    learn_on_device(
        op, slot, label, a["window"], window, np.ascontiguousarray(through[-1]),
        np.ascontiguousarray(a["z"][:, : z.shape[1]]), now.logit_fraction, learnt, device_shifts(now),
        top_weight(z.shape[1]), (POWERS, RECIPROCALS), a["q15"], a["p"],
    )  # fmt: skip


def _live(
    publisher: Publisher,
    a: dict[str, np.ndarray],
    op: np.ndarray,
    slot: np.ndarray,
    local: np.ndarray,
    label: np.ndarray,
    outputs: int,
    rows: np.ndarray,
    ids: np.ndarray,
) -> None:
    """The live student predicts and learns event by event; a class that it does not know yet it leaves out."""
    learn = op == LEARN
    if publisher.classify:
        learn &= label < outputs
    target, soft = publisher.targets(label, a["p"][slot, POOL][:, :outputs], learn)
    rowed = None
    if soft is not None:
        rowed = np.zeros((len(rows), outputs), f4)
        rowed[local[learn]] = soft[learn]
    usable = np.where((op == LEARN) & ~learn, np.int8(EXPIRE), op)
    p = np.zeros((len(rows), 2, outputs), f4)
    weight = np.ones(len(op), f4)
    publisher.networks["live"].scan(usable, local, target, weight, 0, rows, ids, p, None, rowed)
    seen = op == OBSERVE
    a["p"][slot[seen], LIVE, :outputs] = publisher.values(p[local[seen], 0])
