"""The default pool for classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SpecError
from ..features.frames import Table, row_of, table_of
from ..features.history import LabelHistory
from ..features.layout import Layout
from ..members.member import Factory, Leaves, Room, Segment
from ..mixing.mixer import Mixer
from ..pool.options import Options
from ..pool.task import Task
from ..regret.ledger import Ledger
from ..regret.scores import Scores
from ..state import Arrays
from ..types import LEARN, Output
from ..uncertainty import LatentDensity
from .class_labels import distribution, known_codes, new_labels, plain_label
from .learner import Learner
from .recipes import PRIOR_ODDS, find_recipe
from .turns import without_turn

f4 = np.float32


class Classes(Task):
    """Labels are classes, which may come at any time.

    Parameters
    ----------
    classes : sequence
        Declared beforehand.
    options : Options
    """

    classify = True
    history_kind = LabelHistory
    history: LabelHistory
    mixer: Mixer
    density: LatentDensity
    lags = LabelHistory.lags

    def __init__(self, classes: Sequence[Any], options: Options) -> None:
        self.recipe = find_recipe(options.preset, True, options.reaction != "off")
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


class Classifier(Learner):
    """A pool of small networks and cheap members that learns classes event by event, with labels that come late.

    Five spline networks over different memories and paces, two linear members, nearest neighbours over nested
    windows and label frequencies, mixed by exponential weights with fixed share over members and stackers.
    No step size needs tuning; one set of defaults serves every label delay.

    Parameters
    ----------
    classes : sequence, optional
        Labels known beforehand; others are added as they come. Labels that compare equal (1, 1.0 and True) are
        one class.
    seed : int
        Of the networks' initial weights.
    max_columns : int
        Input columns beyond this are ignored and counted.
    max_pending : int
        Most events that may wait for their label.
    events_per_false_alarm : float
        Budget of the drift alarms.
    categories : sequence of str
        Number columns whose values are names, not quantities. Columns with few values are found by themselves.
    coverage : float
        Share of the labels that prediction sets shall hold; 0 for none.
    p_values : bool
        Say of every event how rarely the recent past was as surprising.
    threads : int
        Over which the members of a chunk are spread. The results are the same bits for any number, so a state may
        go on with another.
    preset : {"default", "large"}
        Large has twice the units and two more networks, joining at events 2,048 and 4,096; 1.7 times the time.
    reaction : {"off", "young"}
        To an alarm. Young adds a network that is restarted within 512 events; the ledger shows what it brings.
    alarms : bool
        Watch for drift. Without it an event costs less, and there are no alarms; all else is the same.
    members : sequence
        Members of your own beside the others: classes derived from :class:`streamnn.members.Member` or
        :class:`streamnn.members.EventMember`, or functions that make one of a :class:`streamnn.members.Room`.

    Examples
    --------
    >>> model = Classifier()
    >>> for i in range(200):
    ...     model.learn_one({"a": i % 2, "b": 1.0}, "odd" if i % 2 else "even")
    >>> model.predict_one({"a": 1, "b": 1.0})
    'odd'
    >>> round(model.predict_proba_one({"a": 0, "b": 1.0})["even"], 1)
    1.0
    >>> Classifier(seed=2)
    Classifier(seed=2)
    """

    def __init__(
        self,
        classes: Sequence[Any] = (),
        seed: int = 1,
        max_columns: int = 4096,
        max_pending: int = 100_000,
        events_per_false_alarm: float = 10_000.0,
        categories: Sequence[str] = (),
        coverage: float = 0.0,
        p_values: bool = False,
        threads: int = 1,
        preset: str = "default",
        reaction: str = "off",
        alarms: bool = True,
        members: Sequence[Factory] = (),
    ):
        options = seed, max_columns, max_pending, events_per_false_alarm, categories, coverage, p_values
        super().__init__(Options(*options, threads, preset, reaction, alarms, members), classes=classes)

    @staticmethod
    def _task(options: Options, classes: Sequence[Any] = ()) -> Task:
        if isinstance(classes, str) or not isinstance(classes, Sequence):
            raise SpecError(f"learner option classes is {classes!r}: allowed is a list of labels")
        return Classes(classes, options)

    @property
    def classes(self) -> list[Any]:
        """Classes known so far, in the order in which they came."""
        task = self._pool.task
        assert isinstance(task, Classes)
        return task.names

    def look(self, X: Any, n: int | None = None) -> Output:
        """As any learner; before the first event, declared classes are equally probable."""
        out = super().look(X, n)
        if not self._pool.started and self.classes:
            C = len(self.classes)
            out.proba = np.full((len(out.ticket), C), 1 / C, f4)
            out.known = np.full(len(out.ticket), C)
        return out

    def predict_proba_one(self, x: Mapping[str, Any]) -> dict[Any, float]:
        """Probability of every class known so far. Changes nothing.

        The row is taken for the event that comes next, right after the last one observed. Where its label comes
        later, and others before it are still to come, :meth:`observe` it: then that is taken into account.
        """
        classes = self.classes
        if type(x) is not dict:
            x = row_of(x)
        if not self._pool.started or not classes:
            return {c: 1 / len(classes) for c in classes}
        single = self._single()
        found = single.look(x) if single is not None else None
        if found is None:
            proba = self._look_one(x).proba
            assert proba is not None
            found = proba[0]
        return distribution(classes, found)

    @without_turn
    def predict_one(self, x: Mapping[str, Any]) -> Any:
        """The most probable class, None before the first label; as :meth:`predict_proba_one`. Changes nothing."""
        p = self.predict_proba_one(x)
        return max(p, key=p.__getitem__) if p else None

    def predict_proba_many(self, X: Any) -> Any:
        """Probabilities of the classes known so far, in the order of ``classes``. Changes nothing.

        Parameters
        ----------
        X : table
            As for :meth:`learn_many`.

        Returns
        -------
        ndarray of float32, shape (n, classes), or DataFrame
            Each row as if it were the next event. A DataFrame where `X` is one of pandas, with its index, and the
            classes as columns.
        """
        table = table_of(X)
        return table.frame(self._probabilities(table), self.classes)

    def predict_many(self, X: Any) -> Any:
        """The same answers as :meth:`predict_one` row by row, in a Series where `X` is a frame. Changes nothing."""
        table, classes = table_of(X), self.classes
        if not classes:
            return table.series([None] * table.rows)
        best = self._probabilities(table).argmax(1)
        return table.series([classes[c] for c in best.tolist()])

    def _probabilities(self, table: Table) -> np.ndarray:
        proba = self.look(table.columns, table.rows).proba
        assert proba is not None
        return proba
