"""Which road a guest takes, and why. Torch is imported where there is something to choose."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MissingPackage, SpecError, StateError
from ..lowered.optimisers import Optimiser
from ..lowered.plan import Plan
from ..members.member import Factory, Member, Room
from .growth import Rule
from .guest import Guest
from .lowered_member import LoweredMember
from .not_lowered import NotLowered

if TYPE_CHECKING:
    from .lowering import Lowered
    from .torch_member import TorchMember


class Choice(NamedTuple):
    """Whether compiled kernels run a guest, and what they need for it."""

    reason: str
    """Why they do not; empty where they do."""
    plan: Plan | None = None
    optimiser: Optimiser | None = None
    """None where `make` gives a plan: then the guest's options say all."""
    loss: str = ""
    rule: Rule | None = None
    disagreement: float = 0.0
    """Largest difference from torch, see :func:`streamnn.guests.verifying.check`; 0 where there is no torch module."""


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


def choose(guest: Guest, inputs: int, outputs: int, classify: bool, seed: int = 0) -> Choice:
    """Whether a guest is lowered at a width.

    Raises
    ------
    SpecError
        When it asks for a road that it can't take; says why.
    MissingPackage
        When `make` gives no plan, and there is no torch.
    """
    first = _made(guest, inputs, outputs, seed)
    if isinstance(first, Plan):
        if guest.road not in ("auto", "lowered"):
            raise SpecError(f"guest option road is {guest.road!r}, but make gives a plan, which is lowered")
        return Choice("", first)
    from .one_thread import OneThread

    if guest.road not in ("auto", "lowered"):
        return Choice(f"road={guest.road!r} was asked for")
    try:
        with OneThread():
            return _lowered(guest, inputs, outputs, classify, seed)
    except NotLowered as error:
        if guest.road == "lowered":
            raise SpecError(f"guest option road is 'lowered': {error}") from None
        return Choice(str(error))


def torch_member(guest: Guest, name: str, watched: bool, room: Room) -> TorchMember:
    """The member that a guest is where torch runs it."""
    from .scores import with_scores
    from .torch_member import TorchMember

    inputs, outputs = _widths(guest, room)
    if guest.mirrors:
        from .mirrored import with_errors

        guest = with_errors(guest)
    if room.classify:
        guest = with_scores(guest, inputs, outputs, room.seed)
    return TorchMember(guest, name, watched, room)


def _member(guest: Guest, name: str, watched: bool, room: Room) -> Member:
    by_torch = f"{name}/sizes" in room.saved
    if by_torch and guest.road == "auto":  # it goes on as it was, even if kernels know its layers by now
        return torch_member(guest, name, watched, room)
    choice = choose(guest, *_widths(guest, room), room.classify, room.seed)
    if choice.reason and room.saved and not by_torch:
        raise StateError(
            f"guest {name!r} was learnt by compiled kernels, which do not know it any more: {choice.reason}"
        )
    if choice.reason:
        return torch_member(guest, name, watched, room)
    make = None if choice.optimiser is None else partial(_plan, guest, room.seed)
    return LoweredMember(guest, name, watched, room, make, choice.optimiser, choice.loss, choice.rule)


def _widths(guest: Guest, room: Room) -> tuple[int, int]:
    inputs = max(room.layout.width(guest.reads), 1)
    if guest.mirrors:
        return inputs, inputs
    return inputs, max(room.values, 2) if room.classify else 1


def _plan(guest: Guest, seed: int, inputs: int, outputs: int) -> Plan:
    from .one_thread import OneThread

    with OneThread():
        return _module_lowered(guest, inputs, outputs, seed).plan


def _made(guest: Guest, inputs: int, outputs: int, seed: int) -> Any:
    """What the factory gives. A plan needs no torch; where torch is there already its generator is left as it was."""
    make: Callable[[], Any] = partial(guest.new, inputs, outputs)
    if sys.modules.get("torch") is not None:
        from .draws import own_draws

        with own_draws(seed):
            return make()
    try:
        return make()
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise MissingPackage("torch", "torch", "a guest that is a torch module") from error


def _lowered(guest: Guest, inputs: int, outputs: int, classify: bool, seed: int) -> Choice:
    from .losses import loss_name
    from .making import facts_of, made
    from .optimisers import optimiser_of
    from .torch_optimiser import optimiser_of as torch_optimiser_of

    if guest.mirrors:
        from .mirrored import with_errors

        rule = facts_of(with_errors(guest), inputs, 1, seed, classify).rule
    else:
        rule = facts_of(guest, inputs, outputs, seed, classify).rule
    if rule.columns and classify and guest.rows == "history":
        raise NotLowered(
            f"rows='history' widen with every class, and it takes no more inputs: {rule.columns}"
        )
    if guest.device != "cpu":
        raise NotLowered(f"its device is {guest.device!r}, and compiled kernels run on the CPU")
    loss = "reconstruct" if guest.mirrors else loss_name(guest, classify)
    if not loss:
        raise NotLowered("its loss is a function that compiled kernels do not know")
    parameters: dict[str, Any] = dict(made(guest, inputs, outputs, seed).named_parameters())
    optimiser = optimiser_of(torch_optimiser_of(guest, parameters), parameters.values())
    lowered = _module_lowered(guest, inputs, outputs, seed)
    if lowered.ends and not classify:
        raise NotLowered(f"it ends with a {lowered.ends}, and labels are numbers")
    return Choice("", lowered.plan, optimiser, loss, rule, lowered.disagreement)


def _module_lowered(guest: Guest, inputs: int, outputs: int, seed: int) -> Lowered:
    from .lowering import lower
    from .making import made

    shape = (guest.window, inputs) if guest.window else (inputs,)
    return lower(made(guest, inputs, outputs, seed), shape, guest.latent, guest.time_first)
