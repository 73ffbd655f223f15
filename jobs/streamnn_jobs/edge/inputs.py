"""Names of an artefact's inputs, in their order."""

from __future__ import annotations

from streamnn.edge import Artefact
from streamnn.edge.input_stage import HISTORY_BLOCKS, HISTORY_SPANS


def input_names(artefact: Artefact) -> list[str]:
    """What each input of the first module is, for a person.

    First the sensors' readings, then their distance to each running mean, then what is known of labels.
    """
    stage = artefact.stage
    sensors = [s.name or f"sensor {i}" for i, s in enumerate(artefact.sensors)][: stage.sensors]
    names = list(sensors)
    for span in stage.spans:
        names += [f"{name} less its last {1 << span}" for name in sensors]
    classes = [str(c) for c in artefact.classes][: stage.classes]
    blocks = ["last label", *(f"labels of the last {1 << span}" for span in HISTORY_SPANS)][:HISTORY_BLOCKS]
    for block in blocks:
        names += [f"{block}: {c}" for c in classes]
    return names
