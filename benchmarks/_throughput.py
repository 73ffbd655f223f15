"""streamnn and the C loop for per_event.py, each run in a process of its own: prints one JSON object.

python benchmarks/_throughput.py CONTENDER STREAM.npz EVENTS [PLAIN_NET_LIBRARY ...]
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from streamnn.learners import Classifier, NetworkClassifier
from streamnn.network import Network, NetworkSpec
from streamnn.types import LEARN, OBSERVE, Chunk

CHUNK = 1024
LEAST_CPU_S = 1.0
STEP = 0.05  # of SGD, the same for the C loop
STEPS = {"sgd": STEP, "rms": 0.001, "factored": 0.001}
PREDICT_LEARN = np.tile(np.array([OBSERVE, LEARN], np.int8), CHUNK)

f4 = np.float32


def network(kind: str, hidden: tuple[int, ...], d: int, classes: int) -> Network:
    """A plain network (leaky ReLU, SGD, no budget), or splines within the budget under an update rule."""
    if kind == "plain":
        spec = NetworkSpec(
            "net", hidden, "sgd", STEP, activation="leaky_relu", slope=0.0, row_norm=0.0, out_norm=0.0
        )
    else:
        spec = NetworkSpec("net", hidden, kind, STEPS[kind])
    return Network(spec, d, classes, True, 1)


def scan(net: Network, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> None:
    """Predict and learn every row, in chunks; `p` of shape (n, 1, classes) receives the predictions."""
    one, no_ids = np.ones(2 * CHUNK, f4), np.zeros((CHUNK, 0), np.int32)
    slot, target = np.repeat(np.arange(CHUNK), 2), np.repeat(y.astype(f4), 2)
    for a in range(0, len(y), CHUNK):
        m = min(CHUNK, len(y) - a)
        ops = slice(0, 2 * m)
        net.scan(
            *(PREDICT_LEARN[ops], slot[ops], target[2 * a : 2 * (a + m)], one[ops]),
            *(0, x[a : a + m], no_ids[:m], p[a : a + m]),
        )


def passes(once: Callable[[], Any], n: int) -> dict[str, float]:
    """Go over the events again and again for a second of CPU time; the model learns on."""
    events, start = 0, time.process_time()
    while (cpu := time.process_time() - start) < LEAST_CPU_S:
        once()
        events += n
    return {"events": events, "cpu_s": cpu}


def run_network(
    kind: str, hidden: tuple[int, ...], x: np.ndarray, y: np.ndarray, classes: int
) -> dict[str, float]:
    """One network."""
    p = np.zeros((len(y), 1, classes), f4)
    scan(network(kind, hidden, x.shape[1], classes), x[:CHUNK], y, p)  # kernels are loaded
    net = network(kind, hidden, x.shape[1], classes)
    scan(net, x, y, p)
    accuracy = float((p[:, 0].argmax(1) == y).mean())
    return {**passes(lambda: scan(net, x, y, p), len(y)), "accuracy": accuracy}


def c_loop(library: str, net: Network) -> Callable[[np.ndarray, np.ndarray, np.ndarray], None]:
    """The C loop, on a copy of a network's weights: (rows, labels, predictions) are to be float32, int32, float32."""
    call = ctypes.CDLL(library).plain_net
    call.restype = None
    weights = [net.s[k].copy() for k in ("first", "hidden", "out", "out_bias")]
    at = net.spec.hidden[0]
    biases = net.s["bias"][:at].copy(), np.append(net.s["bias"][at:], f4(0.0))
    first, hidden, out, out_bias = weights
    held = [first, biases[0], hidden, biases[1], out, out_bias]

    def run(x: np.ndarray, y: np.ndarray, p: np.ndarray) -> None:
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (x, y, *held)]
        call(len(y), x.shape[1], p.shape[1], *pointers, ctypes.c_float(STEP), ctypes.c_void_p(p.ctypes.data))

    return run


def run_c(
    library: str, hidden: tuple[int, ...], x: np.ndarray, y: np.ndarray, classes: int
) -> dict[str, float]:
    """The C loop, and how far its first 1,000 predictions are from those of the plain network."""
    labels = y.astype(np.int32)
    net = network("plain", hidden, x.shape[1], classes)
    loop, theirs, ours = c_loop(library, net), np.zeros((1000, classes), f4), np.zeros((1000, 1, classes), f4)
    loop(x[:1000], labels[:1000], theirs)
    scan(net, x[:1000], y[:1000], ours)
    p = np.zeros((len(y), classes), f4)
    loop = c_loop(library, network("plain", hidden, x.shape[1], classes))
    loop(x, labels, p)
    accuracy = float((p.argmax(1) == y).mean())
    gap = float(np.abs(theirs - ours[:, 0]).max())
    return {**passes(lambda: loop(x, labels, p), len(y)), "accuracy": accuracy, "gap": gap}


def feed(model: Classifier, columns: dict[str, np.ndarray], y: np.ndarray) -> None:
    """Every label at once, in chunks."""
    for a in range(0, len(y), CHUNK):
        m = min(CHUNK, len(y) - a)
        ticket = model.next_ticket + np.repeat(np.arange(m), 2)
        rows = {k: v[a : a + m] for k, v in columns.items()}
        model.run(Chunk(rows, PREDICT_LEARN[: 2 * m], ticket, np.repeat(y[a : a + m], 2)))


def run_pool(columns: dict[str, np.ndarray], y: np.ndarray, alarms: bool) -> dict[str, Any]:
    """The default pool, features, ledger and uncertainty included: chunks, then once more with every stage timed."""
    feed(Classifier(), {k: v[:2000] for k, v in columns.items()}, y[:2000])  # kernels are loaded
    model = Classifier(alarms=alarms)
    start = time.process_time()
    feed(model, columns, y)
    cpu = time.process_time() - start
    timed = Classifier(alarms=alarms)
    feed(timed, {k: v[:1] for k, v in columns.items()}, y[:1])  # stages are made by the first event
    spent = timed_stages(timed)
    start = time.process_time()
    feed(timed, {k: v[1:] for k, v in columns.items()}, y[1:])
    spent["rest (Python, once a chunk)"] = time.process_time() - start - sum(spent.values())
    stages = {k: v / len(y) * 1e6 for k, v in spent.items()}
    return {"events": len(y), "cpu_s": cpu, "accuracy": model.scores()["accuracy"], "stages_us": stages}


def timed_stages(model: Classifier) -> dict[str, float]:
    """CPU seconds of every stage from here on, by name; filled while the model runs."""
    spent: dict[str, float] = {}
    pool = model._pool

    def wrap(owner: Any, method: str, name: str) -> None:
        inner = getattr(owner, method)

        def outer(*args: Any, **kw: Any) -> Any:
            start = time.process_time()
            try:
                return inner(*args, **kw)
            finally:
                spent[name] += time.process_time() - start

        spent.setdefault(name, 0.0)
        setattr(owner, method, outer)

    wrap(pool.schema, "encode", "schema")
    others = [(pool.density, "density"), (pool.curves, "curves"), (pool.monitor, "alarms")]
    for stage, name in [*((s, s.name) for s in pool.stages), *others]:
        for method in [m for m in dir(stage) if m.startswith("scan") or m == "step"]:
            wrap(stage, method, name)
    return spent


def run_dict(columns: dict[str, np.ndarray], y: np.ndarray, hidden: tuple[int, ...] = ()) -> dict[str, float]:
    """The default pool or one network, an event at a time: predict_proba_one and learn_one with a dict."""

    def new() -> Classifier | NetworkClassifier:
        return NetworkClassifier(NetworkSpec("net", hidden)) if hidden else Classifier()

    model, right = new(), 0
    values = [v.tolist() for v in columns.values()]
    rows, labels = [dict(zip(columns, v, strict=True)) for v in zip(*values, strict=True)], y.tolist()
    other = new()
    for row, label in zip(rows[:10], labels[:10], strict=True):  # kernels are loaded
        other.learn_one(row, label)
        other.predict_proba_one(row)
    start = time.process_time()
    for row, label in zip(rows, labels, strict=True):
        p = model.predict_proba_one(row)
        if p:
            right += max(p, key=p.__getitem__) == label
        model.learn_one(row, label)
    return {"cpu_s": time.process_time() - start, "accuracy": right / len(labels)}


def main() -> None:
    contender, path, events, *libraries = sys.argv[1:]
    kind, *sizes = contender.split()
    hidden = tuple(int(h) for h in sizes[0].split("-")) if sizes else ()
    with np.load(path) as f:
        x, y, classes = f["x"], f["y"], int(f["classes"])
        columns = {f"x{i:02}": np.ascontiguousarray(c) for i, c in enumerate(f["raw"].T)}
    n = min(int(events), len(y))
    x, y, columns = x[:n], y[:n], {k: v[:n] for k, v in columns.items()}
    if kind in ("pool", "unwatched"):
        found = run_pool(columns, y, kind == "pool")
    elif kind == "dict":
        found = run_dict(columns, y)
    elif kind == "one":
        found = run_dict(columns, y, hidden)
    elif kind == "c":
        library = next(p for p in libraries if Path(p).stem == f"plain_net_{sizes[0]}")
        found = run_c(library, hidden, x, y, classes)
    else:
        found = run_network(kind, hidden, x, y, classes)
    print(json.dumps({"events": n, **found}))


if __name__ == "__main__":
    main()
