"""One float network in several bit widths, each measured: score on events held out, bytes, work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamnn.edge import Artefact, Spline
from streamnn.edge.bits import Bits
from streamnn.edge.c import emit_c
from streamnn.edge.certificate import certify_modules
from streamnn.edge.cost import cost
from streamnn.edge.density import fit_surprise
from streamnn.edge.float_network import float_network
from streamnn.edge.modules import run_modules
from streamnn.edge.quantiser import quantise
from streamnn.edge.student.networks import fractions_of, inputs_of

from .held_out import HeldOut, frozen_network, score

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
    name : str
        Its width, in words.
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

    name: str
    bits: int
    artefact: Artefact
    scores: dict[str, float]
    bytes: int
    published: bool
    cost: dict[str, Any]

    @property
    def operations(self) -> int:
        """Multiplications, additions, shifts, comparisons and look-ups an event; what time goes with."""
        total = self.cost["total"]
        work = ("nonzero", "multiplications", "additions", "requantisations", "comparisons", "lookups")
        return sum(int(total[k]) for k in work)

    @property
    def loss(self) -> float:
        """Log loss, or mean absolute error."""
        return self.scores["log_loss" if "log_loss" in self.scores else "mae"]

    def to_dict(self) -> dict[str, Any]:
        """Without the artefact, as plain data."""
        return {
            "name": self.name, "bits": self.bits, **self.scores, "bytes": self.bytes, "operations": self.operations, "published": self.published,
            "cost": self.cost,
        }  # fmt: skip


def has_widths(student: Any) -> bool:
    """Whether its network can be quantised in other widths: the newest was not refused, and its weights are no signs."""
    return _is_smooth(student.artefact) and not student.field.rows()[-1]["refused"]


def variants(student: Any, held: HeldOut, widths: Sequence[int] = WIDTHS) -> list[Variant]:
    """The published artefact and, where it has them, the same network in other widths, most bits first."""
    bits = student.artefact.modules[0].weight_bits
    found = [measured(student, student.artefact, held, published=True)]
    if has_widths(student):
        found += [measured(student, quantised(student, held, w), held) for w in widths if w != bits]
    return sorted(found, key=lambda v: -v.bits)


def quantised(student: Any, held: HeldOut, weights: int, others: int = 8) -> Artefact:
    """The float network that was published last, in other widths.

    Parameters
    ----------
    student : Student
    held : HeldOut
    weights, others : int
        Bits of weights and category rows; of activations and their tables.
    """
    own, fitted = student.artefact, held.fitted
    at = fitted[np.linspace(0, len(fitted) - 1, min(_RESERVOIR_ROWS, len(fitted))).astype(np.int64)]
    s = student.reservoir.s
    _, ids, x = inputs_of(own.stage, s["v"][at], s["history"][at])
    network = float_network(frozen_network(student), mean=False, rows=student.publisher.fit.rows)
    bits = Bits(weights, others, others)
    modules = quantise(network, x, ids, fractions_of(own.stage), bits, classify=student.classify)
    surprise = None
    if own.surprise is not None:
        z = run_modules(modules, x.astype(np.int64), ids)[-2]
        label = s["label"][at].astype(np.int64) if student.classify else np.zeros(len(at), np.int64)
        surprise = fit_surprise(z, label, max(len(own.classes), 1))
    return replace(own, modules=modules, bound=0.0, rounding=0.0, margin=(0.0, 0.0), surprise=surprise)


def recommended(found: Sequence[Variant]) -> Variant:
    """Of those that lose nearly nothing the one with the fewest bytes; of equal ones the published, or the least work."""
    best = min(v.loss for v in found)
    return min(
        (v for v in found if v.loss <= best * TOLERATED_LOSS),
        key=lambda v: (v.bytes, not v.published, v.operations, v.loss),
    )


def measured(student: Any, artefact: Artefact, held: HeldOut, published: bool = False) -> Variant:
    """An artefact with its scores, bytes, cost and, where it has a slope, its certificate."""
    if not artefact.bound and _is_smooth(artefact):
        sure = certify_modules(artefact.modules, fractions_of(artefact.stage), student.classify)
        artefact = replace(artefact, bound=sure.bound, rounding=sure.rounding, margin=sure.of_margins)
    first = artefact.modules[0]
    size = len(emit_c(artefact, tables="bin")["tables.bin"])
    name = f"{first.weight_bits} bit{'s' if first.weight_bits > 1 else ''}"
    if isinstance(first.after, Spline) and first.after.bits != 8:
        name += f", {first.after.bits} elsewhere"
    return Variant(
        name, first.weight_bits, artefact, score(student, artefact, held), size, published,
        cost(artefact).to_dict(),
    )  # fmt: skip


def _is_smooth(artefact: Artefact) -> bool:
    return all(isinstance(m.after, Spline) for m in artefact.modules[:-1])
