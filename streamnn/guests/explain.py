"""What becomes of a user's network, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ..features.layout import Layout
from ..members.member import Room
from .choosing import choose, torch_member
from .guest import Guest


@dataclass(frozen=True)
class Explanation:
    """How a guest runs; printed, it is what a user reads.

    Parameters
    ----------
    road : str
        ``"lowered"``, ``"traced"`` or ``"eager"``.
    reason : str
        Why no faster one; empty if it is the fastest.
    operations : tuple of str
        Of a lowered one, in their order.
    parameters : tuple of (str, tuple of int)
        Names and shapes.
    optimiser, loss : str
    disagreement : float
        Of a lowered one: largest difference from torch in outputs and gradients, on random rows, by the largest number
        of each array.
    """

    road: str
    reason: str
    operations: tuple[str, ...]
    parameters: tuple[tuple[str, tuple[int, ...]], ...]
    optimiser: str
    loss: str
    disagreement: float

    def __str__(self) -> str:
        lines = [_HEADS[self.road]]
        if self.reason:
            lines.append(f"why not faster: {self.reason}")
        if self.operations:
            lines.append("operations:")
            lines += [f"  {i:>3}  {words}" for i, words in enumerate(self.operations, 1)]
        n = sum(prod(shape) for _, shape in self.parameters)
        lines.append(f"parameters: {n:,}")
        lines += [f"  {name}  {' x '.join(map(str, shape))}" for name, shape in self.parameters]
        lines += [f"optimiser: {self.optimiser}", f"loss: {self.loss}"]
        if self.road == "lowered" and self.disagreement:
            lines.append(
                f"agreement with torch: outputs and gradients within {self.disagreement:.1e} of the largest, on random rows"
            )
        return "\n".join(lines)


_HEADS = {
    "lowered": "lowered: runs in compiled kernels, event by event: from the same first weights the same bits on any machine",
    "traced": "traced: its operations in torch are recorded and replayed",
    "eager": "eager: torch runs the module as it is",
}


def explain(guest: Any, inputs: int, outputs: int) -> Explanation:
    """Which road a network takes and why, and what it is made of.

    Parameters
    ----------
    guest : Guest or callable
        A guest, or a factory with the usual settings.
    inputs, outputs : int
        What it is made for; one output is a number, more are classes.

    Raises
    ------
    SpecError
        When it can't be a guest, or can't take the road that it asks for.
    MissingPackage
        When it is one of torch, and there is no torch.

    Examples
    --------
    >>> from streamnn.lowered.grouped_network import grouped_network
    >>> print(explain(grouped_network(units=8, groups=2, by="fixed"), 4, 2))
    lowered: runs in compiled kernels, event by event: from the same first weights the same bits on any machine
    operations:
        1  LearnedShuffle(4)
        2  Grouped(4 -> 8, 2 groups)
        3  leaky_relu(0.01)
        4  Linear(8 -> 2)
    parameters: 42
      first.weight  8 x 2
      first.bias  8
      last.weight  2 x 8
      last.bias  2
    optimiser: adam, lr 0.01
    loss: cross_entropy
    """
    if not isinstance(guest, Guest):
        guest = Guest(guest)
    classify = outputs > 1 and not guest.mirrors
    choice = choose(guest, inputs, outputs, classify)
    words = _optimiser(guest), _loss(guest, classify)
    if choice.plan is not None:
        leaves = tuple((leaf.name, leaf.shape) for leaf in choice.plan.leaves)
        return Explanation("lowered", "", choice.plan.words, leaves, *words, choice.disagreement)
    layout = Layout(inputs, 0, 0, 0, outputs, 0, 0, 0)
    room = Room(layout, layout, np.arange(inputs), outputs, 0, classify, 0)
    member = torch_member(replace(guest, rows="x"), "guest", False, room)
    reasons = [f"not lowered: {choice.reason}"]
    if member.road == "eager" or member.reason:
        way = "not replayed by one kernel" if member.road == "traced" else "not traced"
        reasons.append(f"{way}: {member.reason}")
    found = tuple(
        (leaf.removeprefix("param/"), v.shape) for leaf, v in member.s.items() if leaf.startswith("param/")
    )
    return Explanation(member.road, "; ".join(reasons), (), found, *words, 0.0)


def _optimiser(guest: Guest) -> str:
    if callable(guest.optimizer):
        return f"made by {_called(guest.optimizer)}"
    options = {"lr": guest.lr, **guest.optimizer_options}
    return ", ".join([guest.optimizer, *(f"{name} {value}" for name, value in options.items())])


def _loss(guest: Guest, classify: bool) -> str:
    found = guest.loss_for(classify)
    return found if isinstance(found, str) else _called(found)


def _called(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
