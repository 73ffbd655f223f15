"""An artefact to bytes and back: every leaf the same, and what is wrong is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from artefact_helpers import random_artefact
from hypothesis import given
from hypothesis import strategies as st

from streamnn import state
from streamnn.edge import saving
from streamnn.edge.device import Device
from streamnn.errors import SpecError, StateError


def repack(data, change):
    """The same file after `change(arrays, manifest)`."""
    arrays, meta = state.from_bytes(data)
    change(arrays, meta["artefact"])
    meta.pop("format")
    return state.to_bytes(arrays, meta)


@given(st.integers(0, 1000), st.sampled_from(["off", "bias", "layer"]))
def test_a_round_trip_is_exact(seed, learning):
    artefact = random_artefact(seed, learning)
    again = saving.from_bytes(saving.to_bytes(artefact))
    assert saving.manifest(again) == saving.manifest(artefact)
    before, after = saving.leaves(artefact), saving.leaves(again)
    assert list(before) == list(after)
    for name, v in before.items():
        assert v.shape == after[name].shape and np.array_equal(v, after[name]), name
        assert after[name].dtype == (np.bool_ if name == "stage/on" else np.int64), name
    assert saving.to_bytes(again) == saving.to_bytes(artefact)
    raw = np.random.default_rng(seed).integers(-99, 99, (50, artefact.stage.sensors)).astype(np.int32)
    assert np.array_equal(Device(again).predict(raw), Device(artefact).predict(raw))


def test_every_field_is_saved():
    artefact = random_artefact(3)
    plain = json.dumps(saving.manifest(artefact)) + " ".join(saving.leaves(artefact))
    for kind in (artefact, artefact.stage, *artefact.modules, *(m.after for m in artefact.modules)):
        for name in type(kind).__slots__:
            if getattr(kind, name) is not None and name not in ("stage", "modules", "after", "sensors"):
                assert name in plain, name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a, m: a.pop("module0/bias"), "leaf 'module0/bias' is missing"),
        (lambda a, m: a.update(more=np.zeros(1, np.int8)), "leaf 'more' is not known"),
        (lambda a, m: a.update({"module0/bias": np.zeros(1, np.int8)}), "'module0/bias' has shape"),
        (lambda a, m: a.update({"stage/mean": a["stage/mean"].astype(np.float32)}), "expected integers"),
        (lambda a, m: a.update({"stage/on": a["stage/on"].astype(np.int8)}), "'stage/on' has dtype"),
        (lambda a, m: m.update(version=9), "version 9 is not 1"),
        (lambda a, m: m.pop("modules"), "manifest is damaged"),
        (lambda a, m: m["modules"][0]["after"].update(kind="sine"), "manifest is damaged"),
        (lambda a, m: m["modules"][0]["after"].pop("kind"), "manifest is damaged"),
    ],
)
def test_what_is_wrong_is_named(change, says):
    data = saving.to_bytes(random_artefact(3))
    with pytest.raises(StateError, match=says):
        saving.from_bytes(repack(data, change), "edge/artefact.safetensors")


def test_other_bytes_are_no_artefact():
    data = saving.to_bytes(random_artefact(3))
    for broken in (b"", b"x" * 99, data[:-1], data[:50]):
        with pytest.raises(StateError, match="damaged"):
            saving.from_bytes(broken)
    with pytest.raises(StateError, match="no artefact"):
        saving.from_bytes(state.to_bytes({}, {}))


def test_what_is_not_plain_is_refused():
    from dataclasses import replace

    with pytest.raises(SpecError, match="about holds a object"):
        saving.to_bytes(replace(random_artefact(3), about={"x": object()}))
