"""Lowered networks as learners, without torch: what of their input comes later, or waits for its micro-batch."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from guest_helpers import plan
from test_invariants import Log

from streamnn import TorchClassifier
from streamnn.checks import check_scan
from streamnn.lowered import Plan, PlanBuilder
from streamnn.lowered.arrays import HELD_LABELS
from streamnn.lowered.dense import linear

pytestmark = pytest.mark.slow


def straight(inputs: int, outputs: int) -> Plan:
    """No hidden layer: its latent is the row."""
    b, rng = PlanBuilder((inputs,)), np.random.default_rng(0)
    w = rng.normal(size=(outputs, inputs)) / 4
    return b.finish(linear(b, b.input, "0", w, np.zeros(outputs)), latent=b.input)


@pytest.mark.parametrize("rows", ["x", "context", "history"])
@pytest.mark.parametrize("make", [plan, straight])
def test_columns_that_come_later_leave_no_trace_of_chunks(make, rows: str) -> None:
    log = Log(120, False, 4, 20)
    check_scan(partial(TorchClassifier, make, rows=rows), log.run, len(log), log.look)


def test_words_of_an_event_put_aside_are_saved_with_it() -> None:
    whole, first, second = (TorchClassifier(plan, batch=2) for _ in range(3))
    for i in range(31):
        for model in (whole, first if i < 15 else second):
            model.learn_one({"a": i % 3, "word": "uvwx"[i % 4], "other": "yz"[i % 2]}, i % 2)
        if i == 14:  # one of two labels is there
            held = first._pool.members[0].s
            assert held["count"][HELD_LABELS] == 1 and (held["held_names"][0] >= 0).sum() == 2
            second.load_state_dict(*first.state_dict())
    assert np.abs(whole._pool.members[0].s["table"]).max() > 0
    assert second.state_hash() == whole.state_hash()
