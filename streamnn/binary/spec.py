"""What a binarised network is to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import SpecError

FIRST_LAYERS = ("real", "ternary", "binary")
HIDDEN_WEIGHTS = ("real", "binary")
BINARY_RULES = ("rms", "adamax", "bop", "sgd")
NORMALISATIONS = ("shift", "running", "online")
ESTIMATORS = ("window", "triangle")
SIGN_ACTIVATIONS = ("deterministic", "stochastic")


@dataclass(frozen=True, slots=True)
class BinarySpec:
    """What a binarised network is (Courbariaux et al. 2016), learnt from one event at a time.

    Weights are signs of clipped numbers, the latents, which take the steps. A unit's value is the sign of its
    normalised sum.

    Parameters
    ----------
    name : str
    hidden : tuple of int
        Units of each layer; sixteen cost what one costs.
    first : {"real", "ternary", "binary"}
        Weights of the inputs: float, eight bits when folded; -1, 0 and 1; or -1 and 1, which cannot say that an input
        does not matter.
    weights : {"binary", "real"}
        Those between hidden layers.
    rule : {"rms", "adamax", "bop", "sgd"}
        How latents step; real weights step by RMS whatever the rule. "adamax" is the shift-based one of the paper,
        "bop" (Helwegen et al. 2019) flips signs without latents.
    step : float
        Of latents and of real hidden weights.
    output_step : float
        Of the output layer, divided by the units of the last hidden layer: each is always on, so that one step moves
        a logit by as many steps as there are units. For noisy labels take a quarter.
    threshold_step : float
        Of the units' thresholds.
    normalisation : {"shift", "running", "online"}
        By running means and variances with powers of two as factors; with factors as they come; with the gradient
        through them corrected as well (Chiley et al. 2019), for two layers on images.
    rate : float
        Of running means and variances. A fast one makes them those of the last events, and learning fails.
    estimator : {"triangle", "window"}
        What stands in for the slope of a sign: the most at 0, falling to nothing at the ends of the window (Liu et al.
        2018); or 1 within the window, straight through (Bengio et al. 2013), as in the paper.
    window : float
    start, clip : float
        Latents begin within +-start and stay within +-clip.
    delta : float
        A ternary weight is 0 where its latent is within +-delta: .2 for tables, .1 for images.
    beta : float
        Memory of the running mean squares.
    bop_rate, bop_threshold : float
        How fast Bop's mean gradient moves, and above what it flips a sign.
    skip_margin : float
        A label whose class was given a probability of more than 1 - `skip_margin` is not learnt from.
    average : int
        Learnt events over which a running average of latents and weights is kept beside them; its signs predict as
        the next member. 0 keeps none.
    activation : {"deterministic", "stochastic"}
        Stochastic units are +1 with probability clip((u + 1) / 2, 0, 1) while they learn. Predictions are
        deterministic.
    reads : tuple of str
        First and last block of the row it reads (see :class:`streamnn.features.layout.Layout`).
    categories : bool
        Whether category rows feed the first layer.

    Raises
    ------
    SpecError
        When a field is not allowed.

    Examples
    --------
    >>> BinarySpec("b", first="one bit")
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: binary network b: first is 'one bit': allowed are real, ternary, binary
    """

    name: str
    hidden: tuple[int, ...] = (64,)
    first: str = "real"
    weights: str = "binary"
    rule: str = "rms"
    step: float = 0.001
    output_step: float = 0.12
    threshold_step: float = 0.01
    normalisation: str = "shift"
    rate: float = 2.0**-10
    estimator: str = "triangle"
    window: float = 1.0
    start: float = 0.1
    clip: float = 1.0
    delta: float = 0.2
    beta: float = 0.999
    bop_rate: float = 1e-3
    bop_threshold: float = 1e-5
    skip_margin: float = 0.02
    average: int = 2000
    activation: str = "deterministic"
    reads: tuple[str, str] = ("x", "x")
    categories: bool = True

    def __post_init__(self) -> None:
        for field, good, allowed in (
            ("hidden", bool(self.hidden) and all(h >= 1 for h in self.hidden), "one or more units a layer"),
            ("first", self.first in FIRST_LAYERS, ", ".join(FIRST_LAYERS)),
            ("weights", self.weights in HIDDEN_WEIGHTS, ", ".join(HIDDEN_WEIGHTS)),
            ("rule", self.rule in BINARY_RULES, ", ".join(BINARY_RULES)),
            ("rule", self.rule != "bop" or self.first != "ternary", "with a ternary first layer all but bop"),
            ("step", self.step >= 0, "numbers of 0 or more"),
            ("output_step", self.output_step >= 0, "numbers of 0 or more"),
            ("threshold_step", self.threshold_step >= 0, "numbers of 0 or more"),
            ("normalisation", self.normalisation in NORMALISATIONS, ", ".join(NORMALISATIONS)),
            ("rate", 0 < self.rate <= 1, "numbers above 0 and up to 1"),
            ("estimator", self.estimator in ESTIMATORS, ", ".join(ESTIMATORS)),
            ("window", self.window > 0, "numbers above 0"),
            ("start", 0 <= self.start <= self.clip, "numbers from 0 to clip"),
            ("clip", self.clip > 0, "numbers above 0"),
            ("delta", 0 < self.delta < self.clip, "numbers between 0 and clip"),
            ("beta", 0 < self.beta < 1, "numbers between 0 and 1"),
            ("bop_rate", 0 < self.bop_rate <= 1, "numbers above 0 and up to 1"),
            ("bop_threshold", self.bop_threshold >= 0, "numbers of 0 or more"),
            ("skip_margin", 0 <= self.skip_margin < 1, "numbers from 0 and below 1"),
            ("average", self.average >= 0, "numbers of 0 or more"),
            ("activation", self.activation in SIGN_ACTIVATIONS, ", ".join(SIGN_ACTIVATIONS)),
        ):
            if not good:
                raise SpecError(
                    f"binary network {self.name}: {field} is {getattr(self, field)!r}: allowed are {allowed}"
                )

    def saved(self) -> dict[str, Any]:
        """The fields as they stand in saved states."""
        return {k: getattr(self, k) for k in self.__slots__}

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the predictions it gives."""
        return (self.name, f"{self.name}-mean") if self.average else (self.name,)
