"""A line or two that tell how a run goes, where somebody watches."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..run.plan import Plan
from ..run.summary import number
from ..run.worker import Worker

_REDRAW_EVERY_S = 0.25
"""Seconds between two updates of the progress on a terminal."""


class Progress:
    """Events a second, time to go, accuracy, log loss, regret, pending, dead letters and alarms.

    Nothing is drawn unless the console is a terminal. A context manager; call it after every batch.

    Parameters
    ----------
    console : rich.console.Console
    until_records : int, optional
        Where the run is to stop.
    quiet : bool
        Draw nothing at all.
    """

    def __init__(self, console: Console, until_records: int | None = None, quiet: bool = False):
        shown = console.is_terminal and not quiet
        self._live = Live(console=console, auto_refresh=False, transient=True) if shown else None
        self._until = until_records
        self._began: tuple[float, int] | None = None
        self._next_s = 0.0

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *args: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, plan: Plan, worker: Worker) -> None:
        if self._live is None:
            return
        now = time.monotonic()
        records = worker.counters.records
        if self._began is None:
            self._began = (now, records)
        if now < self._next_s:
            return
        self._next_s = now + _REDRAW_EVERY_S
        total = plan.total if self._until is None else min(self._until, plan.total or self._until)
        text = "\n".join(folded(self.parts(worker, total, now), self._live.console.width))
        self._live.update(Text(text), refresh=True)

    def parts(self, worker: Worker, total: int | None, now: float) -> list[str]:
        """What is shown, figure by figure."""
        c, scores = worker.counters, worker.learner.scores()
        began, at = self._began or (now, c.records)
        rate = (c.records - at) / (now - began) if now > began else 0.0
        parts = [f"{c.records:,}" + (f" of {total:,}" if total else ""), f"{rate:,.0f}/s" if rate else ""]
        if total and rate:
            left = max(total - c.records, 0) / rate
            parts.append(f"{int(left // 60)}:{int(left % 60):02d} to go")
        shown = [
            ("accuracy", "accuracy"),
            ("log_loss", "log loss"),
            ("mae", "MAE"),
            ("regret_per_event", "regret"),
        ]
        parts += [
            f"{title} {number(value)}" for key, title in shown if (value := _figure(scores, key)) is not None
        ]
        parts.append(f"pending {worker.join.pending:,}")
        parts.append(f"dead {c.dead:,}")
        parts.append(f"alarms {worker.alarms.count:,}")
        return [p for p in parts if p]


def folded(parts: list[str], width: int) -> list[str]:
    """Lines of at most `width` characters that break between figures only.

    Examples
    --------
    >>> folded(["10,000 of 80,000", "9,000/s", "accuracy 0.700"], 30)
    ['10,000 of 80,000  9,000/s', 'accuracy 0.700']
    """
    out: list[str] = []
    for part in parts:
        if out and len(out[-1]) + 2 + len(part) <= width:
            out[-1] += "  " + part
        else:
            out.append(part)
    return out


def _figure(scores: dict[str, Any], key: str) -> float | None:
    value = scores.get(key)
    return float(value) if isinstance(value, (int, float)) else None
