"""A small learner with the interface of the real ones: exact, quick to start, and it forgets nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamnn.state import state_hash
from streamnn.types import LEARN, OBSERVE, Alarm, Chunk, Output
from streamnn_jobs.spec.job import JobSpec


class FakeLearner:
    """Class counts tilted by a linear score whose weights move with every label; growing columns and classes."""

    def __init__(self, task: str = "classification", seed: int = 0):
        self.task = task
        self.seed = seed
        self.next_ticket = 0
        self.classes: list[Any] = []
        self._w: dict[str, float] = {}
        self._count: list[float] = []
        self._total = 0.0
        self._rows: dict[int, dict[str, float]] = {}
        self._clock = float(seed)  # depends on the order of all operations
        self._right = self._learnt = self._missing = 0
        self.columns: list[str] = []
        self.columns_refused = 0

    @property
    def pending(self) -> int:
        return len(self._rows)

    def _predict(self, row: dict[str, float]) -> tuple[np.ndarray, float]:
        score = sum(self._w.get(k, 0.0) * v for k, v in sorted(row.items()))
        p = np.array(self._count) + 1e-3 * np.arange(len(self._count)) * abs(score)
        return p / p.sum() if len(p) else p, self._total + score

    def run(self, chunk: Chunk) -> Output:
        n = int(np.count_nonzero(chunk.op == OBSERVE))
        rows = _rows(chunk.columns, n)
        proba: list[np.ndarray] = []
        out = Output(np.zeros(n, np.int64), np.zeros(n), np.zeros(n), mean=np.zeros(n))
        alarms: list[Alarm] = []
        i = 0
        for op, ticket, label in zip(
            chunk.op.tolist(), chunk.ticket.tolist(), chunk.label.tolist(), strict=True
        ):
            self._clock = (self._clock * 1.000001 + op + ticket % 7) % 1e6
            if op == OBSERVE:
                assert ticket == self.next_ticket
                self.next_ticket += 1
                self._rows[ticket] = rows[i]
                self._missing += "x" not in rows[i]
                p, mean = self._predict(rows[i])
                proba.append(p)
                out.ticket[i], out.mean[i], out.surprise[i] = ticket, mean, self._clock  # type: ignore[index]
                i += 1
                if ticket % 11 == 5:
                    alarms.append(Alarm(ticket, "surprise", "fake", "new inputs", max(ticket - 50, 0)))
                continue
            row = self._rows.pop(ticket)
            if op != LEARN:
                continue
            p, mean = self._predict(row)
            if self.task == "classification":
                if label not in self.classes:
                    self.classes.append(label)
                    self._count.append(0.0)
                self._right += len(p) > 0 and self.classes[int(np.argmax(p))] == label
                self._count[self.classes.index(label)] += 1.0
                error = float(self.classes.index(label)) - 0.5
            else:
                error = label - mean
                self._total += 0.1 * error
            self._learnt += 1
            for k, v in row.items():
                self._w[k] = self._w.get(k, 0.0) * 0.99 + 0.01 * error * v
            if self._learnt % 5 == 0:  # may fall on the event of another alarm
                alarms.append(
                    Alarm(self.next_ticket - 1, "loss", "fake", "new concept", self.next_ticket - 1)
                )
        out.median = out.mean
        if self.task == "classification":
            out.mean = out.median = None
            out.proba = np.zeros((n, len(self.classes)), np.float32)
            for j, p in enumerate(proba):
                out.proba[j, : len(p)] = p
            out.known = np.array([len(p) for p in proba], np.int64)
        out.alarms = alarms
        return out

    def look(self, columns: dict[str, np.ndarray]) -> Output:
        n = len(next(iter(columns.values())))
        found = [self._predict(row) for row in _rows(columns, n)]
        z = np.zeros(n)
        if self.task == "classification":
            proba = np.array([p for p, _ in found], np.float32).reshape(n, -1)
            return Output(np.full(n, -1), z, z, proba=proba)
        mean = np.array([m for _, m in found])
        return Output(np.full(n, -1), z, z, mean=mean, median=mean)

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        names = sorted(self._w)
        arrays = {
            "w": np.array([self._w[k] for k in names]),
            "count": np.array(self._count, float),
            "numbers": np.array(
                [self._total, self._clock, self._right, self._learnt, self.next_ticket], float
            ),
        }
        rows = {str(t): self._rows[t] for t in sorted(self._rows)}
        return arrays, {"names": names, "classes": list(self.classes), "rows": rows}

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        self._w = dict(zip(meta["names"], arrays["w"].tolist(), strict=True))
        self._count, self.classes = arrays["count"].tolist(), list(meta["classes"])
        self._total, self._clock, right, learnt, ticket = arrays["numbers"].tolist()
        self._right, self._learnt, self.next_ticket = int(right), int(learnt), int(ticket)
        self._rows = {int(t): dict(row) for t, row in meta["rows"].items()}

    def state_hash(self) -> str:
        return state_hash(*self.state_dict())

    def scores(self) -> dict[str, Any]:
        share = self._right / self._learnt if self._learnt else float("nan")
        figures = {"accuracy": share, "log_loss": 0.5, "auroc": None, "brier": 0.2}
        if self.task == "regression":
            figures = {"mae": 1.0, "rmse": 2.0}
        return {
            "events": self.next_ticket,
            "labelled": self._learnt,
            "pending": self.pending,
            **figures,
            "no_change": 0.5,
            "majority": 0.5,
            "logistic": {"accuracy": 0.6, "log_loss": 0.6},
            "best_expert": "fake",
            "regret_per_event": 0.01,
        }

    def regrets(self):
        return []

    def history(self) -> dict[str, Any]:
        return {}

    def missing(self) -> dict[str, int]:
        return {"x": self._missing} if self._missing else {}

    def networks(self) -> list[dict[str, Any]]:
        x = np.linspace(-1.0, 1.0, 5)
        return [
            {
                "name": "n",
                "certified": 2.0,
                "attacked": 1.0,
                "knots": x,
                "splines": np.abs(x)[None],
                "used": np.ones(1),
            }
        ]


def make_fake(spec: JobSpec, task: str) -> FakeLearner:
    """What a job takes to make its learner."""
    return FakeLearner(task, spec.learner.seed)


def _rows(columns: dict[str, np.ndarray], n: int) -> list[dict[str, float]]:
    out: list[dict[str, float]] = [{} for _ in range(n)]
    for name, values in columns.items():
        for i, v in enumerate(values.tolist()):
            if isinstance(v, str):
                out[i][f"{name}={v}"] = 1.0
            elif v is not None and np.isfinite(v):
                out[i][name] = v
    return out
