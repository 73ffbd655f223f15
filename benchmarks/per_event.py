"""Events per CPU second beside deep-river, torch, Vowpal Wabbit, river's ARF and a C loop, on one core in one run.

    STREAMNN_DATA=... python benchmarks/per_event.py --json per_event.json

Every contender runs in a process of its own, pinned to one core, one thread; rounds are interleaved and the median
is shown with its spread. Starting, compiling, reading and standardising are not timed.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import _data
import _one_core
import _table
import numpy as np

HERE = Path(__file__).resolve().parent
PEERS_PYTHON = HERE.parent / ".peers" / "bin" / "python"
STREAMS = ("electricity", "covertype_first100k")
NETS = tuple(f"{kind} {hidden}" for hidden in ("64", "64-32") for kind in ("plain", "sgd", "rms", "factored"))
LOOPS = ("c 64", "c 64-32")
YARDSTICK = "sgd 64-32"
WORDS = {
    "plain": "streamnn {} leaky ReLU, SGD",
    "sgd": "streamnn {} splines + budget, SGD",
    "rms": "streamnn {} splines + budget, RMS",
    "factored": "streamnn {} splines + budget, factored RMS",
    "c": "C loop {} leaky ReLU, SGD",
    "torch": "eager torch 64-32 ReLU, SGD",
    "deep-river": "deep-river 64-32 ReLU, SGD",
    "vw": "Vowpal Wabbit --nn 32, learning thread",
    "vw-one": "the same, one output of the classes",
    "arf": "river ARF, 10 trees",
    "pool": "streamnn default pool, chunks",
    "unwatched": "the same without alarms",
    "dict": "streamnn default pool, one dict an event",
    "one": "streamnn {} splines + budget, RMS, one dict an event",
}
EVENTS = {"torch": 6000, "deep-river": 3000, "arf": 3000, "dict": 40_000, "one": 40_000}
"""Slow contenders get the first so many events; the others the whole stream."""
RATES = {
    "one 64-32": {"electricity": 50_000, "covertype_first100k": 50_000},
    "dict": {"electricity": 15_000, "covertype_first100k": 15_000},
    "unwatched": {"electricity": 140_000, "covertype_first100k": 42_000},
    "pool": {"electricity": 70_000},
}
"""Asked-for events per CPU second."""
SHARES = {"plain 64-32": 0.5, "sgd 64-32": 0.3}
"""Asked-for share of the C loop's."""
TIMES = {"vw": 10.0, "vw-one": 10.0, "deep-river": 150.0}
"""How many times as fast the yardstick is to be; Vowpal Wabbit's parsing counts, and its learning thread is told apart."""
CFLAGS = ("-O3", "-march=native")


def build_loops(folder: Path) -> list[str]:
    """The C loop for each size; none where there is no gcc."""
    gcc, built = shutil.which("gcc"), []
    for name in LOOPS if gcc else ():
        first, _, second = name.split()[1].partition("-")
        library = folder / f"plain_net_{name.split()[1]}.so"
        sizes = [f"-DH1={first}", f"-DH2={second or 0}"]
        source = str(HERE / "plain_net.c")
        subprocess.run(
            [str(gcc), *CFLAGS, "-shared", "-fPIC", *sizes, source, "-o", str(library), "-lm"], check=True
        )
        built.append(str(library))
    return built


def write_stream(name: str, path: Path) -> tuple[int, int, int]:
    """What contenders read: standardised rows, raw rows, labels. Returns events, columns, classes."""
    stream = _data.load(name)
    classes = int(stream.y.max()) + 1
    raw = np.column_stack(list(stream.columns.values()))
    np.savez(path, x=_data.standardised(stream), raw=raw, y=stream.y, classes=classes)
    return len(stream), raw.shape[1], classes


def run(contender: str, stream: Path, libraries: list[str]) -> dict[str, Any]:
    """One measurement, in a process of its own."""
    kind = contender.split()[0]
    peer = kind in ("torch", "deep-river", "vw", "vw-one", "arf")
    if peer and not PEERS_PYTHON.exists():
        return {"missing": "make peers"}
    if kind == "c" and not libraries:
        return {"missing": "gcc"}
    events = str(EVENTS.get(kind, 10**9))
    if peer:
        command = [str(PEERS_PYTHON), str(HERE / "_throughput_peers.py"), contender, str(stream), events]
    else:
        command = [sys.executable, str(HERE / "_throughput.py"), contender, str(stream), events, *libraries]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["failed"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "missing" in found:
        found = {"missing": f"make peers ({found['missing']})"}
    return found


def measure(
    name: str, stream: Path, contenders: list[str], rounds: int, libraries: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """All contenders in turn, round after round."""
    found: dict[str, list[dict[str, Any]]] = {c: [] for c in contenders}
    for r in range(rounds):
        for c in contenders:
            print(f"\r{name}, round {r + 1} of {rounds}: {c:12}", end="", file=sys.stderr, flush=True)
            found[c].append(run(c, stream, libraries))
    print(f"\r{'':60}\r", end="", file=sys.stderr)
    return found


def rows_of(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A row a contender: median events per CPU second, half the spread, and ratios to the yardstick."""
    rows: list[dict[str, Any]] = []
    for contender, runs in found.items():
        kind, *sizes = contender.split()
        row: dict[str, Any] = {"": WORDS[kind].format(*sizes), "contender": contender}
        missing = next((r["missing"] for r in runs if "missing" in r), None)
        if missing:
            row["missing"] = missing
        else:
            rates = [r["events"] / r["cpu_s"] for r in runs]
            row["events"] = runs[0]["events"]
            row["events_per_cpu_s"] = statistics.median(rates)
            row["us"] = 1e6 / row["events_per_cpu_s"]
            row["spread"] = (max(rates) - min(rates)) / 2 / row["events_per_cpu_s"]
            row["accuracy"] = runs[0]["accuracy"]
            if "cpu_s_parsing" in runs[0]:
                both = [r["events"] / (r["cpu_s"] + r["cpu_s_parsing"]) for r in runs]
                row["events_per_cpu_s_with_parsing"] = statistics.median(both)
        rows.append(row)
    rate = {r["contender"]: r.get("events_per_cpu_s") for r in rows}
    for row in rows:
        mine, yard = rate[row["contender"]], rate.get(YARDSTICK)
        row["yardstick is x times"] = yard / mine if mine and yard else None
        hidden = row["contender"].split()[-1]
        loop = rate.get(f"c {hidden}")
        row["of the C loop"] = mine / loop if mine and loop and row["contender"] in NETS else None
    return rows


def report(title: str, rows: list[dict[str, Any]]) -> None:
    """Print a stream's table, what is missing, and the asked-for ratios."""
    shown = (
        "",
        "events",
        "events_per_cpu_s",
        "us",
        "spread",
        "yardstick is x times",
        "of the C loop",
        "accuracy",
    )
    _table.show(title, [{k: r.get(k) for k in shown} for r in rows if "missing" not in r])
    for r in rows:
        if "missing" in r:
            print(f"not measured: {r['']}: {r['missing']}")
        if "events_per_cpu_s_with_parsing" in r:
            print(f"{r['']}; with its parser's thread {r['events_per_cpu_s_with_parsing']:,.0f}")


def verdicts(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was asked for, what was found, and whether that is enough."""
    by = {r["contender"]: r for r in rows if "missing" not in r}
    found: list[dict[str, Any]] = []

    def note(what: str, asked: float, got: float | None) -> None:
        if got is not None:
            found.append(
                {"": what, "asked": asked, "found": got, "verdict": "met" if got >= asked else "missed"}
            )

    for c, share in SHARES.items():
        note(f"{c}, share of the C loop", share, by.get(c, {}).get("of the C loop"))
    yard = by.get(YARDSTICK, {}).get("events_per_cpu_s")
    for c, times in TIMES.items():
        for rate, how in (("events_per_cpu_s", ""), ("events_per_cpu_s_with_parsing", ", parsing included")):
            theirs = by.get(c, {}).get(rate)
            note(f"{YARDSTICK}, times {c}{how}", times, yard / theirs if yard and theirs else None)
            small = by.get("sgd 32", {}).get("events_per_cpu_s") if c.startswith("vw") else None
            note(
                f"sgd 32, the same size, times {c}{how}", times, small / theirs if small and theirs else None
            )
    for c, rates in RATES.items():
        if name in rates:
            note(f"{c}, events per CPU second", rates[name], by.get(c, {}).get("events_per_cpu_s"))
    return found


def report_checks(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print how far apart C and plain network are, and where the pool's time goes."""
    for loop in LOOPS:
        gaps = [r["gap"] for r in found.get(loop, []) if "gap" in r]
        if gaps:
            agree = "agree" if max(gaps) < 1e-3 else "DO NOT AGREE"
            print(
                f"{loop}: first 1,000 predictions and the plain network's {agree}, largest gap {max(gaps):.1e}"
            )
    runs = [r["stages_us"] for r in found.get("pool", []) if "stages_us" in r]
    if runs:
        medians = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
        total = sum(medians.values())
        stages = sorted(medians.items(), key=lambda kv: -kv[1])
        _table.show(
            "default pool, CPU us an event", [{"stage": k, "us": v, "share": v / total} for k, v in stages]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="interleaved repeats")
    parser.add_argument("--streams", nargs="+", default=list(STREAMS), help="classification streams")
    parser.add_argument("--only", nargs="+", help="these contenders only, such as 'sgd 64-32' vw")
    parser.add_argument("--core", type=int, help="the core to run on")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    core = _one_core.one_core(options.core)
    figures: dict[str, Any] = {
        "machine": platform.machine(),
        "core": core,
        "yardstick": YARDSTICK,
        "streams": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        libraries = build_loops(Path(folder))
        for name in _data.present(options.streams):
            path = Path(folder) / f"{name}.npz"
            events, d, classes = write_stream(name, path)
            contenders = [
                *NETS,
                "sgd 32",
                *LOOPS,
                "vw",
                *(["vw-one"] if classes > 2 else []),
                "torch",
                "deep-river",
                "arf",
                "pool",
                "unwatched",
                "dict",
                "one 64",
                "one 64-32",
            ]
            if options.only:
                contenders = [c for c in contenders if c in options.only]
            found = measure(name, path, contenders, options.rounds, libraries)
            rows = rows_of(found)
            report(f"{name}: {events:,} events, {d} features, {classes} classes", rows)
            report_checks(found)
            checked = verdicts(name, rows)
            if checked:
                _table.show("asked for", checked)
            figures["streams"][name] = {
                "features": d,
                "classes": classes,
                "rows": rows,
                "runs": found,
                "asked": checked,
            }
    _table.keep(options.json, figures)


if __name__ == "__main__":
    main()
