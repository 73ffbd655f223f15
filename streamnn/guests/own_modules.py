"""Modules of :mod:`streamnn.nn` that are one operation of a plan. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn

from ..lowered.dense import grouped
from ..lowered.grouping import learned_grouping
from ..lowered.shuffle import learned_shuffle
from ..lowered.spline import spline
from ..nn import GroupedLinear, LearnedGrouping, LearnedShuffle, LinearSpline
from ..permutations.schedule import Start
from .recorded import Handler, Recorded
from .recorder import Recorder


def _spline(r: Recorder, module: LinearSpline, x: Tensor) -> Recorded:
    record = _events_first(r, x)
    name, p = r.layer(coefficients=module.coefficients)
    grid = module.offset.numpy(), module.piece.numpy()
    return Recorded(spline(r.builder, record.value, name, p["coefficients"], *grid), 0)


def _grouped(r: Recorder, module: GroupedLinear, x: Tensor) -> Recorded:
    record = r.of(x)
    if record.inner(-1) < 0:
        raise r.refuse("sums over the events of a batch")
    name, p = r.layer(weight=module.weight, bias=module.bias)
    value = grouped(r.builder, record.value, name, p["weight"], p["bias"], module.groups)
    return Recorded(value, record.axis)


def _shuffle(r: Recorder, module: LearnedShuffle, x: Tensor) -> Recorded:
    return Recorded(learned_shuffle(r.builder, _events_first(r, x).value, _start(module)), 0)


def _grouping(r: Recorder, module: LearnedGrouping, x: Tensor) -> Recorded:
    record = _events_first(r, x)
    name, p = r.layer(weight=module.weight, bias=module.bias)
    learnt = p["weight"], p["bias"], module.groups, _start(module)
    return Recorded(learned_grouping(r.builder, record.value, name, *learnt), 0)


def _start(module: LearnedShuffle | LearnedGrouping) -> Start:
    """What it has learnt of its order so far."""
    arrays = (module.whole, module.fixed, module.slow, module.counters)
    return Start(*(v.numpy().copy() for v in arrays))


def _events_first(r: Recorder, x: Tensor) -> Recorded:
    record = r.of(x)
    if record.axis != 0:
        raise r.refuse("takes the events of a batch for units")
    return record


HANDLERS: dict[type[nn.Module], Handler] = {
    LinearSpline: _spline,
    GroupedLinear: _grouped,
    LearnedShuffle: _shuffle,
    LearnedGrouping: _grouping,
}
"""By class."""
