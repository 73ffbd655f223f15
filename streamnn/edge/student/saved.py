"""A student's state: arrays and JSON-able data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import StateError
from ..saving import from_bytes, to_bytes
from .arms import Devices
from .networks import Learning, frozen
from .schedule import Asked

if TYPE_CHECKING:
    from .student import Student

Arrays = dict[str, np.ndarray]
_DEVICES = ("alone", "bias", "out")
_ARTEFACTS = ("current", "accepted")


def state_of(student: Student) -> tuple[Arrays, dict[str, Any]]:
    """Everything that a student's later answers depend on."""
    publisher = student.publisher
    arrays: Arrays = {}
    for stage in (student.sensing, publisher.fit, student.field, student.reservoir):
        if stage is not None:
            arrays |= stage.state_dict()
    arrays |= student.pending.state_dict()
    arrays |= {f"edge/scan/{k}": v.copy() for k, v in student.s.items()}
    arrays |= {f"edge/devices/{k}": getattr(student.devices, k).copy() for k in _DEVICES}
    for network in publisher.networks.values():
        arrays |= network.state_dict()
    for name in _ARTEFACTS:
        artefact = getattr(publisher, name)
        if artefact is not None:
            arrays[f"edge/artefact/{name}"] = np.frombuffer(to_bytes(artefact), np.uint8)
    meta = {
        "options": asdict(student.options) | {"sensors": dict(student.options.sensors)},
        "classify": student.classify,
        "started": student.reservoir is not None,
        "spans": list(student.spans),
        "classes": list(student.classes),
        "known": student.known,
        "sensing": student.sensing.meta(),
        "field": student.field.meta(),
        "sparse": publisher.fit.sparse,
        "waiting": [list(a) for a in student.schedule.waiting],
        "noted": student.schedule.noted,
        "cut": student.cut,
        "converted": student.converted,
        "begins": student.begins,
        "last_label": None if np.isnan(student.last_label) else student.last_label,
        "networks": list(publisher.networks),
        "chosen": publisher.chosen,
        "sizes": list(publisher.sizes),
        "published": publisher.published,
        "target": [publisher.mean, publisher.unit],
    }
    return arrays, meta


def load(student: Student, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Take over what :func:`state_of` gave, into a new student.

    Raises
    ------
    StateError
        Names the option or leaf that does not fit.
    """
    if student.reservoir is not None:
        raise StateError("a state is loaded into a new student only: this one has seen events")
    mine = asdict(student.options) | {"sensors": dict(student.options.sensors)}
    for name, value in meta["options"].items():
        if name in mine and _plain(mine[name]) != _plain(value):
            raise StateError(f"edge.{name} is {mine[name]!r}, and was {value!r} when the state was saved")
    if meta["classify"] != student.classify:
        raise StateError("the student was saved with the other task, classification or regression")
    if not meta["started"]:
        return
    publisher = student.publisher
    student.classes, student.known = tuple(meta["classes"]), meta["known"]
    student.sensing.load(_part(arrays, student.sensing.name), meta["sensing"])
    student.make_room()
    assert student.reservoir is not None
    publisher.fit.sparse = meta["sparse"]
    for stage in (publisher.fit, student.reservoir):
        found = _part(arrays, stage.name)
        stage.s = {k: np.zeros_like(found[f"{stage.name}/{k}"]) for k in stage.s}
        stage.load_state_dict(found)
    student.field.load(_part(arrays, student.field.name), dict(meta["field"]))
    widths = {k.removeprefix("pending/"): v.shape[1:] for k, v in _part(arrays, "pending").items()}
    student.pending.reshape("z", widths["z"])
    student.pending.load_state_dict(arrays)
    student.s = {k: arrays[f"edge/scan/{k}"].copy() for k in student.s}
    student.devices = Devices(*(arrays[f"edge/devices/{k}"].copy() for k in _DEVICES))
    student.schedule.waiting = [Asked(*a) for a in meta["waiting"]]
    student.schedule.noted, student.cut, student.converted = meta["noted"], meta["cut"], meta["converted"]
    student.begins = meta["begins"]
    student.last_label = float("nan") if meta["last_label"] is None else meta["last_label"]
    publisher.sizes, publisher.published = tuple(meta["sizes"]), meta["published"]
    publisher.mean, publisher.unit = meta["target"]
    publisher.chosen = meta["chosen"]
    for name in _ARTEFACTS:
        saved = arrays.get(f"edge/artefact/{name}")
        setattr(publisher, name, None if saved is None else from_bytes(saved.tobytes()))
    for name in meta["networks"]:
        publisher.networks[name] = _network(student, name, arrays)
    publisher.frozen = {k: frozen(n) for k, n in publisher.networks.items() if k != "live"}


def _network(student: Student, name: str, arrays: Mapping[str, np.ndarray]) -> Learning:
    publisher, now = student.publisher, student.publisher.current
    assert now is not None
    network = publisher.new_network(name, now.stage, now.outputs)
    network.load_state_dict(_part(arrays, network.name))
    return network


def _part(arrays: Mapping[str, np.ndarray], name: str) -> Arrays:
    return {k: v for k, v in arrays.items() if k.startswith(name + "/")}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
