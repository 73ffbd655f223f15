"""Modules of :mod:`streamnn.nn` that are one operation of a plan. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn

from ..lowered.spline import spline
from ..nn.linear_spline import LinearSpline
from .recorded import Handler, Recorded
from .recorder import Recorder


def _spline(r: Recorder, module: LinearSpline, x: Tensor) -> Recorded:
    record = r.of(x)
    if record.axis != 0:
        raise r.refuse("takes the events of a batch for units")
    name, p = r.layer(coefficients=module.coefficients)
    value = spline(
        r.builder, record.value, name, p["coefficients"], module.offset.numpy(), module.piece.numpy()
    )
    return Recorded(value, 0)


HANDLERS: dict[type[nn.Module], Handler] = {LinearSpline: _spline}
"""By class."""
