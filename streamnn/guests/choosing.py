"""Which road a guest takes, and why. Torch is imported where there is something to choose."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from ..errors import MissingPackage, SpecError
from ..lowered.optimisers import Optimiser
from ..lowered.plan import Plan
from ..members.member import Factory, Member, Room
from .guest import Guest
from .lowered_member import LoweredMember
from .not_lowered import NotLowered


class Road(NamedTuple):
    """How a guest runs."""

    name: str
    """``"lowered"``, ``"traced"`` or ``"eager"``."""
    reason: str
    """Why no faster one; empty if it is the fastest."""
    words: tuple[str, ...] = ()
    """Of a lowered one, every operation."""
    plan: Plan | None = None
    optimiser: Optimiser | None = None
    loss: str = ""
    disagreement: float = 0.0
    """Of a lowered one: largest difference from torch, see :func:`streamnn.guests.verifying.check`."""


def guest_member(guest: Guest, name: str, watched: bool = False) -> Factory:
    """What makes the member of a pool that a guest is: lowered if it can be, else traced, else eager.

    Parameters
    ----------
    guest : Guest
    name : str
        Of its prediction, and the prefix of its arrays.
    watched : bool
        Whether it writes its latents.

    Returns
    -------
    callable
        Takes a :class:`Room`; it can be pickled where the guest can. It raises SpecError where the guest can't take
        the road that it asks for, and MissingPackage where it is one of torch and there is no torch.
    """
    return partial(_member, guest, name, watched)


def road_of(guest: Guest, inputs: int, outputs: int, classify: bool, seed: int = 0) -> Road:
    """The road that a guest takes at a width.

    Raises
    ------
    SpecError
        When it asks for one that it can't take; says why.
    MissingPackage
        When `make` gives no plan, and there is no torch.
    """
    first = _made(guest, inputs, outputs, seed)
    if isinstance(first, Plan):
        if guest.road not in ("auto", "lowered"):
            raise SpecError(f"guest option road is {guest.road!r}, but make gives a plan, which is lowered")
        return Road("lowered", "", first.words, first)
    if guest.road in ("auto", "lowered"):
        try:
            return _lowered(guest, inputs, outputs, classify, seed)
        except NotLowered as error:
            if guest.road == "lowered":
                raise SpecError(f"guest option road is 'lowered': {error}") from None
            reason = f"not lowered: {error}"
    else:
        reason = f"guest option road is {guest.road!r}"
    return Road("eager", reason)


def plan_of(guest: Guest, seed: int, inputs: int, outputs: int) -> Plan:
    """The plan of a torch guest at a width.

    Raises
    ------
    NotLowered
        When it has none.
    """
    return _module_lowered(guest, inputs, outputs, seed).plan


def _member(guest: Guest, name: str, watched: bool, room: Room) -> Member:
    inputs, outputs = max(room.piece(guest.reads)[1], 1), max(room.values, 2) if room.classify else 1
    road = road_of(guest, inputs, outputs, room.classify, room.seed)
    if road.name == "lowered":
        make = None if road.optimiser is None else partial(plan_of, guest, room.seed)
        return LoweredMember(guest, name, watched, room, make, road.optimiser, road.loss)
    from .scores import with_scores
    from .torch_member import TorchMember

    if room.classify:
        guest = with_scores(guest, inputs, outputs, room.seed)
    return TorchMember(replace(guest, road=road.name), name, watched, room)


def _made(guest: Guest, inputs: int, outputs: int, seed: int) -> Any:
    """What the factory gives. A plan needs no torch; where torch is there already its generator is left as it was."""
    make: Callable[[], Any] = partial(guest.make, inputs, outputs)
    if "torch" in sys.modules:
        from .making import own_draws

        with own_draws(seed):
            return make()
    try:
        return make()
    except ImportError as error:
        if error.name != "torch":
            raise
        raise MissingPackage("torch", "torch", "a guest that is a torch module") from error


def _lowered(guest: Guest, inputs: int, outputs: int, classify: bool, seed: int) -> Road:
    from .losses import loss_name
    from .making import made
    from .optimisers import optimiser_of
    from .torch_optimiser import optimiser_of as torch_optimiser_of

    if guest.device != "cpu":
        raise NotLowered(f"its device is {guest.device!r}, and compiled kernels run on the CPU")
    loss = loss_name(guest, classify)
    if not loss:
        raise NotLowered("its loss is a function that compiled kernels do not know")
    lowered = _module_lowered(guest, inputs, outputs, seed)
    parameters: dict[str, Any] = dict(made(guest, inputs, outputs, seed).named_parameters())
    optimiser = optimiser_of(torch_optimiser_of(guest, parameters), parameters.values())
    if lowered.plan.output.size != outputs:
        raise NotLowered(f"it gives {lowered.plan.output.size} numbers where {outputs} were asked for")
    if lowered.ends and not classify:
        raise NotLowered(f"it ends with a {lowered.ends}, and labels are numbers")
    plan = lowered.plan
    return Road("lowered", "", plan.words, plan, optimiser, loss, lowered.disagreement)


def _module_lowered(guest: Guest, inputs: int, outputs: int, seed: int) -> Any:
    from .lowering import lower
    from .making import made

    shape = (guest.window, inputs) if guest.window else (inputs,)
    return lower(made(guest, inputs, outputs, seed), shape, guest.latent, guest.time_first)
