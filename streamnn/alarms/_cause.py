"""From what moved to what it probably means."""

from __future__ import annotations

from collections.abc import Mapping

from ._evidence import Evidence

MOVED = 3.5
"""Standard errors from which a signal counts as moved."""
INPUTS = ("feature place", "feature spread", "feature pairs", "feature worst")
"""Signals made of the raw inputs alone."""
LEARNERS = ("surprise", "loss", "entropy")
"""Signals that the learner's own learning moves too."""
DIED, UNIT, SHIFTED = 1, 2, 3
"""Kinds in a tag of "feature worst": 4 * column + kind."""
IMPROVEMENT = "improvement"


def moved(of: Mapping[str, Evidence], fired: str) -> dict[str, float]:
    """Signals that moved, the fired one always, with the larger of their two figures."""
    out = {}
    for name, e in of.items():
        z = e.place if abs(e.place) >= abs(e.spread) else e.spread
        if name == fired or abs(z) >= MOVED:
            out[name] = round(z, 2)
    return out


def cause(fired: str, of: Mapping[str, Evidence], moves: Mapping[str, float]) -> tuple[str, int]:
    """Cause of an alarm on signal `fired`, and the column it points to (-1: none)."""
    worst = of.get("feature worst")
    column, kind = divmod(worst.tag, 4) if worst and "feature worst" in moves else (-1, 0)
    if kind == 0:
        column = -1
    if kind == DIED:
        return "feature died", column
    if kind == UNIT:
        return "feature changed unit", column
    if any(name in moves for name in INPUTS):
        return "new inputs", column
    if fired == "surprise":
        return "new inputs", -1
    loss = of.get("loss")
    if fired in ("loss", "entropy") and loss is not None and loss.place > -MOVED:
        surprise, entropy = of.get("surprise"), of.get("entropy")
        if surprise is not None and surprise.place > max(MOVED, loss.place):
            return "new inputs", -1
        if fired == "entropy" or (entropy is not None and entropy.place > MOVED):
            up = of["entropy"].place > 0
            return ("more noise" if up else IMPROVEMENT), -1
        worse = loss.after is None or loss.before is None or loss.after >= loss.before
        return ("new concept" if worse else IMPROVEMENT), -1
    if fired in ("loss", "entropy"):
        return (IMPROVEMENT if of[fired].place < 0 else "more noise"), -1
    if fired == "label":
        return "new label balance", -1
    return f"change of {fired}", -1
