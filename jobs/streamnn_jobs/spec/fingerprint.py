"""What of a spec decides the state, its hash, and where two specs differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from streamnn_connectors.wanted import Wanted

from .job import JobSpec

_LATER: dict[str, Any] = {
    "source.topic": None,
    "source.time_unit": "auto",
    "source.sort": False,
    "label.topic": None,
    "label.key": None,
    "limits.early_labels": 100_000,
    "limits.clock_jump": None,
    "learner.kind": "pool",
    "learner.make": None,
    "learner.guests": {},
}
"""Fields that came after the first release, and what they are when not given."""
EDGE = "edge."
"""How the names of fields of the student begin; there are none where there is no student."""


def learning_fields(spec: JobSpec) -> dict[str, Any]:
    """Fields that decide what is learnt, by their dotted names.

    Folders, outputs, the report, the cadence of checkpoints and how far to run are left out: they may
    differ between a run and its resume. Of a path only the file's name counts.

    Examples
    --------
    >>> from streamnn_jobs.spec.load import make_spec
    >>> fields = learning_fields(make_spec({"source": {"path": "/data/a.csv"}}))
    >>> fields["source.path"], "checkpoint.keep" in fields
    ('a.csv', False)
    """
    out: dict[str, Any] = {}
    for section in ("source", "label", "features", "learner", "limits"):
        for name, value in getattr(spec, section).model_dump(mode="json").items():
            out[f"{section}.{name}"] = value
    out.pop("learner.threads", None)  # the bits do not depend on it
    del out["limits.dead_share"]  # decides an exit code
    for name in _LATER:  # left out where not given, so that an older checkpoint still fits
        if out[name] == _LATER[name]:
            del out[name]
    if spec.edge is not None:
        out |= {f"{EDGE}{name}": value for name, value in spec.edge.learning_fields().items()}
    if spec.source.topic is not None:
        out |= {f"kafka.{name}": value for name, value in spec.kafka.learning().items()}
    named = out["source.path"]
    if named is not None:
        names = [PurePath(path).name for path in ([named] if isinstance(named, str) else named)]
        out["source.path"] = names[0] if isinstance(named, str) else names
    return out


def spec_of_fields(fields: Mapping[str, Any]) -> JobSpec:
    """A spec of what :func:`learning_fields` gave."""
    data: dict[str, dict[str, Any]] = {}
    for name, value in fields.items():
        section, _, field = name.partition(".")
        data.setdefault(section, {})[field] = value
    if (data.get("label") or {}).get("topic") is not None:
        # a job must have one; which one does not matter here
        data.setdefault("kafka", {})["merge_log"] = "unknown"
    return JobSpec.model_validate(data)


def spec_hash(spec: JobSpec) -> str:
    """Hash of the fields that decide what is learnt."""
    return hashlib.sha256(json.dumps(learning_fields(spec), sort_keys=True).encode()).hexdigest()


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """One line a field that differs.

    Examples
    --------
    >>> differences({"label.delay_events": 48}, {"label.delay_events": 0})
    ['label.delay_events is 0 now and was 48']
    >>> differences({"label.time": "t"}, {"label.time": None})
    ['label.time is not set now and was "t"']
    """
    names = sorted(set(saved) | set(now))
    return [
        f"{name} is {_shown(now.get(name))} now and was {_shown(saved.get(name))}"
        for name in names
        if saved.get(name) != now.get(name)
    ]


def goes_on(saved: Mapping[str, Any], now: Mapping[str, Any], learnt: Iterable[str]) -> bool:
    """Whether a job of the fields `now` may go on from a state of the fields `saved` that has `learnt` these columns.

    They are equal but, perhaps, for columns to ignore that were never learnt, and for a student that only one of them
    has: it begins anew, or is dropped, and nothing else depends on it.

    Examples
    --------
    >>> goes_on({"features.ignore": None}, {"features.ignore": ["meta"]}, ["price"])
    True
    >>> goes_on({"features.ignore": None}, {"features.ignore": ["meta"]}, ["price", "meta.id"])
    False
    >>> goes_on({"label.delay_events": 0}, {"label.delay_events": 0, "edge.every": 1000}, [])
    True
    """
    name = "features.ignore"
    if not (_has_student(saved) and _has_student(now)):
        saved, now = _without_student(saved), _without_student(now)
    if any(saved.get(n) != now.get(n) for n in {*saved, *now} - {name}):
        return False
    # what is ignored no more was not learnt while it was
    added = Wanted(ignore=set(now.get(name) or ()) - set(saved.get(name) or ()))
    return all(added.takes(column) for column in learnt)


def _has_student(fields: Mapping[str, Any]) -> bool:
    return any(name.startswith(EDGE) for name in fields)


def _without_student(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if not name.startswith(EDGE)}


def _shown(value: Any) -> str:
    return "not set" if value is None else json.dumps(value)
