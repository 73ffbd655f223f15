"""Exponential weights with learnt fixed share over members and stackers, and copies of it for late labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .._kernels.lanes import LANES
from ..errors import StateError
from ..stage import Stage, gathered, grown
from .copies import copies_bound, copies_needed, copies_state, fresh_copy, trust_bound
from .mixer_kernel import MixerPending, MixerState, scan
from .shares import shares_bound, shares_state
from .stackers import GRADIENT_STEPS, NEWTON_FORGETTING, VARIANCE

f4 = np.float32
STACKS = (*(f"stack-{s:g}" for s in GRADIENT_STEPS), *(f"stack-newton-{f:g}" for f in NEWTON_FORGETTING))
"""Names of the stackers of the members, which are experts beside them."""


def _padded(rows: np.ndarray) -> np.ndarray:
    # rows of whole lanes, one after another
    n, m = rows.shape
    out = np.zeros((n, -(-m // LANES) * LANES), f4)
    out[:, :m] = rows
    return out.reshape(-1)


class Mixer(Stage):
    """The pool's prediction (Uziel 2020, with log loss, which is mixable).

    Stackers mix the members in the logit space: two by scaled gradient steps, two by online Newton steps
    (Hazan, Agarwal and Kale 2007), which see that members are alike, one with a long memory and one with a
    short. Exponential weights with fixed share run over members *and* stackers, so that with labels at once,
    on every sequence,

        loss(mixture) <= loss(any expert i) + ln 1/prior_i - n ln(1 - share) + ln K - n ln(1 - least share),

    for each of K shares: weights run for all of them, and weights of the shares find the best. At the top one
    more Newton stacker mixes the stackers and that mixture, and begins as the mixture. What is said is a
    mixture of both:

        loss(pool) <= loss(mixture) + ln 1/0.45 + 0.00006 n.

    Unless the classes are `closed`, a share 1 / ((n + 1) (n + 2)) after n labels is kept back for classes
    never seen, halved from one to the next; it costs less than a nat in all and is the same for every expert.

    Late labels slow the weights by the measured staleness d: at label a rate 1/d + 1/sqrt(a d), the anytime
    rate under delay (Joulani et al. 2013), shares/d, gradient steps and the top's / sqrt(d), and Newton
    stackers remember sqrt(d) times as long. What members said when they knew n labels, now that they know N,
    weighs n / N where stackers learn. That is good and has no proof, so interleaved copies of exponential
    weights (:mod:`streamnn.mixing.copies`) run over this mixture, its top and its experts:

        loss(pool) <= loss(mixture) + K ln 1/0.45 + 0.00006 n
        loss(pool) <= loss(any expert i) + K ln 10/prior_i + 0.0001 n

    over n labels; K is the largest number of events that ever waited, 1 with labels at once.

    Members may join later. Until the first event they predict they sleep (Freund et al. 1997): what the
    others say counts as theirs, so the bounds hold for them too.

    Attributes
    ----------
    experts : int
        Members and stackers.
    logs : int
        Width of a row of ``store["logs"]``.

    Parameters
    ----------
    members, classes : int
    closed : bool
        No other classes will come.
    odds : sequence of float
        Prior odds of the members and then of the stackers; all alike if none are given.
    begins : sequence of int
        The event from which on each of the first members predicts; the others do from the first.
    """

    stackers = STACKS

    def __init__(
        self,
        members: int,
        classes: int,
        closed: bool = False,
        odds: Sequence[float] = (),
        begins: Sequence[int] = (),
    ):
        super().__init__("mixer")
        self._keeps_back = not closed
        S = len(STACKS)
        self.experts = members + S
        self.logs = -(-members // LANES) * LANES + LANES
        weights = np.array(odds if len(odds) else [1.0] * self.experts)
        self.prior = weights / weights.sum()
        self._begins = np.array([*begins, *[0] * (members - len(begins))], np.int64)
        self._fresh = fresh_copy(self.prior)
        self.s = {
            "w": _padded(np.full((S, members), min(1.0, 2.0 / members))),
            "w_2": _padded(np.zeros((len(GRADIENT_STEPS), members))),
            "b": np.zeros((S, classes), f4),
            "cov": _padded(np.tile(np.eye(members) * VARIANCE, (len(NEWTON_FORGETTING), 1))),
            "trace": np.full(len(NEWTON_FORGETTING), members * VARIANCE, f4),
            "top": _padded(np.eye(S + 1)[S:]),  # begins as the mixture
            "top_b": np.zeros((1, classes), f4),
            "top_cov": _padded(np.eye(S + 1) * VARIANCE),
            "top_trace": np.full(1, (S + 1) * VARIANCE, f4),
            **shares_state(self.prior),
            "stale": np.ones(1),
            "count": np.zeros(1, np.int64),
            "unproven": np.zeros(2, np.int64),
            **copies_state(self.experts),
        }

    def _leaves(self) -> dict[str, np.ndarray]:
        made, free = self.s["used"].tolist()
        return {**self.s, "copies": self.s["copies"][:made], "free": self.s["free"][:free]}

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over leaves; there are as many copies as were saved."""
        given = [len(arrays.get(f"{self.name}/{leaf}", ())) for leaf in ("copies", "free")]
        self._reserve(max(given) + 1)
        self.s["used"][:] = given
        super().load_state_dict(arrays, keep)
        if self.s["used"].tolist() != given:
            raise StateError(
                f"{self.name}: has {given} copies and free ones, and counts {self.s['used'].tolist()}"
            )

    def make_room(self, op: np.ndarray) -> bool:
        """Make room for the events of a segment that may wait; whether arrays are others than before."""
        needed, have = copies_needed(self.s["used"], op), len(self.s["free"])
        if needed > have:
            self._reserve(needed)
        return needed > have

    def _reserve(self, copies: int) -> None:
        n = max(64, 1 << copies.bit_length())
        self.s["copies"] = grown(self.s["copies"], n, self.experts + 2)
        self.s["free"] = grown(self.s["free"], n)

    def grow(self, classes: int) -> None:
        """Make room for classes."""
        self.s["b"] = grown(self.s["b"], len(STACKS), classes)
        self.s["top_b"] = grown(self.s["top_b"], 1, classes)

    @property
    def regret_bound(self) -> float:
        """What the pool's loss may exceed its best expert's by, in nats; infinite once labels had weights."""
        return self.bound(0)

    def bound(self, switches: int) -> float:
        """The same to the best sequence of experts; with any switch, infinite once labels came late."""
        late, weighted = self.s["unproven"].tolist()
        if weighted:
            return float("inf")
        n = max(int(self.s["count"][0]), 1)
        if late:
            return copies_bound(int(self.s["used"][0]), n, self.prior) if switches == 0 else float("inf")
        return shares_bound(n, self.prior, switches) + trust_bound(n)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        ticket: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        store: dict[str, np.ndarray],
        at: int,
        losses: np.ndarray,
    ) -> None:
        """Mix at OBSERVE into ``store["mixed"]``; learn at LEARN. :meth:`make_room` was called before.

        From column `at` on, `losses` receives those of the experts and of the pool, then the weights.
        """
        first = self.prior, self._begins, self._fresh, self._keeps_back, self.s["count"]
        state, pending = gathered(MixerState, self.s, *first), gathered(MixerPending, store)
        scan(op, slot, ticket, y, weight, state, pending, at, losses)
