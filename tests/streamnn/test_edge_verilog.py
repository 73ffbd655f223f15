"""Verilog of integer networks: what is written, evaluated, and simulated and synthesised by the tools themselves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import module_helpers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from verilog_helpers import evaluate

from benchmarks import _hdl, _netlist
from streamnn.edge import Artefact, InputStage, Sensor
from streamnn.edge.modules import run_modules
from streamnn.edge.verilog import Port, category_rows, emit_test_bench, emit_verilog, id_bits, requantisers
from streamnn.edge.verilog.signals import bits_between, literal
from streamnn.edge.verilog.signed_digits import signed_digits
from streamnn.errors import SpecError

VECTORS = 10_000
KINDS = {
    "w8": {"bits": 8},
    "w8_four_bits_of_place": {"bits": 8, "place_bits": 4},
    "w4_categories": {"bits": 4, "rows": 5},
    "w3_residual": {"bits": 3, "residual": True},
    "signs": {"bits": 8, "sign": True, "residual": True},
}
REQUANTISERS = {r.name: r for r in requantisers()}


@given(st.integers(-(1 << 40), 1 << 40))
def test_signed_digits_give_the_number_back_and_no_two_are_neighbours(v: int) -> None:
    digits = signed_digits(v)
    assert sum(sign << shift for sign, shift in digits) == v
    shifts = [s for _, s in digits]
    assert all(b - a >= 2 for a, b in pairwise(shifts))
    assert len(digits) <= min(bin(abs(v)).count("1"), abs(v).bit_length() // 2 + 1)


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-(1 << 40), 1 << 40))
def test_bits_are_the_fewest_that_hold_both(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    n = bits_between(low, high)
    assert -(1 << (n - 1)) <= low and high < 1 << (n - 1)
    assert n == 1 or low < -(1 << (n - 2)) or high >= 1 << (n - 2)


@given(st.integers(-(1 << 40), 1 << 40), st.integers(0, 50))
def test_a_constant_keeps_its_value_whatever_it_is_extended_to(v: int, bits: int) -> None:
    width, _, size = literal(v, bits).lstrip("-").partition("'sd")
    assert int(size) == abs(v) < 1 << (int(width) - 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_what_is_written_gives_the_integers_of_the_modules(kind: str, seed: int) -> None:
    of = KINDS[kind]
    modules = module_helpers.network(seed, **of)
    x, ids = module_helpers.vectors(seed, 12, rows=of.get("rows", 0))
    text = emit_verilog(modules, "net")["net.v"].decode()
    found = []
    for row, categories in zip(x.tolist(), ids.tolist(), strict=True):
        ports = {"x": (row, 8), "ids": (categories, id_bits(modules[0]))}
        found.append(evaluate(text, ports if categories else {"x": ports["x"]}))
    assert found == run_modules(modules, x, ids)[-1].tolist()


def test_a_weight_that_is_wrong_by_one_is_seen() -> None:
    modules = module_helpers.network(1)
    weights = modules[-1].weights.copy()
    weights[3, 1] += 1
    other = (*modules[:-1], replace(modules[-1], weights=weights))
    x, ids = module_helpers.vectors(1, 5)
    text = emit_verilog(other, "net")["net.v"].decode()
    assert [evaluate(text, {"x": (r, 8)}) for r in x.tolist()] != run_modules(modules, x, ids)[-1].tolist()


def test_each_sensor_of_an_artefact_reaches_its_own_rows() -> None:
    modules = module_helpers.network(2, bits=4, rows=5)
    i = np.zeros(6, np.int64)
    start = np.array([0, 2, 2, 5, 5, 5, 5])
    stage = InputStage((), i, i + 5, np.ones(6, bool), start, np.arange(5), np.array([0, 1, 2, 3, 4]))
    a = Artefact(tuple(Sensor(f"s{k}") for k in range(6)), stage, modules, ("no", "yes"))
    assert [r.tolist() for r in category_rows(a)] == [[0, 1], [2, 3, 4]]
    text = emit_verilog(a, "net")["net.v"].decode()
    x, _ = module_helpers.vectors(2, 12)
    ids = np.array([[p, q] for p in (-1, 0, 1) for q in (-1, 2, 3, 4)])
    found = [
        evaluate(text, {"x": (row, 8), "ids": (k, id_bits(modules[0]))})
        for row, k in zip(x.tolist(), ids.tolist(), strict=True)
    ]
    assert found == run_modules(modules, x, ids)[-1].tolist()


def test_bad_input_says_what_to_do() -> None:
    modules = module_helpers.network(1)
    with pytest.raises(SpecError, match="'1net' is no name of a Verilog module: use letters"):
        emit_verilog(modules, "1net")
    with pytest.raises(SpecError, match="the last module must have an Output; give all modules"):
        emit_verilog(modules[:1], "net")
    wide = replace(modules[-1], after=replace(modules[-1].after, align=np.array([0, 20])))
    with pytest.raises(SpecError, match=r"logit 1 can need \d+ bits of 32: lower its align"):
        emit_verilog((modules[0], wide), "net")


@pytest.mark.parametrize("name", REQUANTISERS)
def test_requantisers_clip_to_eight_bits(name: str) -> None:
    r = REQUANTISERS[name]
    values = r.corners(2000, 1)
    y = r.reference(*values)
    assert y.shape == values[0].shape and y.min() >= -128 and y.max() <= 127
    for (_, bits, signed), v in zip(r.ports, values, strict=True):
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        assert low <= v.min() and v.max() <= high


@given(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, 31))
def test_multiply_and_shift_is_two_roundings_halves_up(a: int, m: int, s: int) -> None:
    h = (a * m + (1 << 30)) >> 31
    v = (h + (1 << s >> 1)) >> s
    found = REQUANTISERS["requant_multiply32"].reference(np.array([a]), np.array([m]), np.array([s]))
    assert found.tolist() == [min(max(v, -128), 127)]


def _need(*tools: str) -> None:
    if lacks := _hdl.missing(*tools):
        pytest.skip(lacks)


def _bench(folder: Path, kind: str) -> None:
    of = KINDS[kind]
    modules = module_helpers.network(7, **of)
    x, ids = module_helpers.vectors(8, VECTORS, rows=of.get("rows", 0))
    inputs = [Port("x", 8, x)] + ([Port("ids", id_bits(modules[0]), ids)] if ids.shape[1] else [])
    logits = Port("logits", 32, run_modules(modules, x, ids)[-1])
    _hdl.write(folder, {**emit_verilog(modules, kind), **emit_test_bench(kind, inputs, logits)})


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["iverilog", "verilator"])
@pytest.mark.parametrize("kind", KINDS)
def test_simulated_networks_equal_python(tmp_path: Path, kind: str, tool: str) -> None:
    _need(tool)
    _bench(tmp_path, kind)
    assert _hdl.simulate(tmp_path, kind, tool) == (VECTORS, 0)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["iverilog", "verilator"])
@pytest.mark.parametrize("name", REQUANTISERS)
def test_simulated_requantisers_equal_python(tmp_path: Path, name: str, tool: str) -> None:
    _need(tool)
    r = REQUANTISERS[name]
    values = r.corners(VECTORS, 3)
    inputs = [Port(n, bits, v[:, None]) for (n, bits, _), v in zip(r.ports, values, strict=True)]
    y = Port("y", 8, r.reference(*values)[:, None])
    _hdl.write(tmp_path, {f"{name}.v": r.verilog(), **emit_test_bench(name, inputs, y)})
    assert _hdl.simulate(tmp_path, name, tool) == (len(values[0]), 0)


@pytest.mark.slow
def test_a_simulation_that_differs_is_counted(tmp_path: Path) -> None:
    _need("iverilog")
    r = REQUANTISERS["requant_constant"]
    a = np.array([[0], [64], [128]])
    bench = emit_test_bench(r.name, [Port("a", 32, a)], Port("y", 8, np.array([[0], [0], [1]])))
    _hdl.write(tmp_path, {f"{r.name}.v": r.verilog(), **bench})
    assert _hdl.simulate(tmp_path, r.name, "iverilog") == (3, 1)


@pytest.mark.slow
def test_multiply_and_shift_needs_ten_times_the_area_of_a_programmable_shift(tmp_path: Path) -> None:
    """Geng et al. 2019 report about 15 times for theirs against "a strong baseline"."""
    _need("yosys")
    area = {}
    for name in ("requant_constant", "requant_shift", "requant_multiply32"):
        _hdl.write(tmp_path, {f"{name}.v": REQUANTISERS[name].verilog()})
        area[name] = _hdl.synthesise(tmp_path, name)["transistors"]
        values = REQUANTISERS[name].corners(VECTORS, 5)
        ports = {n: v for (n, _, _), v in zip(REQUANTISERS[name].ports, values, strict=True)}
        found, toggles = _netlist.Netlist(tmp_path / f"{name}.json", name).run(ports)
        assert (found["y"] == REQUANTISERS[name].reference(*values)).all() and toggles > 0
    assert area["requant_multiply32"] >= 10 * area["requant_shift"]
    assert area["requant_multiply32"] >= 50 * area["requant_constant"]


@pytest.mark.slow
def test_a_whole_network_is_synthesised_and_fewer_bits_are_smaller(tmp_path: Path) -> None:
    _need("yosys")
    cells = {}
    for bits in (8, 4):
        modules = module_helpers.network(7, bits=bits, inputs=8, hidden=16)
        _hdl.write(tmp_path, emit_verilog(modules, f"w{bits}"))
        cells[bits] = _hdl.synthesise(tmp_path, f"w{bits}", quick=True)["cells"]
    assert 1000 < cells[4] < cells[8] < 60_000
