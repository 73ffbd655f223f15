"""One float network in several bit widths, each measured: score on events held out, bytes, work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamnn.edge import Artefact, Threshold

from .held_out import HeldOut, score

WIDTHS = (8, 6, 5, 4, 3)
"""Bits of weights that are tried."""
_RESERVOIR_ROWS = 1024
"""Events that a quantiser searches on, spread over the reservoir."""
TOLERATED_LOSS = 1.01
"""A smaller artefact is recommended while its loss is at most so many times that of the best."""


@dataclass(frozen=True, slots=True)
class Variant:
    """An artefact with what was measured.

    Parameters
    ----------
    bits : int
        Of weights.
    artefact : Artefact
    scores : dict
        On events held out.
    bytes : int
        Of its tables.
    published : bool
        Whether it is the one that was published; the others are quantised now, of the same float network.
    cost : dict
        As :func:`streamnn.edge.cost.cost` gives it.
    """

    bits: int
    artefact: Artefact
    scores: dict[str, float]
    bytes: int
    published: bool
    cost: dict[str, Any]

    @property
    def loss(self) -> float:
        """Log loss, or mean absolute error."""
        return self.scores["log_loss" if "log_loss" in self.scores else "mae"]


def variants(student: Any, held: HeldOut, widths: Sequence[int] = WIDTHS) -> list[Variant]:
    """The published artefact and the same network in other widths, most bits first.

    Where weights are signs there is one width only; so where the newest publication was refused, since the float network
    that is kept is its own.
    """
    own = student.artefact
    bits = own.modules[0].weight_bits
    found = [_measured(student, own, bits, held, published=True)]
    if student.publisher.current is own and not any(isinstance(m.after, Threshold) for m in own.modules):
        for width in widths:
            if width != bits:
                found.append(
                    _measured(student, quantised(student, width, held), width, held, published=False)
                )
    return sorted(found, key=lambda v: -v.bits)


def quantised(student: Any, bits: int, held: HeldOut) -> Artefact:
    """The float network that was published last, in `bits` bits."""
    from streamnn.edge.float_network import float_network
    from streamnn.edge.quantiser import Bits, quantise
    from streamnn.edge.student.networks import fractions_of

    publisher, own = student.publisher, student.artefact
    at = held.fitted[
        np.linspace(0, len(held.fitted) - 1, min(_RESERVOIR_ROWS, len(held.fitted))).astype(np.int64)
    ]
    s = student.reservoir.s
    _, ids, x = student.inputs(own.stage, s["v"][at], s["history"][at])
    network = float_network(publisher.networks["frozen"], mean=False, rows=publisher.fit.rows)
    modules = quantise(network, x, ids, fractions_of(own.stage), Bits(bits), classify=student.classify)
    # the certificate is of other weights
    return replace(own, modules=modules, bound=0.0, rounding=0.0, surprise=None)


def recommended(found: Sequence[Variant]) -> Variant:
    """Of those that lose nearly nothing the one with the fewest bytes, and of equal ones that with the least loss."""
    best = min(v.loss for v in found)
    return min((v for v in found if v.loss <= best * TOLERATED_LOSS), key=lambda v: (v.bytes, v.loss))


def _measured(student: Any, artefact: Artefact, bits: int, held: HeldOut, published: bool) -> Variant:
    from streamnn.edge.c import emit_c
    from streamnn.edge.cost import cost

    size = len(emit_c(artefact, tables="bin")["tables.bin"])
    return Variant(bits, artefact, score(student, artefact, held), size, published, cost(artefact).to_dict())
