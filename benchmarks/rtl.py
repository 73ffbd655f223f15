"""Area of requantisers and of whole networks in gates, and do both simulators give the very integers of Python."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _hdl
import _hdl_networks
import _table
import numpy as np
from _netlist import Netlist

from streamnn.edge.modules import run_modules
from streamnn.edge.verilog import Port, Requantiser, emit_test_bench, emit_verilog, requantisers
from streamnn.edge.verilog.requantisers import CODEBOOK_LEVELS

VECTORS = 10_000
ACCUMULATORS = 1 << 12
"""Deviation of accumulators where gates' switching is counted."""
HELD = {"s": 6, "t": 6, "r": 1, "m": 23_170, "z": 3}
WIDE_FACTOR = 1_518_500_250
"""A factor of 31 bits, 2**30.5; that of 16 bits is 2**14.5."""
SIMULATORS = ("iverilog", "verilator")


def requantiser_rows(folder: Path, tools: list[str]) -> list[dict[str, Any]]:
    """Each way to bring 32 bits to 8: its area beside the programmable shift, and differences from Python."""
    rows = []
    for r in requantisers():
        values = r.corners(VECTORS, seed=1)
        ports = [Port(n, bits, v[:, None]) for (n, bits, _), v in zip(r.ports, values, strict=True)]
        expected = Port("y", 8, r.reference(*values)[:, None])
        _hdl.write(folder, {f"{r.name}.v": r.verilog(), **emit_test_bench(r.name, ports, expected)})
        row: dict[str, Any] = {"requantiser": r.name, **_hdl.synthesise(folder, r.name)}
        for tool in tools:
            row["vectors"], row[f"differ, {tool}"] = _hdl.simulate(folder, r.name, tool)
        netlist = Netlist(folder / f"{r.name}.json", r.name)
        found, _ = netlist.run({n: v for (n, _, _), v in zip(r.ports, values, strict=True)})
        row["differ, netlist"] = int((found["y"] != expected.values[:, 0]).sum())
        row["toggles (proxy)"] = netlist.run(in_use(r))[1] / VECTORS
        rows.append(row)
    shift = next(r for r in rows if r["requantiser"] == "requant_shift")
    for row in rows:
        row["area ratio"] = row["transistors"] / shift["transistors"]
        row["proxy ratio"] = row["toggles (proxy)"] / shift["toggles (proxy)"]
    return rows


def in_use(r: Requantiser) -> dict[str, np.ndarray]:
    """Vectors as a network gives them: accumulators that vary, factors and shifts that stay."""
    random = np.random.default_rng(1)
    values = {n: np.full(VECTORS, HELD.get(n, 0), np.int64) for n, _, _ in r.ports}
    if ("m", 32, True) in r.ports:
        values["m"][:] = WIDE_FACTOR
    values["a"] = np.rint(random.normal(0, ACCUMULATORS, VECTORS)).astype(np.int64)
    if "b" in values:
        values["b"] = np.rint(random.normal(0, ACCUMULATORS, VECTORS)).astype(np.int64)
    for k in range(CODEBOOK_LEVELS - 1):
        if f"t{k}" in values:
            values[f"t{k}"][:] = (k - CODEBOOK_LEVELS // 2 + 1) * (ACCUMULATORS // 4)
    return values


def network_rows(folder: Path, tools: list[str], seed: int) -> Iterator[dict[str, Any]]:
    """A network of 16 units on electricity with 8, 4 and 3-bit weights, and one of signs."""
    x, y = _hdl_networks.rows_of()
    floats = _hdl_networks.learnt(x, y, seed)
    networks = {f"w{bits}": _hdl_networks.quantised(floats, x, bits) for bits in (8, 4, 3)}
    networks["signs"] = _hdl_networks.signs(x.shape[1], seed)
    r = np.random.default_rng(seed)
    vectors = x[-VECTORS:].copy()
    vectors[: VECTORS // 5] = r.integers(-127, 128, (VECTORS // 5, x.shape[1]))
    vectors[:3] = [[127], [-127], [0]]
    for name, modules in networks.items():
        logits = run_modules(modules, vectors, np.zeros((VECTORS, 0), np.int32))[-1]
        bench = emit_test_bench(name, [Port("x", 8, vectors)], Port("logits", 32, logits))
        _hdl.write(folder, {**emit_verilog(modules, name), **bench})
        row = {"network": name, "seed": seed, **_hdl.synthesise(folder, name, quick=True)}
        for tool in tools:
            row["vectors"], row[f"differ, {tool}"] = _hdl.simulate(folder, name, tool)
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--simulators", nargs="*", default=list(SIMULATORS), choices=SIMULATORS)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    if lacks := _hdl.missing("yosys", "iverilog", *options.simulators):
        raise SystemExit(lacks)
    figures: dict[str, Any] = {"vectors": VECTORS, "networks": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        figures["requantisers"] = requantiser_rows(folder, options.simulators)
        _table.show("requantisers, 32 bits to 8; the proxy counts toggles of gates", figures["requantisers"])
        _table.keep(options.json, figures)
        for seed in options.seeds:
            rows = []
            for row in network_rows(folder, options.simulators, seed):
                rows.append(row)
                figures["networks"].append(row)
                _table.keep(options.json, figures)
            _table.show(f"networks of {_hdl_networks.HIDDEN} units, seed {seed}; abc -fast", rows)


if __name__ == "__main__":
    main()
