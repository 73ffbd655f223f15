"""Artefacts on emulated Cortex-M cores: the integers of the device in Python, and within their budget."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from artefact_helpers import electricity_shape, random_artefact, random_events

from streamnn.types import OBSERVE

TOOL = Path(__file__).parents[2] / "tools" / "cortex_m.py"
spec = importlib.util.spec_from_file_location("cortex_m", TOOL)
cortex_m = importlib.util.module_from_spec(spec)
sys.modules["cortex_m"] = cortex_m
spec.loader.exec_module(cortex_m)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(cortex_m.missing()), reason=f"needs tools: {cortex_m.missing()}"),
]


@pytest.mark.parametrize("core", ["M0", "M3", "M4"])
@pytest.mark.parametrize("learning", ["off", "bias", "layer"])
@pytest.mark.parametrize("tables", ["source", "bin"])
def test_a_core_says_what_the_device_says(core, learning, tables):
    for seed in (1, 2):
        artefact = random_artefact(seed, learning)
        run = cortex_m.run_on(artefact, *random_events(artefact, 500, seed), core, "-O2", tables)
        assert (run.events, run.differ, run.undefined) == (500, 0, "")


def test_a_difference_is_found(monkeypatch):
    artefact = random_artefact(1)
    events = random_events(artefact, 50, 1)
    real = cortex_m.emit_c

    def wrong(*args, **options):
        files = real(*args, **options)
        text = files["model.c"].decode()
        return {**files, "model.c": text.replace("left(raw[c], 8)", "left(raw[c] + 1, 8)").encode()}

    monkeypatch.setattr(cortex_m, "emit_c", wrong)
    assert cortex_m.run_on(artefact, *events).differ > 0


def test_ten_thousand_events_within_the_budget():
    artefact = electricity_shape()
    r, n = np.random.default_rng(1), 10_000
    raw = r.integers(-3000, 3000, (n, 8)).astype(np.int32)
    raw[:, 0], raw[:, 1] = r.integers(0, 7, n), 300 * r.integers(0, 48, n)
    events = np.full(n, OBSERVE, np.int8), np.arange(n), raw, np.zeros(n, np.int64)
    for core, optimise, most in (("M0", "-Os", 10_200), ("M3", "-O2", 6_600), ("M4", "-O2", 6_600)):
        run = cortex_m.run_on(artefact, *events, core, optimise)
        assert (run.events, run.differ, run.undefined, run.bss) == (n, 0, "", 0)
        assert run.tables <= 3600 and run.state <= 72 and run.step <= most
        assert core != "M0" or run.code <= 900
