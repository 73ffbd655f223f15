"""Networks of signs beside floats: products, a whole event learnt, memory, accuracy.

    python benchmarks/bits.py --json bits.json
    python benchmarks/bits.py --parts products learning

Every part runs in a process of its own, on one core and one thread. Times are of alternating rounds in one process and
meant as ratios; `learning` and `accuracy` read mnist.parquet (columns image, y) from STREAMNN_DATA.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _data
import _one_core
import _table
import numpy as np
import pyarrow.parquet as pq
from numba import njit

from streamnn.bits import BitNetwork, BitSpec, pack, xnor_product
from streamnn.checks import MACHINES
from streamnn.network import Network, NetworkSpec
from streamnn.types import LEARN, OBSERVE

f4 = np.float32
TARGETS = {  # what numba compiles for, and the BLAS kernel of the same instructions; then today's BLAS beside AVX2
    "native": {},
    "AVX2": {**MACHINES["haswell"], "OPENBLAS_CORETYPE": "Haswell"},
    "AVX2, BLAS native": MACHINES["haswell"],
    "SSE2": {**MACHINES["generic"], "OPENBLAS_CORETYPE": "Nehalem"},
}
HIDDEN = (1024, 1024)


@njit(error_model="numpy")
def naive(a, b, c):
    """The product as one writes it."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            s = f4(0.0)
            for k in range(a.shape[1]):
                s += a[i, k] * b[j, k]
            c[i, j] = s


def alternating(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each call, round by round."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            found[name].append(time.process_time() - start)
    return found


def products(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Square products of signs: least of `rounds` times, and ratios of those."""
    rows = []
    for n in options.sizes:
        r = np.random.default_rng(1)
        a, b = (np.where(r.random((n, n)) < 0.5, f4(-1), f4(1)) for _ in range(2))
        words_a, words_b = pack(a), pack(b)
        found, exact = xnor_product(words_a, words_b, n), a @ b.T
        calls: dict[str, Callable[[], Any]] = {
            "ours": lambda w=words_a, v=words_b, n=n: xnor_product(w, v, n),
            "a packed": lambda a=a, v=words_b, n=n: xnor_product(pack(a), v, n),
            "both packed": lambda a=a, b=b, n=n: xnor_product(pack(a), pack(b), n),
            "BLAS": lambda a=a, b=b: a @ b.T,
        }
        least = {k: min(v) for k, v in alternating(calls, options.rounds).items()}
        slow = float("nan")
        if n <= 1024:
            c = np.zeros((n, n), f4)
            naive(a[:8], b[:8], c)
            slow = min(alternating({"": lambda a=a, b=b, c=c: naive(a, b, c)}, 2)[""])
        rows.append(
            {
                "": f"{n}^3",
                **{f"{k}, ms": 1e3 * v for k, v in least.items()},
                "naive, ms": 1e3 * slow,
                "BLAS / ours": least["BLAS"] / least["ours"],
                "BLAS / a packed": least["BLAS"] / least["a packed"],
                "naive / both packed": slow / least["both packed"],
                "differ": int((found != exact).sum()),
                "hash": hashlib.sha256(found.tobytes()).hexdigest()[:12],
            }
        )
    return rows


def digits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels from 0 to 32 and classes of the first `n` images."""
    table = pq.read_table(_data.folder() / "mnist.parquet").slice(0, n)
    pixels = np.frombuffer(b"".join(table["image"].to_pylist()), np.uint8).reshape(n, 784)
    return ((pixels.astype(np.int16) + 4) >> 3).astype(np.uint8), table["y"].to_numpy().astype(np.int64)


def play(net: BitNetwork | Network, rows: np.ndarray, y: np.ndarray, p: np.ndarray) -> None:
    """Predict, then learn, every event."""
    n = len(rows)
    op, slot = np.tile(np.int8([OBSERVE, LEARN]), n), np.repeat(np.arange(n), 2)
    net.scan(op, slot, y[slot].astype(f4), np.ones(2 * n, f4), 0, rows, np.zeros((n, 0), np.int32), p)


def float_network(seed: int, step: float, margin: float) -> Network:
    """The spline network of the same shape."""
    spec = NetworkSpec("float", HIDDEN, step=step, skip_margin=margin, categories=False)
    return Network(spec, 784, 10, True, seed)


def learning(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A whole event, predicted and always learnt from, by networks of the same shape on the same rows."""
    block, warm, n = 25, 1000, 1000 + 25 * options.rounds
    rows, y = digits(n)
    reals = (rows / f4(32)).astype(f4)
    bits = BitNetwork(BitSpec("bits", HIDDEN, skip_margin=0.0), 784, 10, 1)
    floats = float_network(1, 0.001, 0.0)
    p = np.zeros((n, 1, 10), f4)
    play(bits, rows[:warm], y[:warm], p)
    play(floats, reals[:50], y[:50], p)
    before, times = bits.s["flips"].copy(), []
    for a in range(warm, n, block):
        cut = slice(a, a + block)
        calls = {
            "bits": lambda cut=cut: play(bits, rows[cut], y[cut], p),
            "float": lambda cut=cut: play(floats, reals[cut], y[cut], p),
        }
        times.append({k: 1e6 * v[0] / block for k, v in alternating(calls, 1).items()})
    if stale := list(bits.out_of_step()):
        sys.exit(f"packed copies out of step: {stale}")
    flips = (bits.s["flips"] - before) / (n - warm)
    hidden = sum(v.nbytes for k, v in bits.s.items() if k.startswith("hidden")) / len(bits.s["hidden"])
    signs = bits.s["hidden_bits"].nbytes / len(bits.s["hidden"])
    moments = floats.s["hidden"].nbytes + floats.s["hidden_2"].nbytes
    return [
        {
            "": "784-1024-1024-10",
            "bits, us": statistics.median(t["bits"] for t in times),
            "float, us": statistics.median(t["float"] for t in times),
            "float / bits": statistics.median(t["float"] / t["bits"] for t in times),
            "least": min(t["bits"] for t in times),
            "float, least": min(t["float"] for t in times),
            "flips, first": float(flips[0]),
            "flips, second": float(flips[1]),
            "B a hidden weight": hidden,
            "to predict": signs,
            "float, B": moments / floats.s["hidden"].size,
        }
    ]


def score(p: np.ndarray, y: np.ndarray, start: int) -> dict[str, float]:
    """Accuracy and log loss of events from `start` on."""
    chance = np.maximum(p[np.arange(start, len(y)), 0, y[start:]], 1e-7)
    return {
        "accuracy %": 100 * float((p[start:, 0].argmax(1) == y[start:]).mean()),
        "log loss": -float(np.log(chance).mean()),
    }


def accuracy(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Live scores on digits: predict, then learn."""
    x, y = digits(options.events)
    found = []
    for name, hidden, rows in (
        ("256", (256,), x), ("256, pixels 0 and 1", (256,), (x > 15).astype(np.uint8)), ("1024", (1024,), x),
        ("1024-1024", HIDDEN, x),
    ):  # fmt: skip
        for seed in options.seeds:
            p = np.zeros((len(y), 1, 10), f4)
            play(net := BitNetwork(BitSpec("bits", hidden), 784, 10, seed), rows, y, p)
            found.append(
                {"": f"bits {name}", "seed": seed, **score(p, y, 5000), "learnt": int(net.s["learnt"][0])}
            )
            if hidden == HIDDEN and seed == options.seeds[0]:
                few = options.few
                found.append(
                    {"": f"bits {name}, {few} events", "seed": seed, **score(p[:few], y[:few], few // 2)}
                )
    reals, y = (x[: options.few] / f4(32)).astype(f4), y[: options.few]
    for step in (0.001, 0.0003):
        p = np.zeros((len(y), 1, 10), f4)
        play(float_network(options.seeds[0], step, 0.02), reals, y, p)
        name = f"float 1024-1024, step {step}, {options.few} events"
        found.append({"": name, "seed": options.seeds[0], **score(p, y, options.few // 2)})
    return found


PARTS = {"products": products, "learning": learning, "accuracy": accuracy}


def child(part: str, **env: str) -> list[dict[str, Any]]:
    """The rows of a part, from a process of its own."""
    threads = dict.fromkeys(_one_core.THREADS, "1")
    command = [sys.executable, __file__, *sys.argv[1:], "--child", part]
    done = subprocess.run(command, env={**os.environ, **threads, **env}, stdout=subprocess.PIPE, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[1024, 2048])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--events", type=int, default=20000, help="of the live scores")
    parser.add_argument(
        "--few", type=int, default=6000, help="events of those that the float network sees too"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--child", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _one_core.one_core()
        print(json.dumps(PARTS[options.child](options)))
        return
    found: dict[str, Any] = {}
    for part in options.parts:
        for target, env in TARGETS.items() if part == "products" else [("", {})]:
            title = f"{part}, {target}" if target else part
            found[title] = child(part, **env)
            _table.show(title, found[title])
    hashes = {
        row["hash"] for title, rows in found.items() if title.startswith("products") for row in rows[:1]
    }
    if len(hashes) > 1:
        sys.exit(f"products differ between targets: {hashes}")
    _table.keep(options.json, found)


if __name__ == "__main__":
    main()
