"""From what moved to what it probably means.

Thresholds were chosen by hand on made streams of known causes; benchmarks/alarms.py --only causes measures them on
others (docs/alarms.md, docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from ._columns import DIED, UNIT
from ._evidence import Evidence

MOVED = 3.5
"""Standard errors from which a signal counts as moved."""
NOTABLE = 2.0
"""Standard errors that count beside other evidence."""
HARM = 0.1
"""Share by which a loss must have risen to be an alarm."""
BELIEVED = 2.7
"""Standard errors from which labels count as moved, where the surprise did not."""
INPUTS_MOVED, INPUTS_MOVED_IF_SURE, INPUTS_MOVED_IF_UNSURE = 12.0, 8.0, 20.0
"""Sum of squares of the six figures of the inputs from which they count as moved together; at a review, where the
learner is as sure of itself as before, and where it is not: other labels make it unsure, other inputs hardly."""
SLIGHT = 0.02
"""Nats by which an entropy must have risen to be an alarm of its own, without a word of the loss."""
STAYS = 0.2
"""Share of the first rise of the loss that is still there: it will not be learnt away."""
TOGETHER = ("feature place", "feature spread", "feature pairs")
"""Scalars of all inputs."""
INPUTS = (*TOGETHER, "feature worst")
"""Signals made of the raw inputs alone."""
LEARNERS = ("surprise", "loss", "entropy")
"""Signals that the learner's own learning moves too."""

NEW_INPUTS = "new inputs"
NEW_CONCEPT = "new concept"
MORE_NOISE = "more noise"
NEW_LABEL_BALANCE = "new label balance"
FEATURE_DIED = "feature died"
FEATURE_CHANGED_UNIT = "feature changed unit"
CAUSES = (NEW_INPUTS, NEW_CONCEPT, MORE_NOISE, NEW_LABEL_BALANCE, FEATURE_DIED, FEATURE_CHANGED_UNIT)
"""Every cause that an alarm on the scalars of a learner can have; one on a scalar of one's own is a "change of" it."""
IMPROVEMENT = "improvement"
"""What is no alarm, and counted apart."""


def moved(of: Mapping[str, Evidence], fired: str) -> dict[str, float]:
    """Signals that moved, the fired one always, with the larger of their two figures."""
    out = {}
    for name, e in of.items():
        z = e.location if abs(e.location) >= abs(e.scale) else e.scale
        if name == fired or abs(z) >= MOVED:
            out[name] = round(z, 2)
    return out


def cause(fired: str, of: Mapping[str, Evidence], moves: Mapping[str, float]) -> tuple[str, int]:
    """Cause of an alarm on signal `fired`, and the column it points to (-1: none)."""
    why, column = _alone(fired, of, moves)
    if why in (NEW_INPUTS, NEW_CONCEPT, MORE_NOISE) and _balance(of):
        return NEW_LABEL_BALANCE, -1
    if why in (NEW_CONCEPT, MORE_NOISE) and _together(of) >= INPUTS_MOVED:
        return NEW_INPUTS, -1
    return why, column


def _alone(fired: str, of: Mapping[str, Evidence], moves: Mapping[str, float]) -> tuple[str, int]:
    """Cause by the signal that fired and by what certainly moved."""
    column, kind = -1, 0
    worst = of.get("feature worst")
    if worst is not None and (fired == "feature worst" or worst.location >= NOTABLE):
        if fired == "feature worst" and worst.location < 0.0:
            return IMPROVEMENT, -1  # a column is itself again
        column, kind = divmod(worst.tag, 4) if worst.tag else (-1, 0)
        if kind in (DIED, UNIT):
            return (FEATURE_DIED if kind == DIED else FEATURE_CHANGED_UNIT), column
    inputs = max(
        (abs(moves[k]) for k in INPUTS if k in moves and (k != "feature worst" or column >= 0)), default=0.0
    )
    label = abs(moves.get("label", 0.0))
    if fired == "feature worst" or (inputs > 0.0 and inputs >= label):
        return NEW_INPUTS, column
    if label > 0.0 and fired in ("label", *INPUTS):
        loss = of.get("loss")
        worse = loss is not None and loss.location >= NOTABLE
        return (NEW_CONCEPT if worse and inputs == 0.0 else NEW_LABEL_BALANCE), -1
    if fired == "surprise":
        e = of[fired]
        falls = e.before is not None and e.after is not None and e.after < e.before
        if falls and any(name in of for name in INPUTS):
            return IMPROVEMENT, -1  # the inputs themselves would have moved
        if not any(name in of for name in INPUTS) or _stirred(of):
            return NEW_INPUTS, -1
        # the inputs stayed: it is the latents that move, because the learner learns something else
        relearns = any(k in of and of[k].location >= z for k, z in (("entropy", MOVED), ("loss", NOTABLE)))
        return (NEW_CONCEPT if relearns else NEW_INPUTS), -1
    if fired == "loss":
        return _loss(of), -1
    if fired == "entropy":
        e, loss = of[fired], of.get("loss")
        if loss is not None and (abs(loss.location) >= MOVED or (e.location > 0.0 and _worse(loss))):
            return _loss(of), -1
        slight = e.before is not None and e.after is not None and e.after < e.before + SLIGHT
        return (IMPROVEMENT if slight or e.location <= 0.0 else MORE_NOISE), -1
    return f"change of {fired}", -1


def _worse(loss: Evidence) -> bool:
    """Whether the loss has risen by what matters."""
    return (
        loss.before is not None
        and loss.after is not None
        and loss.after >= loss.before + HARM * abs(loss.before)
    )


def _stirred(of: Mapping[str, Evidence]) -> bool:
    """Whether a scalar of the inputs has moved at least notably."""
    return any(k in of and max(abs(of[k].location), abs(of[k].scale)) >= NOTABLE for k in INPUTS)


def _balance(of: Mapping[str, Evidence]) -> bool:
    """Whether labels moved, the inputs hardly more than with them, and none of these are surprising.

    Where classes come in other shares, each as it was, the inputs move too: to where they have been before.
    """
    label, surprise = (abs(of[k].location) if k in of else 0.0 for k in ("label", "surprise"))
    if label < BELIEVED or "surprise" not in of or of["surprise"].before is None:
        return False
    most = max((abs(z) for k in TOGETHER if k in of for z in (of[k].location, of[k].scale)), default=0.0)
    worse = "loss" in of and of["loss"].location > label
    return surprise < min(MOVED, label) and not worse and label >= 0.5 * most


def _together(of: Mapping[str, Evidence]) -> float:
    """How far the scalars of all inputs moved: as many squared standard errors as they have figures if by chance."""
    return sum(of[k].location ** 2 + of[k].scale ** 2 for k in TOGETHER if k in of)


def _loss(of: Mapping[str, Evidence]) -> str:
    """Why the loss changed while the inputs themselves stayed as they were."""
    loss = of["loss"]
    if loss.location < 0.0:
        return IMPROVEMENT
    if loss.before is not None and not _worse(loss):
        return IMPROVEMENT  # another distribution of the loss, but no more of it
    surprise = of.get("surprise")
    if surprise is not None and surprise.location > max(MOVED, loss.location):
        return NEW_INPUTS
    return NEW_CONCEPT


def reviewed(first: str, rise: float, of: Mapping[str, Evidence], fired: str) -> tuple[str, int]:
    """The cause again, when the learner has had time; `rise` of the loss when the alarm came.

    A concept is learnt: the loss comes back, and the latents are others. Noise stays, and leaves them as they
    were. Inputs that moved slowly, and labels, are seen by now.
    """
    if first not in (NEW_INPUTS, NEW_CONCEPT, MORE_NOISE, FEATURE_CHANGED_UNIT):
        return first, -1
    moves = moved(of, fired)
    now, column = cause(fired, of, moves)
    if now in (FEATURE_DIED, FEATURE_CHANGED_UNIT):
        return now, column
    if now == NEW_LABEL_BALANCE or _balance(of):
        return NEW_LABEL_BALANCE, -1
    entropy, loss, surprise = (of.get(k) for k in ("entropy", "loss", "surprise"))
    sure = entropy is not None and entropy.before is not None and entropy.location < NOTABLE
    if (
        column >= 0
        or _together(of) >= (INPUTS_MOVED_IF_SURE if sure else INPUTS_MOVED_IF_UNSURE)
        or any(k in moves for k in TOGETHER)
    ):
        return NEW_INPUTS, column
    if loss is None or loss.before is None or first == FEATURE_CHANGED_UNIT:
        return first, -1
    relearnt = surprise is not None and surprise.location > loss.location
    rest = loss.late - loss.before
    stays = rest > max(STAYS * rise, STAYS * abs(loss.before))
    if first == NEW_INPUTS and not ((relearnt or stays) and any(k in of for k in INPUTS)):
        return first, -1
    return (MORE_NOISE if stays and (rest > abs(loss.before) or not relearnt) else NEW_CONCEPT), -1
