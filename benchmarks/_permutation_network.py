"""A lowered network on bare rows, predict, then learn: what a guest does, less the pool around it."""

from __future__ import annotations

import numpy as np

from streamnn._kernels.jit import kernel
from streamnn.lowered import Plan
from streamnn.lowered.arrays import COUNTS, TRIALS, Learnt, Scratch
from streamnn.lowered.losses import CROSS_ENTROPY, MSE, loss_gradient
from streamnn.lowered.optimisers import Optimiser, optimiser_step
from streamnn.lowered.passes import backward, forward
from streamnn.lowered.plan import PlanArrays
from streamnn.lowered.probe import new_scratch
from streamnn.lowered.settling import after_event, after_label, round_trials

f4 = np.float32
Array = np.ndarray


@kernel
def _scan(
    x, y, classify, at, outputs, hyper, plan: PlanArrays, learnt: Learnt, scratch: Scratch, losses, right
):
    kind = CROSS_ENTROPY if classify else MSE
    for e in range(len(x)):
        rounded = f4(0.0)
        for i in range(x.shape[1]):
            scratch.z[i] = x[e, i]
        o = scratch.z[at : at + outputs]
        if learnt.count[TRIALS] > 0:
            round_trials(plan, learnt, True)
            forward(plan, learnt, scratch, False)
            rounded = loss_gradient(kind, classify, y[e], f4(1.0), plan, o, at, scratch)
            round_trials(plan, learnt, False)
        forward(plan, learnt, scratch, False)
        if after_event(plan, learnt, scratch):
            forward(plan, learnt, scratch, False)
        for i in range(len(scratch.d)):
            scratch.d[i] = f4(0.0)
        loss = loss_gradient(kind, classify, y[e], f4(1.0), plan, o, at, scratch)
        losses[e] = loss
        if classify:
            best = 0
            for c in range(outputs):
                best = c if o[c] > o[best] else best
            right[e] = best == np.int64(y[e])
        backward(plan, learnt, scratch)
        optimiser_step(hyper, learnt, scratch.g)
        after_label(plan, learnt, loss, rounded)


class Bare:
    """A network and all it has learnt.

    Parameters
    ----------
    plan : Plan
    step : float
        Of Adam without momentum.
    classify : bool
    """

    def __init__(self, plan: Plan, step: float = 0.003, classify: bool = False) -> None:
        self.plan, self.classify = plan, classify
        self.hyper = Optimiser.named("adam", step, {"betas": (0.0, 0.999)}).hyper
        w = plan.weights.copy()
        self.learnt = Learnt(
            w,
            np.zeros_like(w),
            np.zeros_like(w),
            plan.slow.copy(),
            np.zeros_like(plan.slow),
            plan.counters.copy(),
            np.zeros(COUNTS, np.int64),
        )
        self.scratch = new_scratch(plan)

    def run(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Losses of the rows, each before it was learnt from, and whether classes were right."""
        losses, right = np.zeros(len(x), f4), np.zeros(len(x), bool)
        out = self.plan.output
        x, y = np.ascontiguousarray(x, f4), np.ascontiguousarray(y, f4)
        _scan(
            x,
            y,
            self.classify,
            out.at,
            out.size,
            self.hyper,
            self.plan.arrays,
            self.learnt,
            self.scratch,
            losses,
            right,
        )
        return losses, right
