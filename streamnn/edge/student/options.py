"""What a student is to be, and when it is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import SpecError

TARGETS = ("half", "labels", "pool")
STUDENT_NETWORKS = ("spline", "sign", "ternary", "binary")
LEARNING = ("auto", "off", "bias", "layer")
FIRST_PUBLICATIONS = (64, 128, 256, 512, 1000, 2000, 3500)


@dataclass(frozen=True, slots=True)
class StudentOptions:
    """What a student is to be, and when it is published.

    Parameters
    ----------
    weights : int
        Bits of weights, 3 to 8; activations and knots have 8.
    network : {"spline", "sign", "ternary", "binary"}
        Learnt splines; 8-bit weights and signs; weights of -1, 0, 1 and signs; weights of -1, 1 and signs.
    hidden : tuple of int
        Units of each layer; none is 32, 64 where there are more than 128 columns, and 64-32 for a number.
    target : {"half", "labels", "pool"}
        What is learnt: half the label and half the pool's forecast, or one of them.
    history : bool
        Whether labels reach the device, and the last ones are read.
    every : int
        Learnt events between two publications, after the first ones.
    first : tuple of int
        Learnt events at the first publications.
    limit : float or None
        An artefact is refused while the one in the field has a loss above this, as it is above the majority's.
    reservoir : int
        Labelled events that are replayed.
    passes : int
        Passes over what is replayed between two publications.
    learning : {"auto", "off", "bias", "layer"}
        What the device learns from labels; ``"auto"``: what had the least loss in the field.
    sensors : mapping of str to int
        Fraction bits of columns whose format is fixed; those of others follow what comes.
    seed : int

    Raises
    ------
    SpecError
        When a field is not allowed.

    Examples
    --------
    >>> StudentOptions(weights=9)
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: edge.weights is 9: allowed are 3 to 8
    """

    weights: int = 8
    network: str = "spline"
    hidden: tuple[int, ...] = ()
    target: str = "half"
    history: bool = False
    every: int = 5000
    first: tuple[int, ...] = FIRST_PUBLICATIONS
    limit: float | None = None
    reservoir: int = 20_000
    passes: int = 4
    learning: str = "auto"
    sensors: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1

    def __post_init__(self) -> None:
        for name, good, allowed in (
            ("weights", 3 <= self.weights <= 8, "3 to 8"),
            ("network", self.network in STUDENT_NETWORKS, ", ".join(STUDENT_NETWORKS)),
            ("hidden", all(h >= 1 for h in self.hidden), "one or more units a layer"),
            ("target", self.target in TARGETS, ", ".join(TARGETS)),
            ("every", self.every >= 64, "numbers from 64"),
            (
                "first",
                all(a < b for a, b in zip((0, *self.first), self.first, strict=False)),
                "rising numbers",
            ),
            ("reservoir", self.reservoir >= 64, "numbers from 64"),
            ("passes", self.passes >= 1, "numbers from 1"),
            ("learning", self.learning in LEARNING, ", ".join(LEARNING)),
        ):
            if not good:
                raise SpecError(f"edge.{name} is {getattr(self, name)!r}: allowed are {allowed}")

    def next_publication(self, learnt: int) -> int:
        """Learnt events at the first scheduled publication after `learnt`.

        Examples
        --------
        >>> options = StudentOptions(every=1000)
        >>> [options.next_publication(n) for n in (0, 64, 512, 1000, 1001)]
        [64, 128, 1000, 2000, 2000]
        """
        early = [n for n in self.first if learnt < n < self.every]
        return early[0] if early else (learnt // self.every + 1) * self.every
