"""Yosys, Icarus Verilog and Verilator: areas of Verilog modules, and what simulations of their test benches say."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGES = {"yosys": "yosys", "iverilog": "iverilog", "verilator": "verilator g++ make"}
GATES = "AND,NAND,OR,NOR,XOR,XNOR,MUX"


def missing(*tools: str) -> str:
    """Which tools are not there and how to get them; empty where all are."""
    lacks = [t for t in tools if shutil.which(t) is None]
    return (
        f"needs {', '.join(lacks)}: apt-get install {' '.join(PACKAGES[t] for t in lacks)}" if lacks else ""
    )


def run(command: list[str], folder: Path, seconds: float = 900) -> str:
    """Output of a command; RuntimeError with what it said if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def simulate(folder: Path, module: str, tool: str) -> tuple[int, int]:
    """Vectors of a module's test bench, and how many differ, by ``iverilog`` or ``verilator``."""
    sources = [f"{module}_tb.v", f"{module}.v"]
    if tool == "iverilog":
        run(["iverilog", "-g2005", "-o", f"{module}.vvp", *sources], folder)
        said = run(["vvp", f"{module}.vvp"], folder)
    else:  # widths follow from Verilog's rules; its warnings about them are many
        build = f"obj_{module}"
        options = ["--binary", "--timing", "-Wno-fatal", "-Wno-WIDTH", "--x-assign", "fast", "-CFLAGS", "-O0"]
        run(["verilator", *options, "--top-module", f"{module}_tb", "-Mdir", build, *sources], folder)
        said = run([str(folder / build / f"V{module}_tb")], folder)
    found = re.search(r"vectors (\d+) differ (\d+)", said)
    if found is None:
        raise RuntimeError(f"{tool} {module}: no count in {said[-500:]!r}")
    return int(found[1]), int(found[2])


def synthesise(folder: Path, module: str, quick: bool = False) -> dict[str, Any]:
    """Cells, transistors (Yosys' estimate for CMOS) and seconds; `quick` for large combinational modules.

    The netlist is written to ``<module>.json``.
    """
    start = time.perf_counter()
    steps = [
        f"read_verilog {module}.v",
        f"synth -flatten -top {module} -noabc",
        f"abc {'-fast ' if quick else ''}-g {GATES}",
        "opt_clean",
        f"tee -q -o {module}.stat stat -tech cmos",
        f"write_json {module}.json",
    ]
    run(["yosys", "-q", "-p", "; ".join(steps)], folder)
    text = (folder / f"{module}.stat").read_text()
    cells = re.search(r"Number of cells:\s+(\d+)", text)
    transistors = re.search(r"Estimated number of transistors:\s+(\d+)", text)
    if cells is None or transistors is None:
        raise RuntimeError(f"yosys {module}: no count of cells in {text[-500:]!r}")
    return {
        "cells": int(cells[1]),
        "transistors": int(transistors[1]),
        "seconds": time.perf_counter() - start,
    }
