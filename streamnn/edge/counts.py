"""What an integer network does for one event, counted: multiplications, additions, look-ups, bytes."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .input_stage import HISTORY_SPANS, InputStage
from .integers import INPUT_BITS
from .modules import Module, Output, Spline, Threshold

_BIAS_BYTES = 4
_GATHER_BYTES = 2
_KEY_BYTES = 2


@dataclass(frozen=True, slots=True)
class Counts:
    """Operations of one part of the network for one event, and the bytes of its tables.

    Parameters
    ----------
    part : str
        ``stage``, ``module 0``, ...; ``total``.
    multiply_accumulates : int
        Of the linear map, zeros included.
    nonzero : int
        The same without weights that are zero.
    bit_operations : int
        Multiply-accumulates times weight bits times input bits, as QONNX counts.
    bit_products : int
        The same without zeros, where a weight or an input of more than one bit is multiplied; +-1 times a number is an
        addition.
    multiplications : int
        Beside the linear map: of splines, one a unit.
    additions : int
        Beside the linear map: biases, category rows, residuals, places, roundings.
    requantisations : int
        Rounding shifts.
    comparisons : int
        Of thresholds, clips and searches.
    lookups : int
        Numbers read at a place that depends on the data: two knots a unit, category rows.
    bytes_read : float
        Of tables, weights that are zero included.
    table_bytes : int
        What the numbers need, weights packed; a file has a header too.
    """

    part: str
    multiply_accumulates: int = 0
    nonzero: int = 0
    bit_operations: int = 0
    bit_products: int = 0
    multiplications: int = 0
    additions: int = 0
    requantisations: int = 0
    comparisons: int = 0
    lookups: int = 0
    bytes_read: int = 0
    table_bytes: int = 0

    @staticmethod
    def total(parts: tuple[Counts, ...]) -> Counts:
        """Sums over parts."""
        names = [f.name for f in fields(Counts) if f.name != "part"]
        return Counts("total", **{n: sum(getattr(p, n) for p in parts) for n in names})


def stage_counts(stage: InputStage) -> Counts:
    """Of the feature stage: running means, standardising, search of categories.

    Examples
    --------
    >>> import numpy as np
    >>> i = lambda *v: np.array(v, np.int64)
    >>> c = stage_counts(InputStage((2, 5), i(0, 0), i(4, 4), np.ones(6, bool), i(0, 3, 3), i(1, 2, 9), i(0, 1, 2)))
    >>> c.requantisations, c.additions, c.comparisons, c.table_bytes
    (10, 20, 15, 25)
    """
    d, q, on = stage.sensors, len(stage.spans), int(stage.on.sum())
    keys = np.diff(stage.key_start)
    searches = int(sum(int(k).bit_length() + 1 for k in keys if k))
    history = len(HISTORY_SPANS) * stage.classes
    # a mean: its distance, half of the last place, its step; an input: less the mean, half of the last place
    return Counts(
        "stage",
        additions=3 * d * q + on + min(on, d) + 3 * history,
        requantisations=d * q + on + history,
        comparisons=2 * on + searches,
        lookups=searches,
        bytes_read=d * (_BIAS_BYTES + 1) + _KEY_BYTES * searches,
        table_bytes=d * (_BIAS_BYTES + 1) + 2 * _KEY_BYTES * len(stage.keys) + (len(stage.on) + 7) // 8 + d,
    )


def state_bytes(stage: InputStage, outputs: int, units: int) -> dict[str, int]:
    """What a device keeps between events.

    Parameters
    ----------
    stage : InputStage
    outputs : int
        Logits that learn a bias on the device, 0 for none.
    units : int
        Units whose weights to them are learnt, 0 for none.

    Returns
    -------
    dict of str to int
        ``context``, running means and whether a sensor was seen; ``history`` of labels; ``learnt``.
    """
    history = 4 * (len(HISTORY_SPANS) * stage.classes + 1) if stage.classes else 0
    context = 4 * stage.sensors * len(stage.spans) + stage.sensors
    return {"context": context, "history": history, "learnt": 4 * outputs * (1 + units)}


def module_counts(m: Module, part: str, before: Spline | Threshold | None, categories: int) -> Counts:
    """Of a module.

    Parameters
    ----------
    m : Module
    part : str
        Its name.
    before : Spline, Threshold or None
        What its inputs come from; None for the feature stage.
    categories : int
        Category rows that an event adds.

    Examples
    --------
    >>> import numpy as np
    >>> i = lambda *v: np.array(v, np.int64)
    >>> m = Module(np.array([[1, 0], [-3, 2], [4, 5]]), 4, i(0, 0), i(9, 9), Output(i(0, 0)))
    >>> c = module_counts(m, "module 0", None, 0)
    >>> c.multiply_accumulates, c.nonzero, c.bit_operations, c.additions, c.table_bytes
    (6, 5, 192, 2, 13)
    """
    inputs, units = m.weights.shape
    macs = inputs * units // m.groups
    nonzero = int((m.weights != 0).sum())
    input_bits = INPUT_BITS if before is None else 1 if isinstance(before, Threshold) else before.bits
    weight_bytes = -(-macs * m.weight_bits // 8)
    c = {
        "multiply_accumulates": macs,
        "nonzero": nonzero,
        "bit_operations": macs * m.weight_bits * input_bits,
        "bit_products": nonzero * m.weight_bits * input_bits if min(m.weight_bits, input_bits) > 1 else 0,
        "additions": units,
        "bytes_read": weight_bytes + _BIAS_BYTES * units,
        "table_bytes": weight_bytes + _BIAS_BYTES * units,
    }
    if m.gather is not None:
        _add(c, table_bytes=_GATHER_BYTES * inputs, bytes_read=_GATHER_BYTES * inputs)
    if m.table is not None:
        wide = _bytes_of(m.table)
        _add(c, table_bytes=wide * m.table.size + units)
        if categories:
            _add(
                c,
                additions=units * (categories + 1),
                requantisations=units,
                lookups=units * categories,
                bytes_read=units * (wide * categories + 1),
            )
    if m.skip >= 0:
        _add(c, additions=2 * units, requantisations=units, table_bytes=units, bytes_read=units)
    return Counts(part, **_after(c, m, units))


def _after(c: dict[str, int], m: Module, units: int) -> dict[str, int]:
    if isinstance(m.after, Spline):
        wide = _bytes_of(m.after.knots)
        # first knot, place, rise, start of the piece, half of the last place; the piece is clipped, and the output
        _add(
            c,
            additions=5 * units,
            multiplications=units,
            requantisations=units,
            comparisons=4 * units,
            lookups=2 * units,
            bytes_read=units * (2 * wide + 2),
            table_bytes=wide * m.after.knots.size + 2 * units,
        )
    elif isinstance(m.after, Threshold):
        _add(c, comparisons=units, bytes_read=_BIAS_BYTES * units, table_bytes=_BIAS_BYTES * units)
    else:
        assert isinstance(m.after, Output)
        _add(c, bytes_read=units, table_bytes=units)
    return c


def _add(c: dict[str, int], **more: int) -> None:
    for name, n in more.items():
        c[name] = c.get(name, 0) + n


def _bytes_of(values: np.ndarray) -> int:
    least, most = int(values.min(initial=0)), int(values.max(initial=0))
    return 1 if least >= -128 and most <= 127 else 2
