"""An artefact to bytes and back: one safetensors file of plain integers with a JSON manifest, checked leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import state
from ..errors import SpecError, StateError
from .artefact import Artefact, Surprise, Target
from .input_stage import InputStage
from .modules import Module, Output, Spline, Threshold
from .sensors import Sensor

ARTEFACT_VERSION = 1
"""Of what the manifest says; see docs/edge-format.md."""
_STAGE = ("mean", "shift", "on", "key_start", "keys", "rows")
_MODULE = ("weights", "bias", "fraction", "table", "table_shift", "gather", "skip_shift")
_AFTER: dict[type, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    Spline: ("spline", ("knots", "knot_fraction"), ("spacing", "reach", "fraction", "bits", "place_bits")),
    Threshold: ("threshold", ("above",), ("fraction", "bits")),
    Output: ("output", ("align",), ()),
}
_SURPRISE = ("mean", "shift", "constant")
Arrays = dict[str, np.ndarray]


def to_bytes(artefact: Artefact) -> bytes:
    """One file.

    Raises
    ------
    SpecError
        When a class or something in `about` is no plain value.

    Examples
    --------
    >>> i = lambda *v: np.array(v, np.int64)
    >>> stage = InputStage((), i(0), i(11), np.ones(1, bool), i(0, 0), i(), i())
    >>> last = Module(i([3, -3]), 8, i(7, 0), i(9, 9), Output(i(0, 0)))
    >>> artefact = Artefact((Sensor("speed"),), stage, (last,), ("no", "yes"))
    >>> from_bytes(to_bytes(artefact)).modules[0].bias.tolist()
    [7, 0]
    """
    arrays = {name: _narrow(v) for name, v in leaves(artefact).items()}
    return state.to_bytes(arrays, {"artefact": manifest(artefact)})


def manifest(artefact: Artefact) -> dict[str, Any]:
    """All that is no array, as JSON-able data.

    Raises
    ------
    SpecError
        When a class or something in `about` is no plain value.
    """
    a, stage = artefact, artefact.stage
    return {
        "version": ARTEFACT_VERSION,
        "sensors": [{"name": s.name, "fraction": int(s.fraction), "codes": list(s.codes)} for s in a.sensors],
        "stage": {
            "spans": [int(q) for q in stage.spans],
            "classes": int(stage.classes),
            "keys": len(stage.keys),
        },
        "modules": [_module(m) for m in a.modules],
        "classes": _plain(list(a.classes), "classes"),
        "target": None if a.target is None else {k: int(getattr(a.target, k)) for k in Target.__slots__},
        "learning": a.learning,
        "weight_step": int(a.weight_step),
        "surprise": None
        if a.surprise is None
        else {"classes": len(a.surprise.mean), "threshold": int(a.surprise.threshold)},
        "bound": float(a.bound),
        "rounding": float(a.rounding),
        "margin": [float(v) for v in a.margin],
        "about": _plain(a.about, "about"),
    }


def _module(m: Module) -> dict[str, Any]:
    kind, _, numbers = _AFTER[type(m.after)]
    return {
        "inputs": len(m.weights),
        "units": m.units,
        "weight_bits": int(m.weight_bits),
        "skip": int(m.skip),
        "groups": int(m.groups),
        "rows": None if m.table is None else len(m.table),
        "has": [k for k in ("table_shift", "gather", "skip_shift") if getattr(m, k) is not None],
        "after": {"kind": kind, **{k: int(getattr(m.after, k)) for k in numbers}},
        "knots": m.after.knots.shape[1] if isinstance(m.after, Spline) else None,
    }


def leaves(artefact: Artefact) -> Arrays:
    """Every array by its name in the file."""
    found = {f"stage/{k}": getattr(artefact.stage, k) for k in _STAGE}
    for i, m in enumerate(artefact.modules):
        found |= {f"module{i}/{k}": getattr(m, k) for k in _MODULE if getattr(m, k) is not None}
        found |= {f"module{i}/after/{k}": getattr(m.after, k) for k in _AFTER[type(m.after)][1]}
    if artefact.surprise is not None:
        found |= {f"surprise/{k}": getattr(artefact.surprise, k) for k in _SURPRISE}
    return {k: np.asarray(v) for k, v in found.items()}


def from_bytes(data: bytes, where: str = "artefact") -> Artefact:
    """What :func:`to_bytes` was given; arrays of integers are int64.

    Parameters
    ----------
    data : bytes
    where : str
        How errors name it.

    Raises
    ------
    StateError
        When the bytes are damaged, are no artefact, are of another version, or an array is missing, unknown or of
        another shape.
    """
    arrays, meta = state.from_bytes(data, where)
    said = meta.get("artefact")
    if not isinstance(said, dict):
        raise StateError(f"{where}: a streamnn state, but no artefact: see streamnn export")
    if said.get("version") != ARTEFACT_VERSION:
        raise StateError(
            f"{where}: version {said.get('version')!r} is not {ARTEFACT_VERSION}: another release wrote it"
        )
    try:
        expected = _expected(said)
        found = {k: _wide(v, f"{where}: leaf {k!r}") for k, v in arrays.items()}
        state.check_leaves(found, expected, where)
        return _artefact(said, found)
    except (KeyError, TypeError, ValueError) as e:
        raise StateError(f"{where}: its manifest is damaged ({type(e).__name__}: {e})") from e


def _expected(said: Mapping[str, Any]) -> Arrays:
    """Arrays of the shapes that the manifest tells."""
    d, keys = len(said["sensors"]), said["stage"]["keys"]
    shape: dict[str, tuple[int, ...]] = {
        "mean": (d,), "shift": (d,), "key_start": (d + 1,), "keys": (keys,), "rows": (keys,),
    }  # fmt: skip
    out: Arrays = {f"stage/{k}": np.zeros(v, np.int64) for k, v in shape.items()}
    out["stage/on"] = np.zeros(d * (1 + len(said["stage"]["spans"])), np.bool_)
    for i, m in enumerate(said["modules"]):
        n, units = m["inputs"], m["units"]
        shape = {"weights": (n, units), "bias": (units,), "fraction": (units,)}
        optional = {"table_shift": (units,), "gather": (n,), "skip_shift": (units,)}
        shape |= {k: optional[k] for k in m["has"]}
        if m["rows"] is not None:
            shape["table"] = (m["rows"], units)
        per_unit = {"spline": ("knot_fraction",), "threshold": ("above",), "output": ("align",)}
        shape |= {f"after/{k}": (units,) for k in per_unit[m["after"]["kind"]]}
        if m["knots"] is not None:
            shape["after/knots"] = (units, m["knots"])
        out |= {f"module{i}/{k}": np.zeros(v, np.int64) for k, v in shape.items()}
    if said["surprise"] is not None:
        classes, units = said["surprise"]["classes"], said["modules"][-2]["units"]
        for k in ("mean", "shift"):
            out[f"surprise/{k}"] = np.zeros((classes, units), np.int64)
        out["surprise/constant"] = np.zeros(classes, np.int64)
    return out


def _artefact(said: Mapping[str, Any], found: Arrays) -> Artefact:
    s = said["stage"]
    modules = []
    kinds: dict[str, Callable[..., Any]] = {kind: cls for cls, (kind, _, _) in _AFTER.items()}
    for i, m in enumerate(said["modules"]):
        own = {k: found[f"module{i}/{k}"] for k in _MODULE if f"module{i}/{k}" in found}
        numbers = dict(m["after"])
        kind = numbers.pop("kind")
        prefix = f"module{i}/after/"
        inner = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
        modules.append(
            Module(
                weight_bits=m["weight_bits"],
                skip=m["skip"],
                groups=m["groups"],
                after=kinds[kind](**inner, **numbers),
                **own,
            )
        )
    surprise = None
    if said["surprise"] is not None:
        mean, shift, constant = (found[f"surprise/{k}"] for k in _SURPRISE)
        surprise = Surprise(mean, shift, constant, said["surprise"]["threshold"])
    return Artefact(
        tuple(Sensor(v["name"], v["fraction"], tuple(v["codes"])) for v in said["sensors"]),
        InputStage(tuple(s["spans"]), **{k: found[f"stage/{k}"] for k in _STAGE}, classes=s["classes"]),
        tuple(modules),
        tuple(said["classes"]),
        None if said["target"] is None else Target(**said["target"]),
        said["learning"], surprise, said["bound"], said["rounding"], said["about"],
        (float(said["margin"][0]), float(said["margin"][1])), said["weight_step"],
    )  # fmt: skip


def _narrow(v: np.ndarray) -> np.ndarray:
    """The same integers in as few bytes as hold them."""
    if v.dtype == np.bool_ or not v.size:
        return v if v.dtype == np.bool_ else v.astype(np.int8)
    for kind in (np.int8, np.int16, np.int32):
        if v.min() >= np.iinfo(kind).min and v.max() <= np.iinfo(kind).max:
            return v.astype(kind)
    return v.astype(np.int64)


def _wide(v: np.ndarray, what: str) -> np.ndarray:
    if v.dtype == np.bool_:
        return v
    if v.dtype.kind != "i":
        raise StateError(f"{what} has dtype {v.dtype}, expected integers")
    return v.astype(np.int64)


def _plain(v: Any, what: str) -> Any:
    """The same as JSON has it: numpy's numbers become Python's."""
    if isinstance(v, Mapping):
        return {str(k): _plain(x, what) for k, x in v.items()}
    if isinstance(v, list | tuple):
        return [_plain(x, what) for x in v]
    if isinstance(v, np.generic | np.ndarray):
        return _plain(v.tolist(), what)
    if v is None or isinstance(v, bool | int | float | str):
        return v
    raise SpecError(
        f"{what} holds a {type(v).__name__}: only numbers, texts, lists and mappings can be saved"
    )
