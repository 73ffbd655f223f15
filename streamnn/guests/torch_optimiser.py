"""Torch's optimisers, whose state lies in named arrays. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import SpecError
from ..state import Arrays
from .guest import Guest

MOMENTS = {
    "exp_avg": "moment1",
    "momentum_buffer": "moment1",
    "exp_avg_sq": "moment2",
    "square_avg": "moment2",
}
"""Torch's names of what an optimiser keeps of a parameter, and ours."""
_MAKERS: dict[str, Any] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
_FUSED = ("sgd", "adam", "adamw")

Parameters = Mapping[str, Tensor]


def optimiser_of(guest: Guest, parameters: Parameters) -> torch.optim.Optimizer:
    """The optimiser that a guest asks for; of those named, torch's fused implementation where there is one.

    Raises
    ------
    SpecError
        When an option is none of the optimiser's.
    """
    if callable(guest.optimizer):
        made: torch.optim.Optimizer = guest.optimizer(list(parameters.values()))
        return made
    options = dict(guest.optimizer_options)
    if guest.optimizer in _FUSED and not {"foreach", "fused", "amsgrad"} & options.keys():
        options["fused"] = True
    try:
        found: torch.optim.Optimizer = _MAKERS[guest.optimizer](
            list(parameters.values()), lr=guest.lr, **options
        )
        return found
    except (TypeError, ValueError) as error:
        raise SpecError(
            f"guest option optimizer_options is {dict(guest.optimizer_options)!r}: {error}"
        ) from None


def implementation(optimiser: torch.optim.Optimizer) -> str:
    """Which one it is: two implementations of a rule differ in their last bits."""
    group = optimiser.param_groups[0]
    return type(optimiser).__name__ + "".join(f" {how}" for how in ("fused", "foreach") if group.get(how))


def zero_moments(guest: Guest, parameters: Parameters) -> tuple[Arrays, tuple[str, ...], str]:
    """The arrays that hold the optimiser's state, all 0; torch's names of what it keeps; and which one it is.

    Those of a parameter's shape are named ``moment1/<parameter>``; numbers lie together, one a parameter, as ``step``.
    Before its first step an optimiser has no state, which is not always the same as zeros.

    Raises
    ------
    SpecError
        When it keeps anything else.
    """
    tried = {name: torch.zeros_like(p, requires_grad=True) for name, p in parameters.items()}
    optimiser = optimiser_of(guest, tried)
    for p in tried.values():
        p.grad = torch.zeros_like(p)
    try:
        optimiser.step()
    except TypeError as error:  # such as one that calls the loss itself
        raise SpecError(
            f"the optimiser {implementation(optimiser)} makes no step by gradients alone: {error}"
        ) from None
    found: Arrays = {}
    keys: dict[str, None] = {}
    for name, p in tried.items():
        for key, v in optimiser.state[p].items():
            if v is None:
                continue
            if not isinstance(v, Tensor) or v.dtype != torch.float32 or (v.dim() and v.shape != p.shape):
                raise SpecError(
                    f"the optimiser {implementation(optimiser)} keeps {key!r}, no tensor as large as a parameter and "
                    "no number: its state can't be saved"
                )
            keys[key] = None
            if key != "step" and v.shape == p.shape:
                found[_leaf(key, name)] = np.zeros(p.shape, np.float32)
            else:
                found[key] = np.zeros(len(tried), np.float32)
    return found, tuple(keys), implementation(optimiser)


def link(
    optimiser: torch.optim.Optimizer, parameters: Parameters, arrays: Arrays, keys: tuple[str, ...]
) -> None:
    """Let the optimiser's state be these arrays, as they are: on the CPU it works on their memory."""
    for i, (name, p) in enumerate(parameters.items()):
        leaves = {key: arrays.get(_leaf(key, name)) for key in keys}
        optimiser.state[p] = {
            key: torch.from_numpy(arrays[key])[i] if leaf is None else torch.from_numpy(leaf).to(p.device)
            for key, leaf in leaves.items()
        }


def direct_step(optimiser: torch.optim.Optimizer, arrays: Arrays) -> Callable[[list[Tensor]], None] | None:
    """The same operation that the optimiser's step ends in, without what it does around it; None if it is not fused.

    Its state is that of :func:`link`, on the CPU.
    """
    (group, *others), state = optimiser.param_groups, optimiser.state
    if others or not group.get("fused") or group.get("amsgrad"):
        return None
    ps: list[Tensor] = [p.detach() for p in group["params"]]
    kept = [state[p] for p in group["params"]]
    if isinstance(optimiser, torch.optim.SGD):
        momentum = [k["momentum_buffer"] for k in kept if "momentum_buffer" in k]
        options = {
            k: group[k] for k in ("weight_decay", "momentum", "lr", "dampening", "nesterov", "maximize")
        }
        return lambda gs: torch._fused_sgd_(ps, gs, momentum, is_first_step=False, **options)
    if not isinstance(optimiser, torch.optim.Adam):
        return None
    first, second, steps = ([k[key] for k in kept] for key in ("exp_avg", "exp_avg_sq", "step"))
    (beta1, beta2), decoupled = group["betas"], group.get("decoupled_weight_decay")
    options = {k: group[k] for k in ("lr", "weight_decay", "eps", "amsgrad", "maximize")} | {
        "beta1": beta1,
        "beta2": beta2,
    }
    fused = (
        torch._fused_adamw_ if decoupled or isinstance(optimiser, torch.optim.AdamW) else torch._fused_adam_
    )

    def step(gs: list[Tensor]) -> None:
        arrays["step"] += 1  # they are its memory
        fused(ps, gs, first, second, [], steps, **options)

    return step


def store(optimiser: torch.optim.Optimizer, parameters: Parameters, arrays: Arrays) -> None:
    """Write the optimiser's state into the arrays."""
    for i, (name, p) in enumerate(parameters.items()):
        for key, v in optimiser.state.get(p, {}).items():
            if v is None:
                continue
            leaf = arrays.get(_leaf(key, name))
            if leaf is None:
                arrays[key][i] = float(v)
            else:
                leaf[...] = v.detach().cpu().numpy()


def _leaf(key: str, name: str) -> str:
    return f"{MOMENTS.get(key, key)}/{name}"
