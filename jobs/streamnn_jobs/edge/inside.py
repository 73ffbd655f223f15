"""What an export reads inside a student: the float network that was published, and inputs of events kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamnn.edge.input_stage import InputStage
from streamnn.edge.student.networks import rows_of
from streamnn.edge.student.reservoir import readings


def frozen_network(student: Any) -> Any:
    """The float network of the newest publication, a :class:`streamnn.network.network.Network`."""
    return student.publisher.frozen[student.publisher.chosen]


def inputs_of(
    stage: InputStage, v: np.ndarray, history: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Float rows, category rows and integer inputs of what a reservoir keeps of events.

    Parameters
    ----------
    stage : InputStage
    v : ndarray of int32, shape (n, blocks, sensors)
    history : ndarray, shape (n, blocks, classes)
        Sensors and classes may be more than the stage knows: they came since.
    """
    v = np.ascontiguousarray(v[:, :, : stage.sensors])
    x = stage.inputs(v, np.ascontiguousarray(history[:, :, : stage.classes]))
    return rows_of(stage, x), stage.ids(readings(v)), x
