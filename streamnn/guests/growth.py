"""How a network's parameters grow with columns and classes: the rule, found by trying, and old numbers in their places.

A user's factory is called again when there are more inputs or outputs. Which axes of which parameters depend on them
is seen in the shapes that it makes for other numbers. Old weights and moments then keep their places, and what is new
is 0: a column that never came changes no prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import SpecError
from ..state import Arrays

FIXED_SIZE, BY_INPUTS, BY_OUTPUTS = "fixed", "inputs", "outputs"
IMPROBABLE = 2.0
"""The bias of a class that has just come lies so far below the smallest of the others."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Axis:
    """What the length of an axis is: ``times`` as many as there are inputs or outputs, or a fixed number.

    Of several times as many, such as a window of rows laid flat, each block holds all inputs.
    """

    of: str
    times: int

    def size(self, inputs: int, outputs: int) -> int:
        """Its length."""
        return self.times * {FIXED_SIZE: 1, BY_INPUTS: inputs, BY_OUTPUTS: outputs}[self.of]


@dataclass(frozen=True)
class Rule:
    """Which axes of a network's parameters depend on its width.

    Parameters
    ----------
    axes : mapping of str to tuple of Axis
        By name of parameter.
    columns : str
        Why it takes no more inputs than it was made for; empty where it does.
    classes : str
        Why it takes no more outputs; empty where it does.
    """

    axes: Mapping[str, tuple[Axis, ...]]
    columns: str = ""
    classes: str = ""

    def shapes(self, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """What every parameter is as large as at these numbers."""
        return {name: tuple(a.size(inputs, outputs) for a in axes) for name, axes in self.axes.items()}


@dataclass(frozen=True, eq=False)
class Step:
    """From one width to another.

    Parameters
    ----------
    places : ndarray of int64
        Where each old input lies among the new ones.
    inputs : int
        New ones in all.
    before, outputs : int
        Outputs, old and new; the old ones stay first.

    Examples
    --------
    A layer of two units that read two columns; the second is the third now.

    >>> rule = find_rule(lambda d, c: {"weight": (c, d), "bias": (c,)}, 2, 2)
    >>> step = Step(np.array([0, 2]), 3, 2, 3)
    >>> old = {"weight": np.array([[1, 2], [3, 4]], np.float32), "bias": np.array([5, 6], np.float32)}
    >>> {k: v.tolist() for k, v in step.weights(old, rule).items()}
    {'weight': [[1.0, 0.0, 2.0], [3.0, 0.0, 4.0], [0.0, 0.0, 0.0]], 'bias': [5.0, 6.0, 3.0]}
    """

    places: np.ndarray
    inputs: int
    before: int
    outputs: int
    _kept: dict[Axis, np.ndarray] = field(default_factory=dict, repr=False)

    def weights(self, old: Arrays, rule: Rule) -> Arrays:
        """Parameters in their new places; the bias of a new class is low, all else that is new is 0.

        Raises
        ------
        SpecError
            When it does not grow that way, or an array is not as large as the rule says.
        """
        grown = self.moments(old, rule)
        for name, axes in rule.axes.items():
            if axes == (Axis(BY_OUTPUTS, 1),) and name.rpartition(".")[2].startswith("bias"):
                grown[name][self.before :] = old[name].min() - IMPROBABLE
        return grown

    def moments(self, old: Arrays, rule: Rule) -> Arrays:
        """What belongs to the parameters one to one, in their new places; what is new is 0.

        Raises
        ------
        SpecError
            As :meth:`weights`.
        """
        if rule.columns and self.inputs != len(self.places):
            raise SpecError(f"the network takes no more columns: {rule.columns}")
        if rule.classes and self.outputs != self.before:
            raise SpecError(f"the network takes no more classes: {rule.classes}")
        was, shapes = rule.shapes(len(self.places), self.before), rule.shapes(self.inputs, self.outputs)
        grown = {}
        for name, array in old.items():
            if array.shape != was[name]:
                raise SpecError(f"parameter {name!r} has shape {array.shape}, and its rule says {was[name]}")
            grown[name] = np.zeros(shapes[name], array.dtype)
            where = [self._places_of(axis) for axis in rule.axes[name]]
            grown[name][np.ix_(*where)] = array
        return grown

    def _places_of(self, axis: Axis) -> np.ndarray:
        """Where the old entries of an axis lie now."""
        if axis not in self._kept:
            places, wide = {
                FIXED_SIZE: (np.zeros(1, np.int64), 1),
                BY_INPUTS: (self.places, self.inputs),
                BY_OUTPUTS: (np.arange(self.before), self.outputs),
            }[axis.of]
            self._kept[axis] = (np.arange(axis.times)[:, None] * wide + places).ravel()
        return self._kept[axis]


def find_rule(
    shapes: Callable[[int, int], Shapes],
    inputs: int,
    outputs: int,
    classify: bool = True,
    mirrors: bool = False,
) -> Rule:
    """Find out which axes depend on the numbers of inputs and outputs.

    Only a layer that *reads* the inputs can take more of them: its parameter has an axis of them that is not its
    first. A layer with as many units as there are inputs, or a norm over them, changes what it says of old rows.

    Parameters
    ----------
    shapes : callable
        ``shapes(inputs, outputs)``: the shapes of all parameters by name, as the factory makes them.
    inputs, outputs : int
        What it is made for.
    classify : bool
        Whether outputs are classes, which may become more.
    mirrors : bool
        Whether the outputs are the inputs again, so that units, too, may be as many as these.

    Examples
    --------
    >>> rule = find_rule(lambda d, c: {"read": (8, 4 * d), "say": (c, 8)}, 5, 2)
    >>> rule.axes["read"]
    (Axis(of='fixed', times=8), Axis(of='inputs', times=4))
    >>> find_rule(lambda d, c: {"norm.weight": (d,)}, 5, 2).columns
    "parameter 'norm.weight' has a unit for each of them"
    """
    now = shapes(inputs, outputs)
    wider, narrow = _tried(BY_INPUTS, (inputs + 1, 2 * inputs + 3), lambda d: shapes(d, outputs))
    more, few = _tried(
        BY_OUTPUTS, (outputs + 1, 2 * outputs + 3) if classify else (), lambda c: shapes(inputs, c)
    )
    axes = {name: [Axis(FIXED_SIZE, n) for n in shape] for name, shape in now.items()}
    columns = narrow or _follow(BY_INPUTS, now, inputs, wider, axes)
    classes = few or _follow(BY_OUTPUTS, now, outputs, more, axes)
    if not columns and not mirrors:
        units = [name for name, found in axes.items() if found and found[0].of == BY_INPUTS]
        columns = f"parameter {units[0]!r} has a unit for each of them" if units else ""
    return Rule({name: tuple(found) for name, found in axes.items()}, columns, classes)


def _tried(
    of: str, numbers: tuple[int, ...], make: Callable[[int], Shapes]
) -> tuple[list[tuple[int, Shapes]], str]:
    """Shapes at other numbers; or none, and why: a network of images may be made for one number of pixels alone."""
    found = []
    for n in numbers:
        try:
            found.append((n, make(n)))
        except Exception as e:  # the factory is the user's
            return [], f"it can't be made for {n} {of}: {e}"
    return found, ""


def _follow(
    of: str, now: Shapes, number: int, others: list[tuple[int, Shapes]], axes: dict[str, list[Axis]]
) -> str:
    """Mark the axes that grow with a number; returns why one does not do so in proportion, if one does not."""
    for _, found in others:
        if found.keys() != now.keys():
            odd = sorted(found.keys() ^ now.keys())[0]
            return f"parameter {odd!r} is there for some numbers of {of} only"
    for name, shape in now.items():
        if any(len(found[name]) != len(shape) for _, found in others):
            return f"parameter {name!r} has more axes for some numbers of {of}"
        for a, size in enumerate(shape):
            sizes = [found[name][a] for _, found in others]
            if all(s == size for s in sizes):
                continue
            times, rest = divmod(size, number) if number else (sizes[0], 0)
            exact = not rest and all(s == times * n for s, (n, _) in zip(sizes, others, strict=True))
            if not exact or axes[name][a].of != FIXED_SIZE:
                return f"axis {a} of parameter {name!r} has a length of {size} at {number} {of} and {sizes[0]} at {others[0][0]}"
            axes[name][a] = Axis(of, times)
    return ""
