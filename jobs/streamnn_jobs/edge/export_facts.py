"""All that is known of an export, for the page beside it and for who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .code_size import CodeSize
from .held_out import HeldOut
from .variants import Variant

_DEVICE_WORDS = {
    "artefact": "In the field it did best frozen: no learning on the device.",
    "bias": "In the field it did best with a bias a class learnt on the device.",
    "layer": "In the field it did best with its last layer learnt on the device.",
}


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """What was measured, chosen and written.

    Parameters
    ----------
    title, source : str
    variants : sequence of Variant
        All that were measured.
    chosen, recommended : Variant
        The exported one, and the one that the measurements speak for.
    float_scores : dict
        Of the float network on the same events.
    held : HeldOut
    field : dict
        As :func:`streamnn_jobs.run.edge_figures.edge_figures` gives it.
    windows : sequence of dict
    files : dict of str to bytes
        Those written, without this page and the certificate.
    certificate : dict
    sizes : sequence of CodeSize
        Of the exported C, for the cores that there is a compiler for.
    """

    title: str
    source: str
    variants: Sequence[Variant]
    chosen: Variant
    recommended: Variant
    float_scores: Mapping[str, float]
    held: HeldOut
    field: Mapping[str, Any]
    windows: Sequence[Mapping[str, Any]]
    files: Mapping[str, bytes]
    certificate: Mapping[str, Any]
    sizes: Sequence[CodeSize]

    @property
    def best_learning(self) -> str | None:
        """Which device did best in the field: ``"artefact"`` (frozen), ``"bias"`` or ``"layer"``; None if it is not
        known."""
        scores = self.field["scores"]
        loss = {arm: scores[arm].get("log_loss") for arm in _DEVICE_WORDS if arm in scores}
        known = {arm: v for arm, v in loss.items() if v is not None}
        return min(known, key=lambda arm: known[arm]) if len(known) > 1 else None

    @property
    def learning_words(self) -> str:
        """The same for a person."""
        return _DEVICE_WORDS.get(self.best_learning or "", "")
