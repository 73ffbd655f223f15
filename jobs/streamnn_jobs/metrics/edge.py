"""Metrics of the student beside the pool."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..live.partition_monitor import PartitionMonitor

_EDGE_SCORES = (
    ("edge_accuracy_ratio", "accuracy"),
    ("edge_mean_log_loss_nats", "log_loss"),
    ("edge_mean_absolute_error", "mae"),
)
"""Metric and the score in the field that it shows."""
_FIGURES = (
    ("edge_artefact_bytes", "bytes"),
    ("edge_artefact_labels", "event"),
    ("edge_flip_ratio", "flip_rate"),
)


def edge_rows(part: PartitionMonitor) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Name, labels and value of each metric; none where there is no student."""
    edge = part.view.edge
    if edge is None:
        return
    for outcome in ("published", "refused"):
        yield "edge_publications_total", (outcome,), part.published[outcome]
    for name, score in _EDGE_SCORES:
        for arm, found in (edge["scores"] or {}).items():
            value = found.get(score) if isinstance(found, dict) else None
            if isinstance(value, int | float) and math.isfinite(value):
                yield name, (str(arm),), value
    for name, key in _FIGURES:
        if edge.get(key) is not None:
            yield name, (), edge[key]
