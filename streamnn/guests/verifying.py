"""Whether a plan computes what its torch module does, with all gradients. Imports torch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..lowered.plan import Plan
from ..lowered.probe import gradients, outputs
from .not_lowered import NotLowered

TOLERANCE = 1e-4
"""Largest difference that is let pass, by the largest number of the array."""
ROWS = 3
_ENDS = {"": lambda x: x, "softmax": lambda x: x.softmax(-1), "log_softmax": lambda x: x.log_softmax(-1)}


class Pair(NamedTuple):
    """What came of a plan, and of torch."""

    what: str
    ours: np.ndarray
    theirs: np.ndarray


def check(module: nn.Module, plan: Plan, ends: str, axis: int) -> float:
    """How far a plan is from its module, by the largest number of each array.

    Both take the same random rows, with weights moved a little so that nothing is 0 by chance. Compared are outputs,
    the gradients of a random sum of them by all parameters and by the inputs, and rows in a batch with rows alone. Of
    gradients far below the largest of all, differences count by a hundredth of that: what is 0 but for rounding has
    no digits to agree in.

    Parameters
    ----------
    module : Module
        In eval mode; gets other weights.
    plan : Plan
    ends : str
        What the plan leaves out at the end.
    axis : int
        Of the batch in the module's input.

    Raises
    ------
    NotLowered
        Where the difference is above the tolerance.
    """
    rng = np.random.default_rng(0)
    weights = plan.weights + (0.1 * rng.standard_normal(len(plan.weights))).astype(np.float32)
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, array in plan.named(weights).items():
            parameters[name].copy_(torch.from_numpy(array))
    rows = rng.standard_normal((ROWS, *plan.input.shape)).astype(np.float32)
    together = module(_batched(rows, axis)).detach().reshape(ROWS, -1).numpy()
    worst = 0.0
    for row, beside in zip(rows, together, strict=True):
        said, by = _both(module, parameters, plan, weights, ends, row, axis, rng)
        least = 1e-2 * max(float(np.abs(pair.theirs).max(initial=0.0)) for pair in by)
        beside_alone = Pair("outputs of an event in a batch and alone", beside, said.theirs)
        for pair, floor in [(beside_alone, 0.0), (said, 0.0), *((p, least) for p in by)]:
            far = _apart(pair, floor)
            worst = max(worst, far)
            if not far <= TOLERANCE:
                raise NotLowered(
                    f"the compiled step does not agree with torch: {pair.what} differ by {far:.1e} of the largest"
                )
    return worst


def _batched(rows: np.ndarray, axis: int) -> Tensor:
    return torch.from_numpy(np.moveaxis(rows, 0, axis).copy())


def _both(
    module: nn.Module,
    parameters: dict[str, nn.Parameter],
    plan: Plan,
    weights: np.ndarray,
    ends: str,
    row: np.ndarray,
    axis: int,
    rng: np.random.Generator,
) -> tuple[Pair, list[Pair]]:
    """Outputs of a row, and gradients."""
    x = _batched(row[None], axis).requires_grad_()
    y = module(x).reshape(-1)
    direction = torch.from_numpy(rng.standard_normal(len(y)).astype(np.float32))
    every = {"": x, **parameters}
    try:
        grads = torch.autograd.grad(y @ direction, list(every.values()), allow_unused=True)
    except RuntimeError as error:
        raise NotLowered(f"torch itself has no gradient of it: {error}") from error
    theirs = {
        name: (torch.zeros_like(p) if g is None else g).numpy()
        for (name, p), g in zip(every.items(), grads, strict=True)
    }
    scores = torch.from_numpy(outputs(plan, weights, row)).requires_grad_()
    ours = _ENDS[ends](scores)
    (by_scores,) = torch.autograd.grad(ours @ direction, scores)
    of_parameters, of_input = gradients(plan, weights, row, by_scores.numpy())
    by = [Pair(f"gradients by '{name}'", g, theirs[name]) for name, g in plan.named(of_parameters).items()]
    by.append(Pair("gradients by the inputs", of_input.ravel(), theirs[""].ravel()))
    return Pair("outputs", ours.detach().numpy(), y.detach().numpy()), by


def _apart(pair: Pair, least: float) -> float:
    if pair.ours.shape != pair.theirs.shape or not np.isfinite(pair.theirs).all():
        return float("inf")
    most = float(np.abs(pair.theirs).max(initial=0.0))
    return float(np.abs(pair.ours - pair.theirs).max(initial=0.0)) / max(most, least, 1e-6)
