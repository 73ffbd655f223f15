"""What leaves for the device: an integer network with its feature stage, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .input_stage import InputStage
from .modules import Module, Output
from .sensors import Sensor


@dataclass(frozen=True, slots=True)
class Target:
    """Units of a number that is predicted: value = (logit * 2**(scale - logit_fraction) + mean), in raw units.

    Parameters
    ----------
    mean : int
        Raw units of the target's own sensor format.
    scale : int
        Binary logarithm of the raw units that one unit of the network's output is worth.
    fraction : int
        Fraction bits of a raw unit.
    """

    mean: int
    scale: int
    fraction: int


@dataclass(frozen=True, slots=True)
class Surprise:
    """A diagonal density of the last hidden module's integers, one a class; the best class counts.

    surprise = min over classes of constant_c + sum_j shifted((z_j - mean_cj)**2, shift_cj), in 16ths of a nat.

    Parameters
    ----------
    mean : ndarray of int64, shape (classes, units)
        int8.
    shift : ndarray of int64, shape (classes, units)
        To the right, without rounding; negative to the left.
    constant : ndarray of int64, shape (classes,)
    threshold : int
        What is above is unlike what was seen.
    """

    mean: np.ndarray
    shift: np.ndarray
    constant: np.ndarray
    threshold: int


@dataclass(frozen=True, slots=True)
class Artefact:
    """An integer model: raw sensor integers in, logits out, and what it may learn on the device.

    Parameters
    ----------
    sensors : tuple of Sensor
    stage : InputStage
    modules : tuple of Module
        In the order of the data; the last has an :class:`Output`.
    classes : tuple
        Labels by class number; empty where a number is predicted.
    target : Target or None
        Where a number is predicted.
    learning : {"off", "bias", "layer"}
        What the device learns from labels that reach it.
    surprise : Surprise or None
    bound : float
        Certified slope from the standardised inputs (without categories) to the natural logits, of the dequantised
        network, l2; 0 where none was made.
    rounding : float
        What rounding may add to the distance of two outputs, l2, natural logits.
    about : dict
        For a person: when it was published and why, scores.
    margin : tuple of float
        Slope and rounding of the worst pair of logits, over root 2: a certified radius goes by them. They are no larger
        than `bound` and `rounding`, which stand for them where they are 0.
    weight_step : int
        Binary logarithm of one over the step with which the device learns weights of the last layer.
    """

    sensors: tuple[Sensor, ...]
    stage: InputStage
    modules: tuple[Module, ...]
    classes: tuple[Any, ...] = ()
    target: Target | None = None
    learning: str = "off"
    surprise: Surprise | None = None
    bound: float = 0.0
    rounding: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)
    margin: tuple[float, float] = (0.0, 0.0)
    weight_step: int = 7

    @property
    def outputs(self) -> int:
        """How many logits."""
        return self.modules[-1].units

    @property
    def logit_fraction(self) -> int:
        """Fraction bits of the logits."""
        last = self.modules[-1]
        assert isinstance(last.after, Output)
        return int((last.fraction + last.after.align)[0])
