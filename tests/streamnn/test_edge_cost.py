"""Costs of artefacts, counted by hand."""

from __future__ import annotations

import json

import module_helpers
import numpy as np
import pytest

from streamnn.edge import Artefact, InputStage, Module, Output, Sensor, Spline, Threshold
from streamnn.edge.cost import cost
from streamnn.edge.counts import Counts, module_counts, state_bytes
from streamnn.edge.energy import float_energy, integer_energy


def i(*v: int) -> np.ndarray:
    return np.array(v, np.int64)


SPLINE = Spline(np.arange(10).reshape(2, 5), i(5, 5), 1, 2, 5)


def test_a_spline_module() -> None:
    m = Module(np.array([[1, 0], [-3, 2], [4, 5]]), 4, i(0, 0), i(9, 9), SPLINE)
    c = module_counts(m, "module 0", None, 0)
    assert (c.multiply_accumulates, c.nonzero) == (6, 5)
    assert (c.bit_operations, c.bit_products) == (6 * 4 * 8, 5 * 4 * 8)
    assert (c.multiplications, c.requantisations, c.lookups) == (2, 2, 4)
    assert c.additions == 2 + 2 * 5
    # 6 weights of 4 bits, 2 biases of 4 bytes, 10 knots, 2 units' shifts of the accumulator and of the knots
    assert c.table_bytes == 3 + 8 + 10 + 4


def test_categories_a_permutation_and_a_residual_add_up() -> None:
    bare = Module(np.ones((2, 2), np.int64), 8, i(0, 0), i(9, 9), SPLINE)
    table = np.array([[1, 2], [3, 300], [5, 6]])
    full = Module(bare.weights, 8, i(0, 0), i(9, 9), SPLINE, table, i(1, 1), i(1, 0), 0, i(2, 2))
    a, b = module_counts(bare, "m", SPLINE, 0), module_counts(full, "m", SPLINE, 2)
    assert b.additions - a.additions == 2 * 3 + 2 * 2
    assert b.requantisations - a.requantisations == 2 + 2
    assert b.lookups - a.lookups == 2 * 2
    # rows of 16 bits and a shift a unit; two indices of 16 bits; a shift a unit
    assert b.table_bytes - a.table_bytes == (2 * 6 + 2) + 4 + 2


def test_groups_have_no_weights_elsewhere() -> None:
    m = Module(
        np.diag([1, 1, 1, 1]),
        8,
        np.zeros(4, np.int64),
        np.zeros(4, np.int64),
        Output(i(0, 0, 0, 0)),
        groups=4,
    )
    assert module_counts(m, "m", None, 0).multiply_accumulates == 4


def test_signs_are_added_and_only_bits_are_counted_between_them() -> None:
    w = np.array([[1, -1], [1, 1]])
    m = Module(w, 1, i(0, 0), i(0, 0), Threshold(i(0, 0)))
    between = module_counts(m, "m", Threshold(i(0, 0)), 0)
    assert (between.bit_operations, between.bit_products, between.comparisons) == (4, 0, 2)
    assert between.requantisations == between.multiplications == 0
    wide = module_counts(Module(w, 8, i(0, 0), i(0, 0), Output(i(0, 0))), "m", Threshold(i(0, 0)), 0)
    assert (wide.bit_operations, wide.bit_products) == (4 * 8, 0)
    assert integer_energy(between).arithmetic < integer_energy(wide).arithmetic


def test_state_is_that_of_the_device() -> None:
    d = np.zeros(8, np.int64)
    stage = InputStage((2, 5), d, d, np.ones(24, bool), np.zeros(9, np.int64), i(), i())
    assert state_bytes(stage, 0, 0) == {"context": 72, "history": 0, "learnt": 0}
    seen = InputStage((), d, d, np.ones(8, bool), np.zeros(9, np.int64), i(), i(), 2)
    assert state_bytes(seen, 2, 32) == {"context": 8, "history": 4 * (2 * 2 + 1), "learnt": 4 * 2 * 33}


def _artefact(learning: str = "off", **of: object) -> Artefact:
    modules = module_helpers.network(3, **of)  # type: ignore[arg-type]
    d = np.zeros(6, np.int64)
    stage = InputStage((), d, d + 5, np.ones(6, bool), np.zeros(7, np.int64), i(), i())
    sensors = tuple(Sensor(f"s{k}") for k in range(6))
    return Artefact(sensors, stage, modules, ("no", "yes"), learning=learning)


def test_the_whole_is_the_sum_of_its_parts() -> None:
    c = cost(_artefact(bits=8))
    assert [p.part for p in c.parts] == ["stage", "module 0", "module 1"]
    assert c.total.multiply_accumulates == 6 * 8 + 8 * 2
    assert c.total.table_bytes == sum(p.table_bytes for p in c.parts)
    knots = _artefact(bits=8).modules[0].after.knots.size
    assert c.float_bytes == 4 * (6 * 8 + 8 + knots + 8 * 2 + 2)
    assert c.energy.total == pytest.approx(sum(integer_energy(p).total for p in c.parts))


def test_fewer_bits_cost_less_and_so_do_shifts() -> None:
    eight, four = cost(_artefact(bits=8)), cost(_artefact(bits=4))
    assert four.total.table_bytes < eight.total.table_bytes
    assert four.energy.total < eight.energy.total < eight.energy_multiply.total < eight.energy_float.total
    # eight units, each by a factor of 32 bits: 3.1 pJ, and four bytes at 1.25
    more = eight.energy_multiply
    assert more.requantising - eight.energy.requantising == pytest.approx(8 * 3.1)
    assert more.memory - eight.energy.memory == pytest.approx(8 * 4 * 1.25)


def test_the_table_of_energies() -> None:
    one = {"multiply_accumulates": 1, "nonzero": 1, "bit_operations": 64, "bit_products": 64}
    assert integer_energy(Counts("m", **one)).arithmetic == pytest.approx(3.1 / 16 + 0.1)
    assert float_energy(Counts("m", **one)).arithmetic == pytest.approx(4.6)
    assert integer_energy(Counts("m", bytes_read=8)).memory == pytest.approx(10)


def test_learning_needs_state_and_plain_data_is_json() -> None:
    c = cost(_artefact("layer", bits=8))
    assert c.state["learnt"] == 4 * 2 * 9
    said = json.loads(json.dumps(c.to_dict()))
    assert said["state_bytes"] == c.state_bytes == 6 + 72
    assert said["energy_source"].startswith("estimate")
    assert said["energy_pj"]["total"] == pytest.approx(c.energy.total)
