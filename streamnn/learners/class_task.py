"""What it is to learn classes: labels that may come at any time, mixed by log loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SpecError
from ..features.class_labels import known_codes, new_labels, plain_label
from ..features.history import KnownLabels, LabelHistory
from ..features.layout import Layout
from ..members.member import Leaves, Room, Segment
from ..mixing.mixer import Mixer
from ..pool.task import Recipe, Task
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..state import Arrays
from ..types import LEARN, Output
from ..uncertainty import LatentDensity
from .recipes import PRIOR_ODDS

f4 = np.float32


class Classes(Task):
    """Labels are classes, which may come at any time.

    Parameters
    ----------
    classes : sequence
        Declared beforehand.
    recipe : Recipe

    Raises
    ------
    SpecError
        When `classes` are no list.
    """

    classify = True
    history_kind: type[KnownLabels] = LabelHistory
    history: LabelHistory
    mixer: Mixer
    density: LatentDensity
    lags = LabelHistory.lags

    def __init__(self, classes: Sequence[Any], recipe: Recipe) -> None:
        if isinstance(classes, str) or not isinstance(classes, Sequence):
            raise SpecError(f"learner option classes is {classes!r}: allowed is a list of labels")
        self.recipe = recipe
        self.names: list[Any] = []
        self.number: dict[Any, int] = {}
        self._declare(classes)
        self._declared = list(self.names)
        self.width = max(2, len(self.names))
        # classes known before the last chunk, and the operations at which others came in it
        self._known, self._first = 0, list[int]()

    def _declare(self, classes: Sequence[Any]) -> None:
        self.names = new_labels(classes, {})
        self.number = {v: i for i, v in enumerate(self.names)}

    @property
    def codes(self) -> int:  # type: ignore[override]
        """Values of a label mean."""
        return self.width - 1

    @property
    def declared(self) -> int:  # type: ignore[override]
        """Classes known before the first event."""
        return len(self._declared)

    def encode(self, op: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Class numbers; a chunk is cut before the first label of a class that there is no room for."""
        y = np.zeros(len(op), np.int64)
        at = np.flatnonzero(op == LEARN)
        given = np.asarray(labels)[at]
        self._known, self._first = len(self.names), list[int]()
        codes = known_codes(given, self.number)
        if codes is not None:
            y[at] = codes
            return y, []
        values = [plain_label(v) for v in given.tolist()]
        new = new_labels(values, self.number)
        self.number.update({v: len(self.names) + i for i, v in enumerate(new)})
        self.names += new
        cuts, width = [], self.width
        for i, v in zip(at.tolist(), values, strict=True):
            c = y[i] = self.number[v]
            if c == self._known + len(self._first):
                self._first.append(i)
            if c >= width:
                width = c + 1
                cuts.append((i, width))
        return y, cuts

    def code(self, y: Any) -> int | None:
        """The number of a class that is known."""
        try:
            return self.number.get(y)
        except TypeError:
            return None

    def widen(self, width: int) -> None:
        """There are at least so many classes from here on."""
        self.width = max(self.width, width)

    def make(self, experts: list[str], begins: list[int], units: int) -> None:
        """History, mixer, and a density a class."""
        odds = [PRIOR_ODDS.get(e, 1.0) for e in experts]
        odds += [PRIOR_ODDS.get(s, 2.0) for s in Mixer.stackers]
        self.mixer = Mixer(len(experts), self.width, bool(self._declared), odds, begins)
        self.history = LabelHistory(self.width, [experts.index(e) for e in self.recipe.imputers])
        self.density = LatentDensity(units, self.width)
        self._logistic = experts.index(self.recipe.controls[0])

    def leaves(self, room: Room) -> Leaves:
        """What history and mixer keep of a pending event."""
        C = room.values
        return {
            "logs": (f4, (C, self.mixer.logs)),
            "expert": (f4, (self.mixer.experts + 2, C)),  # and the mixture, and the stacker at the top
            "mixed": (f4, (C,)),
            "fill": (f4, (C,)),
            "copy": (np.int64, ()),
            "reserve": (np.float64, (2,)),
        }

    def take_labels(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Write the history of known labels into rows; take in labels that come."""
        self.history.scan_known(segment.op, segment.slot, segment.y, layout.offsets, store["row"])

    def mix(self, segment: Segment, store: Arrays, scores: Scores) -> None:
        """One distribution over classes from the members'; losses and scores."""
        op, slot, y, losses = segment.op, segment.slot, segment.y, segment.losses
        at = len(scores.names)
        self.mixer.scan(op, slot, segment.ticket, y, segment.weight, store, at, losses)
        scores.scan_classes(op, slot, y, store, self._logistic, at + self.mixer.experts, losses)

    def uncertainty(self, segment: Segment, store: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Surprise and entropy."""
        surprise, entropy = self.density.scan(segment.op, segment.y, segment.latent)
        return surprise, entropy, np.zeros((len(segment.op), 0))

    def fields(self, store: Arrays, slot: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities of the classes known."""
        return {"proba": store["mixed"][slot, : len(self.names)] if store else np.zeros((0, 0), f4)}

    def answer(self, store: Arrays, slot: int) -> np.ndarray:
        """Probabilities."""
        answer: np.ndarray = store["mixed"][slot]
        return answer

    def hide_unknown(self, out: Output, at: np.ndarray | None) -> None:
        """Classes that came later in a chunk have probability 0 before that."""
        assert out.proba is not None
        if at is None:
            out.known = np.full(len(out.ticket), len(self.names))
            return
        out.known = self._known + np.searchsorted(np.array(self._first, np.int64), at)
        if self._first:
            out.proba[np.arange(len(self.names)) >= out.known[:, None]] = 0.0

    def summary(self, ledger: Ledger, scores: Scores) -> dict[str, Any]:
        """Accuracy, log loss, Brier score and AUROC, and those of the controls."""
        mean = ledger.mean
        out: dict[str, Any] = {k: mean(k) for k in ("accuracy", "log_loss", "brier")}
        out["auroc"] = scores.auroc() if len(self.names) == 2 else float("nan")
        out["no_change"], out["majority"] = mean("accuracy_no_change"), mean("accuracy_majority")
        out["logistic"] = {"accuracy": mean("accuracy_logistic"), "log_loss": mean("log_loss_logistic")}
        return out

    def options(self) -> dict[str, Any]:
        """Declared classes."""
        return {"classes": list(self._declared)}

    def state(self) -> dict[str, Any]:
        """Classes in the order in which they came, and for how many there is room."""
        return {"classes": list(self.names), "width": self.width}

    def load(self, meta: Mapping[str, Any]) -> None:
        """Take over the classes."""
        self._declare(meta["classes"])
