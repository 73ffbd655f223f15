"""A torch module as a plan that compiled kernels follow. Imports torch."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn

from ..errors import SpecError
from ..lowered.plan import Plan
from . import arithmetic, layers, moves, own_modules, pools
from .draws import own_draws
from .not_lowered import NotLowered
from .recorded import EVENTS_TRIED, Handler
from .recorder import Recorder
from .verifying import check

_HANDLERS: dict[str, Handler] = {
    **moves.LOWERED_MOVES,
    **layers.LOWERED_LAYERS,
    **pools.LOWERED_POOLS,
    **arithmetic.LOWERED_ARITHMETIC,
}


class Lowered(NamedTuple):
    """A module that compiled kernels can run."""

    plan: Plan
    ends: str
    """``"softmax"`` or ``"log_softmax"`` where the module ends with one: the plan gives the scores before it."""
    disagreement: float
    """Largest difference from torch, in outputs and gradients, by the largest number of each array."""


def lower(module: nn.Module, shape: tuple[int, ...], latent: str = "", time_first: bool = False) -> Lowered:
    """What a module computes for one event, as a table of operations.

    The module runs once on random numbers, and what it calls of torch is written down; any Python may stand around
    that. Then outputs and gradients of the plan are compared with torch's.

    Parameters
    ----------
    module : Module
        Of float32, on the CPU. It is left as it is.
    shape : tuple of int
        Of one event: (inputs,), or (window, inputs).
    latent : str
        Name of the submodule whose input is the latent; the last linear layer if not given.
    time_first : bool
        The module takes (window, events, inputs), and (events, window, inputs) otherwise.

    Raises
    ------
    NotLowered
        With the layer, and what of it compiled kernels do not know.

    Examples
    --------
    >>> lowered = lower(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.Softmax(-1)), (4,))
    >>> lowered.plan.words, lowered.ends
    (('Linear(4 -> 8)', 'relu', 'Linear(8 -> 2)'), 'softmax')
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise NotLowered("the module is a TorchScript one, which can't be looked into")
    for name, p in (*module.named_parameters(), *module.named_buffers()):
        if (p.is_floating_point() and p.dtype != torch.float32) or p.is_complex():
            raise NotLowered(f"'{name}' is of type {p.dtype}: compiled kernels have float32 only")
        if p.device.type != "cpu":
            raise NotLowered(f"'{name}' lies on {p.device}: compiled kernels run on the CPU")
    axis = 1 if time_first and len(shape) > 1 else 0
    copy = deepcopy(module)
    with own_draws(0):
        plan, ends = _recorded(deepcopy(copy).train(), shape, latent, axis)
        worst = check(copy.eval(), plan, ends, axis)
    return Lowered(plan, ends, worst)


def _recorded(module: nn.Module, shape: tuple[int, ...], latent: str, axis: int) -> tuple[Plan, str]:
    before = {name: b.clone() for name, b in module.named_buffers()}
    x = torch.randn(*shape[:axis], EVENTS_TRIED, *shape[axis:])
    recorder = Recorder(module, shape, _HANDLERS, own_modules.OWN_MODULES)
    recorder.start(x, axis)
    try:
        with recorder:
            out = module(x)
    except NotLowered:
        raise
    except SpecError as error:  # of an operation: sizes that it does not take
        raise recorder.refuse(f"can't be a compiled step: {error}") from None
    except Exception as error:
        raise NotLowered(
            f"the module fails on {tuple(x.shape)} numbers: {type(error).__name__}: {error}"
        ) from error
    for name, b in module.named_buffers():
        if name not in before or not torch.equal(b, before[name]):
            raise NotLowered(
                f"buffer '{name}' changes as the module runs, which the compiled kernel does not know"
            )
    return recorder.finish(out, latent)
