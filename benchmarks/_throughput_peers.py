"""Peers of per_event.py, each run in a process of its own by the interpreter in .peers: prints one JSON object.

.peers/bin/python benchmarks/_throughput_peers.py PEER STREAM.npz EVENTS
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

STEP = 0.05


def _module(d: int, classes: int) -> Any:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(1)
    nn = torch.nn
    layers = [nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes)]
    return nn.Sequential(*layers)


def torch_loop(x: np.ndarray, y: np.ndarray, classes: int) -> dict[str, float]:
    """Eager torch, 64-32 ReLU, SGD: one forward pass predicts, its backward pass learns."""
    import torch

    net = _module(x.shape[1], classes)
    optimiser = torch.optim.SGD(net.parameters(), STEP)
    loss_of = torch.nn.CrossEntropyLoss()
    rows, labels = torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None]
    right = 0
    start = time.process_time()
    for i in range(len(y)):
        out = net(rows[i])
        right += int(out.argmax()) == y[i]
        loss = loss_of(out, labels[i])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {"cpu_s": time.process_time() - start, "accuracy": right / len(y)}


def _one_by_one(model: Any, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    names = [f"x{i}" for i in range(x.shape[1])]
    rows, labels = [dict(zip(names, r, strict=True)) for r in x.tolist()], y.tolist()
    right = 0
    start = time.process_time()
    for row, label in zip(rows, labels, strict=True):
        p = model.predict_proba_one(row)
        if p:
            right += max(p, key=p.__getitem__) == label
        model.learn_one(row, label)
    return {"cpu_s": time.process_time() - start, "accuracy": right / len(labels)}


def deep_river(x: np.ndarray, y: np.ndarray, classes: int) -> dict[str, float]:
    """deep-river, 64-32 ReLU, SGD: predict_proba_one, learn_one."""
    from deep_river.classification import Classifier

    net = _module(x.shape[1], classes)
    model = Classifier(module=net, loss_fn="cross_entropy", optimizer_fn="sgd", lr=STEP)
    return _one_by_one(model, x, y)


def arf(x: np.ndarray, y: np.ndarray, classes: int) -> dict[str, float]:
    """river's adaptive random forest of 10 trees: predict_proba_one, learn_one."""
    from river.forest import ARFClassifier

    return _one_by_one(ARFClassifier(n_models=10, seed=1), x, y)


def vw(x: np.ndarray, y: np.ndarray, classes: int, one_output: bool = False) -> dict[str, float]:
    """Vowpal Wabbit's own driver over a text file, --nn 32. Its parser has a thread of its own, so the thread that
    learns is timed apart; the time of a driver without data (making the model) is taken off."""
    from vowpalwabbit import pyvw

    options = ["--nn", "32", "--quiet"]
    if classes == 2 or one_output:
        options += ["--loss_function", "logistic", "--binary"]
        labels = np.where(y == (1 if classes == 2 else 0), "1", "-1")
    else:
        options += ["--oaa", str(classes), "--loss_function", "logistic"]
        labels = (y + 1).astype(str)

    def run(path: str) -> tuple[float, float, Any]:
        before = time.thread_time(), time.process_time()
        model = pyvw.Workspace(arg_list=[*options, "-d", path])
        return time.thread_time() - before[0], time.process_time() - before[1], model

    with tempfile.TemporaryDirectory() as folder:
        path, empty = os.path.join(folder, "stream.vw"), os.path.join(folder, "empty.vw")
        with open(path, "w") as f:
            for label, row in zip(labels, x.tolist(), strict=True):
                f.write(f"{label} | " + " ".join(f"{i}:{v:.6g}" for i, v in enumerate(row) if v) + "\n")
        open(empty, "w").close()
        bare = run(empty)
        learner, both, model = run(path)
    if model.get_weighted_examples() != len(y):
        raise SystemExit(f"vw took {model.get_weighted_examples():g} of {len(y)} events")
    return {
        "cpu_s": learner - bare[0],
        "cpu_s_parsing": both - learner - (bare[1] - bare[0]),
        "accuracy": 1.0 - model.get_sum_loss() / len(y),
    }


def vw_one(x: np.ndarray, y: np.ndarray, classes: int) -> dict[str, float]:
    """Vowpal Wabbit --nn 32 with one output: the first class against the rest."""
    return vw(x, y, classes, one_output=True)


PEERS: dict[str, Callable[[np.ndarray, np.ndarray, int], dict[str, float]]] = {
    "torch": torch_loop,
    "deep-river": deep_river,
    "vw": vw,
    "vw-one": vw_one,
    "arf": arf,
}


def main() -> None:
    peer, path, events = sys.argv[1:]
    with np.load(path) as f:
        x, y, classes = f["x"], f["y"], int(f["classes"])
    n = min(int(events), len(y))
    try:
        found = PEERS[peer](x[:n], y[:n], classes)
    except ImportError as e:
        found = {"missing": str(e)}
    print(json.dumps({"events": n, **found}))


if __name__ == "__main__":
    main()
