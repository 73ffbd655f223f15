"""What a network is to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import SpecError
from .arrays import KNOT_RANGE, KNOTS

ACTIVATIONS = ("spline", "relu", "leaky_relu", "prelu")
RULES = ("sgd", "rms", "factored")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What a network is.

    Parameters
    ----------
    name : str
    hidden : tuple of int
        Units of each layer; sixteen cost what one costs.
    rule : {"sgd", "rms", "factored"}
        How steps are scaled.
    step : float
        Step size.
    reads : tuple of str
        First and last block of the row it reads (see :class:`streamnn.features.layout.Layout`).
    categories : bool
        Whether category rows feed the first layer.
    activation : {"spline", "relu", "leaky_relu", "prelu"}
        Learnable linear spline; or slope 1 above 0 and below it 0, 0.01 or a slope that each unit learns.
    slope, row_norm, out_norm : float
        Lipschitz budget: largest slope of an activation, largest norm of a hidden unit's weights and of an
        output's weights; 0 is no budget.
    beta : float
        Memory of the running mean squares.
    skip_margin : float
        A label whose class was given a probability of more than 1 - `skip_margin`, or of 1 as float32 has it, is not
        learnt from; the running means of gradients fade as if it were. With 0 all others are learnt from.
    average : int
        Learnt events over which a running average of the weights is kept beside them; it predicts as the next member.
        Budgets are convex, so the average keeps them too. 0 keeps none.
    layer_steps : tuple of float
        What `step` is multiplied with in each layer and in the output layer; empty is 1 everywhere.
    bend_step : float
        What a layer's step is multiplied with for its activations.
    knots, range : int, float
        Of each spline, an odd number of knots from -range to range.
    tv : float
        How much the total variation of each spline's slope costs (the paper's lambda): knots that are not worth it
        die. 0 is nothing.
    every : int
        Learnt events between two exact proximal steps, in which knots die; a step costs 2.5 us a unit.
    prune : int
        A knot dead for this number of steps in a row is pruned: it comes back only for four times as much. 0 prunes
        nothing.
    follow : bool
        Whether each spline's grid follows what comes in.
    information : float
        Weight of the information loss: mean squared error of a linear decoder that reconstructs the row from the last
        hidden layer, which is pulled towards what the row says besides the label; 0 is no decoder. It costs a
        reconstruction of all inputs at every learnt event.

    Raises
    ------
    SpecError
        When a field is not allowed.

    Examples
    --------
    >>> NetworkSpec("a", activation="tanh")
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: network a: activation is 'tanh': allowed are spline, relu, leaky_relu, prelu
    """

    name: str
    hidden: tuple[int, ...] = (64,)
    rule: str = "rms"
    step: float = 0.001
    reads: tuple[str, str] = ("x", "x")
    categories: bool = True
    activation: str = "spline"
    slope: float = 1.0
    row_norm: float = 4.0
    out_norm: float = 4.0
    beta: float = 0.999
    skip_margin: float = 0.0
    average: int = 0
    layer_steps: tuple[float, ...] = ()
    bend_step: float = 0.5
    knots: int = KNOTS
    range: float = KNOT_RANGE
    tv: float = 0.0
    every: int = 1000
    prune: int = 0
    follow: bool = False
    information: float = 0.0

    def __post_init__(self) -> None:
        layers = len(self.hidden) + 1
        for field, good, allowed in (
            ("hidden", bool(self.hidden) and all(h >= 1 for h in self.hidden), "one or more units a layer"),
            ("rule", self.rule in RULES, ", ".join(RULES)),
            ("step", self.step >= 0, "numbers of 0 or more"),
            ("activation", self.activation in ACTIVATIONS, ", ".join(ACTIVATIONS)),
            (
                "slope",
                self.activation == "spline" or not 0 < self.slope < 1,
                "for this activation 0 (no budget) and numbers from 1, its slope above 0",
            ),
            ("beta", 0 < self.beta < 1, "numbers between 0 and 1"),
            ("skip_margin", 0 <= self.skip_margin < 1, "numbers from 0 and below 1"),
            ("average", self.average >= 0, "numbers of 0 or more"),
            ("layer_steps", len(self.layer_steps) in (0, layers), f"none, or {layers} numbers"),
            ("knots", self.knots >= 3 and self.knots % 2 == 1, "odd numbers from 3"),
            ("tv", self.tv == 0 or (self.tv > 0 and self.activation == "spline"), "0, and with splines more"),
            ("every", self.every >= 1, "numbers from 1"),
            ("prune", 0 <= self.prune <= 255, "numbers from 0 to 255"),
            ("follow", self.activation == "spline" or not self.follow, "False, and with splines True"),
            ("range", self.range > 0, "numbers above 0"),
            ("information", self.information >= 0, "numbers of 0 or more"),
        ):
            if not good:
                raise SpecError(
                    f"network {self.name}: {field} is {getattr(self, field)!r}: allowed are {allowed}"
                )

    def saved(self) -> dict[str, Any]:
        """The fields as they stand in saved states, where `skip_margin` keeps its first name, ``quiet``."""
        return {"quiet" if k == "skip_margin" else k: getattr(self, k) for k in self.__slots__}

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the predictions it gives."""
        return (self.name, f"{self.name}-mean") if self.average else (self.name,)
