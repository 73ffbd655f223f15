"""Whether everything fits 32 bits, whatever the sensors say: sums of absolute values, module by module."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import SpecError
from ..artefact import Artefact
from ..input_stage import InputStage
from ..integers import INPUT_TOP
from ..modules import Module, Output, Spline, Threshold

Array = np.ndarray
_TOP = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Range:
    """Largest sizes that a module's integers reach.

    Parameters
    ----------
    accumulator : ndarray of int64, shape (units,)
        Bias included.
    output : ndarray of int64, shape (units,)
    far : bool
        Whether an accumulator can lie so far outside a spline's knots that the straight line there leaves 32 bits.
    """

    accumulator: Array
    output: Array
    far: bool = False


def ranges(artefact: Artefact) -> list[Range]:
    """Of every module.

    Raises
    ------
    SpecError
        Where sums or logits may leave 32 bits: the C would not do what the artefact does in Python.
    """
    stage = artefact.stage
    size = np.full(stage.width, INPUT_TOP, np.int64)
    size[: stage.sensed][~stage.on] = 0
    found: list[Range] = []
    for i, m in enumerate(artefact.modules):
        size = size if m.gather is None else size[m.gather]
        acc = size @ np.abs(m.weights) + np.abs(m.bias)
        if m.table is not None and m.table_shift is not None and stage.tables:
            acc = acc + _left(_table(stage, m.table), -m.table_shift) + 1
        if m.skip >= 0 and m.skip_shift is not None:
            acc = acc + _left(found[m.skip].output, -m.skip_shift) + 1
        found.append(_after(m, acc))
        size = found[-1].output
        if acc.max() > _TOP >> 1 or size.max() > _TOP >> 1:
            raise SpecError(
                f"module {i}: sums up to {int(max(acc.max(), size.max()))} leave 32 bits: "
                "use fewer fraction bits, or fewer inputs"
            )
    return found


def _table(stage: InputStage, table: Array) -> Array:
    """Largest size of the sum of rows, one of each sensor that is looked up."""
    total = np.zeros(table.shape[1], np.int64)
    for a, b in zip(stage.key_start[:-1], stage.key_start[1:], strict=True):
        if b > a:
            total += np.abs(table[stage.rows[a:b]]).max(0)
    return total


def _left(v: Array, s: Array) -> Array:
    # in floating point a shift to the right keeps what is cut off: an upper bound still
    return np.ceil(v * 2.0 ** s.astype(np.float64)).astype(np.int64)


def _after(m: Module, acc: Array) -> Range:
    if isinstance(m.after, Threshold):
        return Range(acc, np.ones(m.units, np.int64))
    if isinstance(m.after, Output):
        return Range(acc, _left(acc, m.after.align))
    if (acc + (np.int64(m.after.reach) << m.fraction)).max() > _TOP:
        raise SpecError(f"a spline that reaches {m.after.reach} leaves 32 bits: use fewer fraction bits")
    place = acc + 2 * (m.after.reach << m.fraction) + _left(np.int64(1), m.fraction - m.after.spacing)
    return Range(acc, np.full(m.units, 1 << (m.after.bits - 1)), bool((_line(m, place) > _TOP >> 1).any()))


def _line(m: Module, place: Array) -> Array:
    """Size of a spline's value before its last shift, `place` from a knot."""
    assert isinstance(m.after, Spline)
    s = m.fraction - m.after.spacing
    most, steep = np.abs(m.after.knots).max(1), np.abs(np.diff(m.after.knots, axis=1)).max(1)
    v = (most << s) + np.minimum(place, 1 << 40) * steep
    return v + _left(np.ones(len(v)), s + m.after.knot_fraction - m.after.fraction)


def farthest(m: Module, module: int) -> Array:
    """How far from a knot a spline's straight ends need to be followed: beyond, what comes out is at its clip already.

    Parameters
    ----------
    m : Module
        With a Spline.
    module : int
        Its number, for errors.

    Returns
    -------
    ndarray of int64, shape (units,)

    Raises
    ------
    SpecError
        Where 32 bits are not enough even so.
    """
    assert isinstance(m.after, Spline)
    s = m.fraction - m.after.spacing
    t = np.maximum(s + m.after.knot_fraction - m.after.fraction, 0)
    most = np.abs(m.after.knots).max(1)
    place = np.maximum((most << s) + (((1 << (m.after.bits - 1)) + 1) << t), 1 << s)
    if (_line(m, place) > _TOP >> 1).any():
        raise SpecError(f"module {module}: its splines leave 32 bits: use fewer fraction bits in its accumulators")
    return place


def check_answers(artefact: Artefact, found: list[Range]) -> None:
    """Whether probabilities, learning and surprise fit 32 bits too.

    Raises
    ------
    SpecError
        Where they may not.
    """
    logits = int(found[-1].output.max())
    if logits > _TOP >> 2:
        raise SpecError(f"logits up to {logits} leave 32 bits when they are compared: use fewer fraction bits")
    if artefact.classes and not 0 <= artefact.logit_fraction <= 26:
        raise SpecError(f"logits have {artefact.logit_fraction} fraction bits: a device takes 0 to 26")
    s = artefact.surprise
    if s is not None:
        top = (found[-2].output + np.abs(s.mean)) ** 2
        most = _left(top, -s.shift).sum(1) + np.abs(s.constant)
        if most.max() > _TOP:
            raise SpecError(f"surprise up to {int(most.max())} leaves 32 bits: use larger shifts")
