"""Names of an artefact's inputs and category rows, in their order."""

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


def table_names(artefact: Artefact) -> list[str]:
    """The sensor and the value of each category row; empty for rows of values that are looked up no more."""
    stage, first = artefact.stage, artefact.modules[0]
    names = [""] * (0 if first.table is None else len(first.table))
    for c, sensor in enumerate(artefact.sensors[: stage.sensors]):
        for k in range(int(stage.key_start[c]), int(stage.key_start[c + 1])):
            key = int(stage.keys[k])
            value = (
                sensor.codes[key] if 0 <= key < len(sensor.codes) else f"{key * 2.0**-sensor.fraction:.5g}"
            )
            names[int(stage.rows[k])] = f"{sensor.name or f'sensor {c}'} = {value}"
    return names
