"""Whether the C fits 32 bits, whatever the sensors say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import SpecError
from ..artefact import Artefact
from ..bounds import TOP_LOGIT, TOP_SHIFT, TOP_WORD, Bounds, overflow_bounds, shifted_size
from ..integers import INPUT_TOP
from ..modules import Module, Spline
from ..saturation import place_fraction, place_limits

TOP_NIBBLE = 16
"""Nibbles are stored as 8 more than they are: what a sum may reach on its way, a unit of input."""
TOP_LOGITS_FRACTION = 26


@dataclass(frozen=True, slots=True)
class Room:
    """What a module's integers reach.

    Parameters
    ----------
    accumulator : ndarray of int64, shape (units,)
        Largest sums, bias included.
    far : bool
        Whether places beyond a spline's outermost knots must be held still, so that products fit.
    """

    accumulator: np.ndarray
    far: bool


def rooms(artefact: Artefact) -> list[Room]:
    """Of every module.

    Raises
    ------
    SpecError
        Where integers may leave 32 bits: the C would not do what the artefact does in Python.
    """
    found = []
    for i, (m, b) in enumerate(
        zip(artefact.modules, overflow_bounds(artefact.modules, artefact.stage), strict=True)
    ):
        on_the_way = TOP_NIBBLE * INPUT_TOP * len(m.weights) if m.weight_bits in (3, 4) else 0
        base = (m.after.reach << m.fraction).max() if isinstance(m.after, Spline) else 0
        sums = max(
            b.table.max(), b.skip.max(), 2 * b.accumulator.max() + on_the_way, b.accumulator.max() + base
        )
        if sums > TOP_WORD:
            raise SpecError(f"module {i}: sums may reach {sums:.0f}, beyond 32 bits: use fewer fraction bits")
        found.append(Room(b.accumulator.astype(np.int64), _far(m, b, i)))
    _answers(artefact, overflow_bounds(artefact.modules, artefact.stage))
    return found


def _far(m: Module, b: Bounds, module: int) -> bool:
    if not isinstance(m.after, Spline):
        return False
    f = place_fraction(m.after, m.fraction)
    s, t = m.fraction - m.after.spacing, f + m.after.knot_fraction - m.after.fraction
    check_shifts(s, f"module {module}: place in a spline", 0)
    check_shifts(t, f"module {module}: values of a spline")
    if max(b.product.max(), b.value.max()) <= TOP_WORD:
        return False
    low, high = place_limits(m.after, m.fraction)
    steep = np.abs(np.diff(m.after.knots, axis=1)).max(1)
    size = (np.abs(m.after.knots).max(1) << f) + np.maximum(np.maximum(-low, high), np.int64(1) << f) * steep
    if shifted_size(size, t)[0].max() > TOP_WORD:
        raise SpecError(
            f"module {module}: its splines leave 32 bits: use fewer fraction bits in its accumulators"
        )
    return True


def check_shifts(s: np.ndarray, what: str, least: int = -TOP_SHIFT) -> None:
    """Raise a SpecError where a shift is larger than the C shifts."""
    if s.min(initial=0) < least or s.max(initial=0) > TOP_SHIFT:
        raise SpecError(f"{what} has shifts from {s.min()} to {s.max()}: the C takes {least} to {TOP_SHIFT}")


def _answers(artefact: Artefact, bounds: tuple[Bounds, ...]) -> None:
    """Probabilities, learning and surprise."""
    logits = bounds[-1].value.max()
    if logits > TOP_LOGIT:
        raise SpecError(f"logits may reach {logits:.0f}, beyond {TOP_LOGIT}: use fewer fraction bits")
    if artefact.classes and not 0 <= artefact.logit_fraction <= TOP_LOGITS_FRACTION:
        raise SpecError(
            f"logits have {artefact.logit_fraction} fraction bits: the C takes 0 to {TOP_LOGITS_FRACTION}"
        )
    s = artefact.surprise
    if s is not None and len(bounds) > 1:
        check_shifts(s.shift.ravel(), "surprise")
        reach = np.maximum(np.abs(bounds[-2].low - s.mean), np.abs(bounds[-2].high - s.mean)) ** 2
        most = np.ldexp(reach, -s.shift.astype(np.int32)).sum(1) + np.abs(s.constant)
        if most.max() > TOP_WORD:
            raise SpecError(f"surprise may reach {most.max():.0f}, beyond 32 bits: use larger shifts")
