"""How many bits each kind of number of an integer network gets."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SpecError

FEWEST_BITS, MOST_BITS = 3, 8


@dataclass(frozen=True, slots=True)
class Bits:
    """Options of :func:`streamnn.edge.quantiser.quantise`.

    Parameters
    ----------
    weights : int
        Of weights, sign included, 3 to 8.
    activations : int
        Of what a module gives to the next.
    knots : int
        Of activation tables. With fewer than 8 the steepest slope of a spline grows (see `slope` of `quantise`).
    table : int, optional
        Of category rows; as weights where not given.
    feedback : bool
        Whether the rounding error of each weight is made up for by the weights that are rounded after it. Not
        in layers, or groups of layers, with more than 1,024 inputs.
    search : int
        How many fraction bits more than those that clip nothing are tried, for weights, category rows, knots and
        activations together; 0 is max-range quantisation.
    rows : int
        On how many rows of the reservoir candidates are compared, spread evenly over it.

    Raises
    ------
    SpecError
        When a field is not allowed.

    Examples
    --------
    >>> Bits(weights=4).of_table, Bits(weights=4, table=8).of_table
    (4, 8)
    >>> Bits(weights=2)
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: Bits: weights is 2: allowed are 3 to 8
    """

    weights: int = 8
    activations: int = 8
    knots: int = 8
    table: int | None = None
    feedback: bool = True
    search: int = 2
    rows: int = 512

    def __post_init__(self) -> None:
        bits = f"{FEWEST_BITS} to {MOST_BITS}"
        for field in ("weights", "activations", "knots", "table"):
            value = getattr(self, field)
            if value is not None and not FEWEST_BITS <= value <= MOST_BITS:
                raise SpecError(f"Bits: {field} is {value!r}: allowed are {bits}")
        if not 0 <= self.search <= 4:
            raise SpecError(f"Bits: search is {self.search!r}: allowed are 0 to 4")
        if self.rows < 1:
            raise SpecError(f"Bits: rows is {self.rows!r}: allowed are numbers from 1")

    @property
    def of_table(self) -> int:
        """Bits of category rows."""
        return self.weights if self.table is None else self.table
