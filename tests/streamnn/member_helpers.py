"""Members on their own, without a pool: room for them and segments."""

from __future__ import annotations

import numpy as np

from streamnn.features.layout import Layout
from streamnn.members import Room, Segment


def room(
    layout: Layout, values: int = 1, classify: bool = False, place: int = 0, categories: int = 0
) -> Room:
    """Room for a member that is made, where rows are laid out so."""
    places = np.arange(int(layout.offsets[-1]))
    return Room(layout, layout, places, values, categories, classify, 1, place)


def columns_alone(columns: int) -> Layout:
    """Rows that begin with their columns."""
    return Layout(columns, 0, 0, 0, 1, 0, 1, 0)


def segment(op, slot, y=None, ticket=None, target=None, weight=None, unit=None) -> Segment:
    """A segment; what is not given is of no matter."""
    m = len(op)
    y = np.zeros(m, np.int64) if y is None else y
    return Segment(
        op=op,
        slot=slot,
        ticket=slot if ticket is None else ticket,
        y=y,
        weight=np.ones(m, np.float32) if weight is None else weight,
        target=y.astype(np.float32) if target is None else target,
        time=np.full(m, np.nan),
        unit=np.zeros((m, 2)) if unit is None else unit,
        latent=np.zeros((m, 0), np.float32),
        losses=np.zeros((m, 0)),
    )
