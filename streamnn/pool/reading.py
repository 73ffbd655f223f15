"""What a pool says of itself: scores, regrets, curves, and its networks to be certified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .pool import Pool
from .snapshot import NetworkSnapshot

f4 = np.float32


def scores(pool: Pool) -> dict[str, Any]:
    """Counts, prequential scores of the pool and the controls, and regret."""
    out: dict[str, Any] = {"events": pool.events, "labelled": 0, "pending": len(pool.pending)}
    if pool.started:
        ledger = pool.ledger
        labels = out["labelled"] = ledger.labels
        out |= pool.task.summary(ledger, pool.scores)
        out |= pool.calibration.summary()
        out["best_expert"] = ledger.best_expert
        out["regret"] = ledger.regret if labels else float("nan")
        out["regret_per_event"] = ledger.regret / labels if labels else float("nan")
        out["regret_bound"] = pool.mixer.regret_bound
    return out


def regrets(
    pool: Pool, switches: Sequence[int] = (1, 4, 16), intervals: Sequence[tuple[int, int]] = ()
) -> list[dict[str, Any]]:
    """Regret to the best expert in hindsight, to the best sequences of experts, and on intervals."""
    if not pool.started:
        return []
    out = []
    more = [pool.ledger.interval(first, last) for first, last in intervals]
    for s in [*pool.ledger.against(switches), *more]:
        bound = None if s.switches is None else pool.mixer.bound(s.switches)
        out.append({"comparator": s.comparator, "loss": s.loss, "regret": s.regret, "bound": bound})
    return out


def history(pool: Pool) -> dict[str, Any]:
    """Curves of scores, losses, weights, surprise and entropy; at most 512 points each."""
    if not pool.started:
        return {}
    out: dict[str, Any] = {**pool.ledger.curves(), **pool.curves.curves(), **pool.calibration.curves()}
    out["experts"] = list(pool.ledger.experts)
    out["regret_bound"] = pool.mixer.regret_bound
    out["regrets"] = regrets(pool)
    return out


def snapshot(pool: Pool) -> NetworkSnapshot:
    """The networks as they are now, to be certified while the pool learns on."""
    networks = pool.networks if pool.started else []
    spans = [pool.layout.span(*net.reads) for net in networks]
    rows, others = np.zeros((0, 0), f4), {}
    if pool.started:
        rows = pool.recent.rows
        for member in pool.members:
            a, b = pool.layout.span(*member.reads)
            work = member.certified(rows[:, a:b])
            if work is not None:
                others[member.name] = work
    return NetworkSnapshot(networks, spans, rows, others)


def missing(pool: Pool) -> dict[str, int]:
    """How often each column had no finite value since it first had one; of a time, its calendar's first."""
    counts = pool.inputs.s["missing"].tolist()
    return {name: counts[given.place] for name, given in pool.schema.placed if given.place < len(counts)}
