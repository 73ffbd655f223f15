"""What a network of signs is to be."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SpecError


@dataclass(frozen=True, slots=True)
class BitSpec:
    """What a network of signs is.

    Parameters
    ----------
    name : str
    hidden : tuple of int
        Units of each layer; sixty-four cost what one costs.
    step : float
        Step size of the latent weights, which lie between -1 and 1.
    threshold_step : float
        Step size of the units' thresholds.
    output_step : float
        Step size of the output layer, divided by the units of the last layer: units are always all active, so one
        step moves a score by that many weights.
    beta : float
        Memory of the running mean squares of the gradients.
    window : float
        Units whose input is farther than this from their threshold, in standard deviations, get no gradient.
    rate : float
        Of the running mean and variance of each unit's input. Must be slow: a stream's neighbouring rows are alike.
    skip_margin : float
        A label whose class was given a probability of more than 1 - `skip_margin` is not learnt from; 0 learns from
        all.

    Raises
    ------
    SpecError
        When a field is not allowed.

    Examples
    --------
    >>> BitSpec("a", hidden=())
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: network a: hidden is (): allowed are one or more units a layer
    """

    name: str
    hidden: tuple[int, ...] = (1024, 1024)
    step: float = 0.001
    threshold_step: float = 0.003
    output_step: float = 0.12
    beta: float = 0.999
    window: float = 1.0
    rate: float = 2.0**-10
    skip_margin: float = 0.02

    def __post_init__(self) -> None:
        for field, good, allowed in (
            ("hidden", bool(self.hidden) and all(h >= 1 for h in self.hidden), "one or more units a layer"),
            ("step", 0 <= self.step <= 0.1, "numbers from 0 to 0.1"),
            ("threshold_step", self.threshold_step >= 0, "numbers of 0 or more"),
            ("output_step", self.output_step >= 0, "numbers of 0 or more"),
            ("beta", 0 < self.beta < 1, "numbers between 0 and 1"),
            ("window", self.window > 0, "numbers above 0"),
            ("rate", 0 < self.rate <= 0.5, "numbers above 0 and up to 0.5"),
            ("skip_margin", 0 <= self.skip_margin < 1, "numbers from 0 and below 1"),
        ):
            if not good:
                raise SpecError(
                    f"network {self.name}: {field} is {getattr(self, field)!r}: allowed are {allowed}"
                )
