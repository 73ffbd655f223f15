"""Whether a plan computes what its torch module does, with all gradients. Imports torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..lowered.plan import Plan
from ..lowered.probe import gradients, outputs
from ..state import Arrays
from .not_lowered import NotLowered

TOLERANCE = 1e-4
"""Largest difference that is let pass, by the largest number of the array."""
ROWS = 3
_ENDS = {"": lambda x: x, "softmax": lambda x: x.softmax(-1), "log_softmax": lambda x: x.log_softmax(-1)}


def disagreement(module: nn.Module, plan: Plan, ends: str, axis: int) -> tuple[float, str]:
    """Worst difference between a module and its plan, by the largest number of each array, and where.

    Both take the same random rows, with weights moved a little so that nothing is 0 by chance. Compared are outputs,
    the gradients of a random sum of them by all parameters and by the inputs, and rows in a batch with rows alone.

    Parameters
    ----------
    module : Module
        Gets other weights.
    plan : Plan
    ends : str
        What the plan leaves out at the end.
    axis : int
        Of the batch in the module's input.
    """
    rng = np.random.default_rng(0)
    weights = plan.weights + (0.1 * rng.standard_normal(len(plan.weights))).astype(np.float32)
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, array in plan.named(weights).items():
            parameters[name].copy_(torch.from_numpy(array))
    rows = rng.standard_normal((ROWS, *plan.input.shape)).astype(np.float32)
    together = module(_batched(rows, axis)).reshape(ROWS, -1)
    found = []
    for row, beside in zip(rows, together, strict=True):
        found += _compared(module, parameters, plan, weights, ends, row, beside, axis, rng)
    return max(found)


def check(module: nn.Module, plan: Plan, ends: str, axis: int) -> float:
    """The worst difference, where it is within the tolerance.

    Raises
    ------
    NotLowered
        Where it is not.
    """
    worst, where = disagreement(module, plan, ends, axis)
    if not worst <= TOLERANCE:
        raise NotLowered(
            f"the compiled step does not agree with torch: {where} differ by {worst:.1e} of the largest"
        )
    return worst


def _batched(rows: np.ndarray, axis: int) -> Tensor:
    return torch.from_numpy(np.moveaxis(rows, 0, axis).copy())


def _compared(
    module: nn.Module,
    parameters: dict[str, nn.Parameter],
    plan: Plan,
    weights: np.ndarray,
    ends: str,
    row: np.ndarray,
    beside: Tensor,
    axis: int,
    rng: np.random.Generator,
) -> list[tuple[float, str]]:
    x = _batched(row[None], axis).requires_grad_()
    y = module(x).reshape(-1)
    direction = torch.from_numpy(rng.standard_normal(len(y)).astype(np.float32))
    of_torch: Arrays = {}
    grads = torch.autograd.grad(y @ direction, [x, *parameters.values()], allow_unused=True)
    for name, p, g in zip(["", *parameters], [x, *parameters.values()], grads, strict=True):
        of_torch[name] = (torch.zeros_like(p) if g is None else g).numpy()
    scores = torch.from_numpy(outputs(plan, weights, row)).requires_grad_()
    ours = _ENDS[ends](scores)
    (by_scores,) = torch.autograd.grad(ours @ direction, scores)
    of_parameters, of_input = gradients(plan, weights, row, by_scores.numpy())
    found = [
        (_apart(ours.detach().numpy(), y.detach().numpy()), "outputs"),
        (_apart(beside.detach().numpy(), y.detach().numpy()), "outputs of a row alone and in a batch"),
        (_apart(of_input.ravel(), of_torch[""].ravel()), "gradients by the inputs"),
    ]
    for name, g in plan.named(of_parameters).items():
        found.append((_apart(g, of_torch[name]), f"gradients by '{name}'"))
    return found


def _apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.shape != theirs.shape or not np.isfinite(theirs).all():
        return float("inf")
    most = float(np.abs(theirs).max(initial=0.0))
    return float(np.abs(ours - theirs).max(initial=0.0)) / max(most, 1e-6)
