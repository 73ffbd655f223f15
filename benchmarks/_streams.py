"""Surprise, intervals and sets of whole pools on tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from _data import load, present
from _uncertainty import auroc

from streamnn.learners import Classifier, Regressor
from streamnn.types import LEARN, OBSERVE, Chunk
from streamnn.uncertainty import LatentDensity

AROUND = 5000
BLOCK = ("nswprice", "nswdemand")
CHUNK = 2048


def run(model: Any, columns: dict[str, np.ndarray], y: np.ndarray) -> dict[str, np.ndarray]:
    """Every event with its label at once; what was said of each."""
    said: dict[str, list[np.ndarray]] = {}
    for a in range(0, len(y), CHUNK):
        b = min(a + CHUNK, len(y))
        label = np.empty(2 * (b - a), object)
        label[1::2] = y[a:b].tolist()
        op = np.tile(np.array([OBSERVE, LEARN], np.int8), b - a)
        out = model.run(Chunk({k: v[a:b] for k, v in columns.items()}, op, np.arange(a, b).repeat(2), label))
        for k in ("surprise", "entropy", "p_value", "deviation", "low", "high", "mean"):
            if getattr(out, k) is not None:
                said.setdefault(k, []).append(getattr(out, k))
        if out.included is not None:
            said.setdefault("size", []).append(out.included.sum(1))
            classes = {c: i for i, c in enumerate(model.classes)}
            place = np.array([classes[v] for v in y[a:b].tolist()])
            wide = np.zeros((b - a, max(place.max() + 1, out.included.shape[1])), bool)
            wide[:, : out.included.shape[1]] = out.included
            said.setdefault("covered", []).append(wide[np.arange(b - a), place])
    return {k: np.concatenate(v) for k, v in said.items()}


def electricity(seed: int) -> dict[str, Any]:
    """A block of columns permuted among themselves from the middle on.

    Surprise of the 5,000 events from there on is compared with that of the same events as they are, by a pool that
    has seen the same up to then; and with the 5,000 events before, which differ by nature too.
    """
    stream = load("electricity")
    half, end = len(stream) // 2, len(stream) // 2 + AROUND
    order = half + np.random.default_rng(seed).permutation(len(stream) - half)
    permuted = {
        k: np.concatenate([v[:half], v[order]]) if k in BLOCK else v for k, v in stream.columns.items()
    }
    scores: list[dict[str, np.ndarray]] = []
    for columns in (permuted, stream.columns):
        model = Classifier(seed=seed, p_values=True)
        log: list[Any] = []
        _spy(model, log)
        said = run(model, {k: v[:end] for k, v in columns.items()}, stream.y[:end])
        row = {"pool (diagonal)": said["surprise"], "entropy": said["entropy"], "p-value": -said["p_value"]}
        op, y, z = (np.concatenate(v) for v in zip(*log, strict=True))
        for kind, one_size in (
            ("diagonal", True),
            ("tied", False),
            ("tied", True),
            ("full", False),
            ("full", True),
        ):
            density = LatentDensity(z.shape[1], 2, covariance=kind, normalise=one_size)
            row[f"{kind}{', one size' * one_size}"] = density.scan(op, y, z)[0][op == OBSERVE]
        scores.append(row)
    out = {}
    before, early, after = slice(half - AROUND, half), slice(half, half + 500), slice(half, end)
    for name in scores[0]:
        changed, plain = scores[0][name], scores[1][name]
        out[name] = {
            "permuted against as it is, 500": auroc(changed[early], plain[early]),
            "5,000": auroc(changed[after], plain[after]),
            "permuted against before, 500": auroc(changed[early], changed[before]),
            "as it is against before, 500": auroc(plain[early], plain[before]),
        }
    return {"electricity": out}


def _spy(model: Any, log: list[Any]) -> None:
    pool = model._pool
    start = pool.start

    def started(timed: bool) -> None:
        start(timed)
        scan = pool.density.scan

        def listen(op: np.ndarray, label: np.ndarray, z: np.ndarray) -> Any:
            log.append((op.copy(), label.copy(), z.copy()))
            return scan(op, label, z)

        pool.density.scan = listen

    pool.start = started


def numbers(seed: int) -> dict[str, Any]:
    """Noise that is known: does the deviation forecast follow it, and is what lies outside surprising?"""
    rng = np.random.default_rng(seed)
    n, tests = 20_000, 2000
    problems = {
        "one input": (1, lambda x: np.sin(4 * x[:, 0]), lambda x: 0.1 + 0.2 * (1 + np.sin(3 * x[:, 0]))),
        "four inputs": (
            4,
            lambda x: np.sin(3 * x[:, 0]) + 0.5 * x[:, 2] * x[:, 1],
            lambda x: 0.05 + 0.5 * np.maximum(x[:, 1], 0) + 0.3 / (1 + np.exp(6 * x[:, 0])),
        ),
    }
    out = {}
    for name, (d, f, sd) in problems.items():
        x = rng.uniform(-1, 1, (n, d))
        y = f(x) + sd(x) * rng.standard_normal(n)
        columns = {f"x{i}": x[:, i] for i in range(d)}
        model = Regressor(seed=seed, coverage=0.9)
        said = run(model, columns, y)
        inside = rng.uniform(-1, 1, (tests, d))
        outside = rng.uniform(1.3, 2.2, (tests, d)) * rng.choice([-1, 1], (tests, d))
        near = model.look({f"x{i}": inside[:, i] for i in range(d)})
        far = model.look({f"x{i}": outside[:, i] for i in range(d)})
        held = ((y >= said["low"]) & (y <= said["high"]))[n // 2 :]
        noisy = sd(x)[n // 2 :] > np.median(sd(x))
        out[name] = {
            "correlation": float(np.corrcoef(said["deviation"][n // 2 :], sd(x)[n // 2 :])[0, 1]),
            "deviation / true": float(np.mean(said["deviation"][n // 2 :] / sd(x)[n // 2 :])),
            "outside, AUROC": auroc(far.surprise, near.surprise),
            "covered": float(held.mean()),
            "covered, quiet half": float(held[~noisy].mean()),
            "covered, noisy half": float(held[noisy].mean()),
        }
    return {"numbers": out}


def coverage(seed: int) -> dict[str, Any]:
    """Sets and intervals asked to hold 90 % of the labels of recorded streams: how often they do, at worst, how wide."""
    out = {}
    names = [
        "electricity",
        "covertype_first100k",
        "sea_50k",
        "noaa_weather",
        "bike_sharing_hour",
        "metro_traffic",
        "etth1",
    ]
    for name in present(names):
        stream = load(name, 50_000)
        model = (Classifier if stream.classify else Regressor)(seed=seed, coverage=0.9)
        said = run(model, stream.columns, stream.y)
        held = said["covered"] if stream.classify else (stream.y >= said["low"]) & (stream.y <= said["high"])
        windows = np.convolve(held[1000:], np.ones(1000) / 1000, "valid")
        if stream.classify:
            size = float(said["size"][1000:].mean())
        else:
            known = np.isfinite(said["high"])
            size = float(np.median((said["high"] - said["low"])[known]) / stream.y.std())
        stated = model.scores()["coverage"]["covered"]
        assert abs(stated - held.mean()) < 1e-9, (name, stated, held.mean())
        out[name] = {
            "covered": float(held.mean()),
            "worst 1,000": float(windows.min()),
            "best 1,000": float(windows.max()),
            "classes a set, or median width / sd": size,
        }
    return {"coverage": out}
