"""From a reservoir to an artefact: carry the networks over, replay, choose, freeze."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._kernels.ieee import log64
from ..._kernels.jit import kernel
from ..artefact import Artefact, Target
from ..input_stage import InputStage
from ..sensors import fraction_for
from .in_integers import in_integers
from .networks import (
    Learning,
    frozen,
    inputs_of,
    new_network,
    places,
    predictions,
    replay,
    rescale,
)
from .options import StudentOptions
from .reservoir import Reservoir, shifted_readings
from .sensing import Sensing
from .stage_fit import MEAN_BAND, SHIFT_BAND, Change, StageFit

f4 = np.float32
JUDGED = 512
"""Labelled events on which it is decided how weights are carried over."""
SEARCHED, SEARCHED_FOR_FEW_BITS, FEW_BITS = 384, 1536, 6
"""Events on which the quantiser searches, and those on which it does for weights of so many bits and fewer."""
LEAST_JUDGED = 32
LEAST_REPLAYED = 256
TARGET_EVENTS = 8192


@kernel
def _target_moments(y):
    total, squares = 0.0, 0.0
    for v in y:
        total += v
    mean = total / len(y)
    for v in y:
        squares += (v - mean) * (v - mean)
    return mean, squares / len(y)


@kernel
def _loss(p, y, classify):
    total = 0.0
    for i in range(len(y)):
        if classify:
            total -= log64(max(np.float64(p[i, int(y[i])]), 1e-7))
        else:
            total += abs(np.float64(p[i, 0]) - y[i])
    return total


def spread(at: np.ndarray, weights: int) -> np.ndarray:
    """Events of a reservoir on which weights of so many bits are searched, evenly over it.

    Examples
    --------
    >>> import numpy as np
    >>> len(spread(np.arange(5000), 8)), len(spread(np.arange(5000), 4)), spread(np.arange(3), 8).tolist()
    (384, 1536, [0, 1, 2])
    """
    n = min(SEARCHED_FOR_FEW_BITS if weights <= FEW_BITS else SEARCHED, len(at))
    return at[np.unique(np.linspace(0, len(at) - 1, n).astype(np.int64))]


class Publisher:
    """What is published, and the networks it is made of.

    Parameters
    ----------
    classify : bool
    options : StudentOptions
    sensing : Sensing
    """

    reservoir: Reservoir
    spans: tuple[int, ...]

    def __init__(self, classify: bool, options: StudentOptions, sensing: Sensing) -> None:
        self.classify, self.options, self.sensing = classify, options, sensing
        self.fit = StageFit()
        self.networks: dict[str, Learning] = {}
        """``live`` learns event by event, ``long`` from the whole reservoir, ``short`` from what came since something
        changed."""
        self.frozen: dict[str, Learning] = {}
        """``long`` and ``short`` as they were when they could have been published last."""
        self.chosen = "long"
        self.current: Artefact | None = None
        self.accepted: Artefact | None = None
        self.sizes = (0, 0)
        self.published = 0
        self.mean, self.unit = 0.0, 1.0

    def start(self, reservoir: Reservoir, spans: tuple[int, ...]) -> None:
        """Take the reservoir that artefacts are made of."""
        self.reservoir, self.spans = reservoir, spans

    def publish(
        self, change: Change, cut: int, prefer: str, classes: tuple[Any, ...], learning: str, reason: str
    ) -> Artefact:
        """A new artefact, when the stage has been fitted.

        Parameters
        ----------
        change : Change
            What the fit changed.
        cut : int
            Observed event from which on the short memory is replayed.
        prefer : {"long", "short"}
            Which memory is published, if there are two.
        classes : tuple
        learning, reason : str
        """
        known = len(classes) if self.classify and self.options.history else 0
        stage = self.fit.stage(self.spans, known)
        outputs = len(classes) if self.classify else 1
        memory = self.reservoir.last(self.options.reservoir)
        recent = memory[self.reservoir.s["ticket"][memory] >= cut]
        self._carry_over(
            stage,
            change,
            outputs,
            recent[-JUDGED:] if len(recent) >= LEAST_JUDGED else memory[-LEAST_JUDGED:],
        )
        if not self.classify:
            self._rescale_target()
        if len(recent) == len(memory) or len(recent) < LEAST_JUDGED:
            self.networks.pop("short", None)
        elif "short" not in self.networks:
            self.networks["short"] = self.networks["long"].copied()
            self.networks["short"].name = self.networks["long"].name.replace("long", "short")  # of its leaves
        for name, at in (("long", memory), ("short", recent)):
            if name in self.networks:
                self._replay(stage, at, name)
        self.frozen = {
            name: frozen(self.networks[name]) for name in ("long", "short") if name in self.networks
        }
        self.published = self.reservoir.learnt
        self.chosen = prefer if prefer in self.frozen else "long"
        at = recent if self.chosen == "short" else memory
        some = spread(at, self.options.weights)
        about = {"learnt": self.reservoir.learnt, "reason": reason}
        plain = Artefact(
            self.sensing.sensors[: stage.sensors], stage, (), classes, self._target(), learning, about=about
        )
        label = self.reservoir.s["label"][some]
        network = self.frozen[self.chosen]
        self.current = in_integers(
            plain, network, self.options.weights, self.fit.rows, self.inputs(stage, some), label
        )
        return self.current

    def inputs(self, stage: InputStage, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Float rows, category rows and integer inputs of events of the reservoir."""
        s = self.reservoir.s
        return inputs_of(stage, s["v"][at], s["history"][at])

    # networks

    def _carry_over(self, stage: InputStage, change: Change, outputs: int, judged: np.ndarray) -> None:
        blocks, sizes = 1 + len(self.spans), (stage.sensors, stage.classes)
        if not self.networks:
            for name in ("live", "long"):
                network = self.new_network(name, stage, outputs)
                dead = Change(np.where(self.fit.s["alive"], 1.0, 0.0), np.zeros(stage.sensors))
                rescale(network, dead, blocks)
                self.networks[name] = network
            self.sizes = sizes
            return
        new = places(blocks, (self.sizes[0], sizes[0]), (self.sizes[1], sizes[1]))
        self.sizes = sizes
        for network in self.networks.values():
            network.grow(new, stage.width, outputs, self.fit.rows)
        if (change.factor == 1.0).all() and not change.offset.any():
            return
        kept = Change(np.where(change.factor == 0, 0.0, 1.0), np.zeros(stage.sensors))
        both = {}
        for name, network in self.networks.items():
            both[name] = network.copied()
            rescale(both[name], kept, blocks)
            rescale(network, change, blocks)
        if self._judge(both["long"], stage, judged) < self._judge(self.networks["long"], stage, judged):
            self.networks |= both

    def new_network(self, name: str, stage: InputStage, outputs: int) -> Learning:
        """A network that has learnt nothing; weights are drawn for the sensors of the first event."""
        blocks, first = 1 + len(self.spans), self.sensing.first
        width = blocks * first + stage.width - stage.sensed
        network = new_network(self.options, name, first, width, outputs, self.classify)
        new = places(blocks, (first, stage.sensors), (stage.classes, stage.classes))
        network.grow(new, stage.width, outputs, self.fit.rows)
        return network

    def _judge(self, network: Learning, stage: InputStage, at: np.ndarray) -> float:
        rows, ids, _ = self.inputs(stage, at)
        p = self.values(predictions(frozen(network), rows, ids)[:, 0])
        return float(_loss(np.ascontiguousarray(p), self.reservoir.s["label"][at], self.classify))

    def better_in_units(self, shift: np.ndarray, began: int) -> bool | None:
        """Whether the artefact in the field would have lost less since an event, had the units of sensors changed there;
        None where few labels have come since."""
        now, at = self.current, self.reservoir.last(JUDGED)
        at = at[self.reservoir.s["ticket"][at] >= began]
        if now is None or len(at) < LEAST_JUDGED:
            return None
        s, label = self.reservoir.s, self.reservoir.s["label"][at]
        losses = []
        for v in (s["v"][at], shifted_readings(s["v"][at], -shift)):
            rows, ids, _ = inputs_of(now.stage, v, s["history"][at])
            p = self.values(predictions(self.frozen[self.chosen], rows, ids)[:, 0])
            losses.append(float(_loss(np.ascontiguousarray(p), label, self.classify)))
        return losses[1] < losses[0]

    def _replay(self, stage: InputStage, at: np.ndarray, name: str) -> None:
        s, n = self.reservoir.s, len(at)
        m = max(self.reservoir.learnt - self.published, LEAST_REPLAYED)
        rng = np.random.default_rng([self.options.seed, self.reservoir.learnt])
        passes = [
            rng.permutation(n)[:m] if n // 4 < m <= n else rng.integers(0, n, m)
            for _ in range(self.options.passes)
        ]
        used, order = np.unique(np.concatenate(passes), return_inverse=True)
        at, n = at[used], len(used)
        rows, ids, _ = self.inputs(stage, at)
        outputs = len(self.networks[name].s["out"])
        target, soft = self.targets(s["label"][at], s["forecast"][at][:, :outputs], np.ones(n, np.bool_))
        replay(self.networks[name], rows, ids, target, soft, order)

    # targets

    def targets(
        self, label: np.ndarray, forecast: np.ndarray, learn: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Classes or scaled numbers, float32, and class probabilities where these are learnt; zeros where not `learn`."""
        share = {"labels": 0.0, "half": 0.5, "pool": 1.0}[self.options.target]
        y = np.where(learn, label, 0.0)
        if not self.classify:
            aim = (1.0 - share) * y + share * np.where(learn, forecast[:, 0], 0.0)
            return np.clip((aim - self.mean) / self.unit, -10.0, 10.0).astype(f4), None
        if share == 0.0:
            return y.astype(f4), None
        total = np.zeros(len(y), f4)
        for c in range(forecast.shape[1]):
            total += forecast[:, c]
        told = total > 0
        q = np.where(told[:, None], forecast / np.where(told, total, f4(1.0))[:, None], f4(0.0))
        weight = np.where(told, f4(share), f4(0.0))
        q = (q * weight[:, None]).astype(f4)
        q[np.arange(len(y)), y.astype(np.int64)] += f4(1.0) - weight
        return y.astype(f4), q

    def _rescale_target(self) -> None:
        """The unit of a number that is predicted follows it, by powers of two."""
        mean, variance = _target_moments(self.reservoir.s["label"][self.reservoir.last(TARGET_EVENTS)])
        mean = float(np.rint(mean * 256.0) / 256.0)
        _, exponent = np.frexp(max(variance, 1e-12))
        unit = 2.0 ** (int(exponent) // 2)
        near = self.unit**2 / SHIFT_BAND <= variance <= self.unit**2 * SHIFT_BAND
        if self.published and near and abs(mean - self.mean) <= MEAN_BAND * self.unit:
            return
        if self.published:
            for network in self.networks.values():
                network.exchanged()
                for pre in ("", "mean_"):
                    s = network.s
                    s[f"{pre}out"] *= f4(self.unit / unit)
                    s[f"{pre}out_bias"][:] = (
                        s[f"{pre}out_bias"] * f4(self.unit) + f4(self.mean - mean)
                    ) / f4(unit)
        self.mean, self.unit = mean, unit

    def values(self, p: np.ndarray) -> np.ndarray:
        """What a network says, in units of the target."""
        return p if self.classify else (p * f4(self.unit) + f4(self.mean)).astype(f4)

    def numbers(self, logits: np.ndarray, artefact: Artefact) -> np.ndarray:
        """What an artefact says, in units of the target."""
        t = artefact.target
        assert t is not None
        scaled = logits * 2.0 ** (t.scale - artefact.logit_fraction) + t.mean
        return (scaled * 2.0**-t.fraction).astype(f4)

    def _target(self) -> Target | None:
        if self.classify:
            return None
        y = self.reservoir.s["label"][self.reservoir.last(TARGET_EVENTS)]
        fraction = fraction_for(float(np.abs(y).max()), bool((y == np.floor(y)).all()))
        unit = int(np.frexp(self.unit)[1]) - 1
        return Target(int(np.rint(self.mean * 2.0**fraction)), unit + fraction, fraction)
