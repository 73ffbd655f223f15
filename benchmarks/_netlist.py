"""A combinational netlist of Yosys, evaluated for many vectors at once: its outputs, and how often its gates switch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

Bits = np.ndarray
GATES: dict[
    str, tuple[int, Callable[..., Bits]]
] = {  # transistors, as Yosys' `stat -tech cmos` counts; function
    "$_NOT_": (2, lambda A: ~A),
    "$_AND_": (6, lambda A, B: A & B),
    "$_NAND_": (4, lambda A, B: ~(A & B)),
    "$_OR_": (6, lambda A, B: A | B),
    "$_NOR_": (4, lambda A, B: ~(A | B)),
    "$_XOR_": (12, lambda A, B: A ^ B),
    "$_XNOR_": (12, lambda A, B: ~(A ^ B)),
    "$_MUX_": (12, lambda A, B, S: np.where(S, B, A)),
}


class Netlist:
    """Gates of a module in an order in which each comes after those it reads.

    Parameters
    ----------
    path : Path
        What ``write_json`` wrote.
    module : str
    """

    def __init__(self, path: Path, module: str):
        found = json.loads(path.read_text())["modules"][module]
        self.ports = {n: (p["direction"], p["bits"]) for n, p in found["ports"].items()}
        driver = {c["connections"]["Y"][0]: c for c in found["cells"].values()}
        done: set[int | str] = {"0", "1", "x"}
        for direction, bits in self.ports.values():
            done.update(bits if direction == "input" else ())
        self.gates = []
        for out in driver:
            stack = [out]
            while stack:
                at = stack[-1]
                reads = (
                    [b for p, (b,) in driver[at]["connections"].items() if p != "Y"] if at in driver else []
                )
                wait = [b for b in reads if b not in done]
                if at in done or not wait:
                    stack.pop()
                    if at not in done:
                        self.gates.append(driver[at])
                        done.add(at)
                else:
                    stack += wait

    def run(self, inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int]:
        """Outputs, and toggles of gates from each vector to the next, weighted by transistors.

        Nothing is delayed, so that glitches are not counted.

        Parameters
        ----------
        inputs : dict of str to ndarray of int64, shape (n,)

        Returns
        -------
        dict of str to ndarray of int64, shape (n,)
            With their sign.
        int
        """
        n = len(next(iter(inputs.values())))
        wire = {"0": np.zeros(n, bool), "1": np.ones(n, bool), "x": np.zeros(n, bool)}
        for name, values in inputs.items():
            for k, bit in enumerate(self.ports[name][1]):
                wire[bit] = (values >> k) & 1 == 1
        toggles = 0
        for gate in self.gates:
            pins = gate["connections"]
            weight, function = GATES[gate["type"]]
            out = function(**{p: wire[b] for p, (b,) in pins.items() if p != "Y"})
            wire[pins["Y"][0]] = out
            toggles += weight * int((out[1:] != out[:-1]).sum())
        found = {}
        for name, (direction, bits) in self.ports.items():
            if direction == "output":
                v = sum(wire[b].astype(np.int64) << k for k, b in enumerate(bits))
                found[name] = v - (wire[bits[-1]].astype(np.int64) << len(bits))
        return found, toggles
