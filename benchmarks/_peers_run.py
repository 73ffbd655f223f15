"""One peer on one stream, in a process of its own by the interpreter in .peers: prints one JSON object.

.peers/bin/python benchmarks/_peers_run.py PEER INPUT.npz CPU_SECONDS

After so many CPU seconds it stops and says how far it came. Making the learner is not timed; making rows that it
can take (dicts, lines of text, Java objects) is.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from importlib.metadata import version
from typing import Any

import _peers_models
import _peers_scores
import numpy as np

OBSERVE, LEARN = 0, 1
LOOK_AT_CLOCK = 64


def heap_mb() -> float | None:
    """What lives on the heap of a JVM, if there is one."""
    jpype = sys.modules.get("jpype")
    if not jpype or not jpype.isJVMStarted():
        return None
    gc.collect()
    runtime = jpype.JClass("java.lang.Runtime").getRuntime()
    for _ in range(2):
        runtime.gc()
    return float((runtime.totalMemory() - runtime.freeMemory()) / 2**20)


def resident_mb() -> float:
    """Memory of this process."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return float("nan")


def play(learner: Any, f: Any, limit: float) -> tuple[np.ndarray, int, float]:
    """Run the log. Returns predictions, how many events were predicted, and CPU seconds."""
    y, op, ticket = f["y"], f["op"].tolist(), f["ticket"].tolist()
    classes = int(f["classes"])
    # targets in units of the running mean and deviation: what is known when predicting, and when learning
    guess, today = (f.get(k) for k in ("unit", "unit_learn"))
    labels = y.tolist()
    p = np.zeros((len(y), classes)) if classes else np.zeros((len(y), 2))
    seen, start = 0, time.process_time()
    for i, (o, t) in enumerate(zip(op, ticket, strict=True)):
        if o == OBSERVE:
            found = learner.predict(t)
            if classes:
                p[t] = found
            else:
                found = float("nan") if found is None else found
                p[t] = found if guess is None else guess[t, 0] + guess[t, 1] * found
            seen += 1
        elif o == LEARN:
            label = labels[t]
            learner.learn(t, label if today is None else (label - today[t, 0]) / today[t, 1])
        if i % LOOK_AT_CLOCK == 0 and time.process_time() - start > limit:
            break
    return p, seen, time.process_time() - start


def main() -> None:
    name, path, limit = sys.argv[1:]
    peer = _peers_models.PEERS[name]
    with np.load(path) as held:
        f = dict(held)
    text = {k: f[k].tolist() for k in ("names", "code_names")}
    rows = _peers_models.Rows(f["x"], f["codes"], text["names"], text["code_names"], int(f["classes"]))
    try:
        peer.make(_peers_models.Rows(rows.x[:8], rows.codes[:8], rows.names, rows.code_names, rows.classes))
        before = resident_mb()
        learner = peer.make(rows)
    except ImportError as e:
        print(json.dumps({"missing": str(e)}))
        return
    p, seen, cpu = play(learner, f, float(limit))
    memory, with_it = resident_mb() - before, heap_mb()
    del learner
    if with_it is not None:
        memory = with_it - (heap_mb() or 0.0)
    learnt = np.sort(f["ticket"][f["op"] == LEARN])
    learnt = learnt[learnt < seen]
    y = f["y"]
    found = _peers_scores.scores(p[learnt], y[learnt])
    curve = []
    for n in _peers_scores.prefixes(seen):
        at = learnt[learnt < n]
        if len(at):
            part = _peers_scores.scores(p[at], y[at])
            curve.append([n, *[round(part[k], 6) for k in list(part)[:3]]])
    print(
        json.dumps(
            {
                "events": seen,
                "of": len(y),
                "labelled": len(learnt),
                **found,
                "cpu_s": round(cpu, 2),
                "memory_mb": round(memory, 1),
                "version": version(peer.package),
                "python": sys.version.split()[0],
                "curve": curve,
            }
        )
    )


if __name__ == "__main__":
    main()
