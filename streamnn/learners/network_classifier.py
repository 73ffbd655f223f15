"""One network on the columns alone, an event at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .._kernels.jit import recorded
from .._kernels.memory import read_only
from .._kernels.program import Program
from ..errors import SchemaError, StateError
from ..features.class_labels import new_labels
from ..features.encoder import Encoder, columns_of
from ..features.frames import Table, batch_of, row_of, table_of
from ..features.inputs import CONTEXT_SPANS, MAX_MEANS, PAIRS, SINGLES, Inputs
from ..features.inputs import _scan as _encode
from ..features.layout import Layout
from ..features.schema import Schema
from ..network.network import Network
from ..network.spec import NetworkSpec
from ..pool.operations import BAD_WEIGHT, is_weight
from ..state import Arrays, state_hash
from ..types import LEARN, LOOK, OBSERVE
from .estimator import Estimator, Parameter
from .turns import Turns, without_turn

f4 = np.float32


class NetworkClassifier(Turns, Estimator):
    """One spline network under its budget, fed with standardised columns and category rows: no memory, no pool.

    For where every microsecond counts; the pool (:class:`Classifier`) is far better wherever events depend on those
    before them. Labels come at once.

    Parameters
    ----------
    spec : NetworkSpec, optional
        The network: 64 and 32 units, steps scaled by RMS, no learning from labels given more than 99.9 %, if not
        given.
    seed : int
    max_columns : int
        Input columns beyond this are ignored and counted.
    categories : sequence of str
        Number columns whose values are names.

    Examples
    --------
    >>> model = NetworkClassifier()
    >>> for i in range(300):
    ...     model.learn_one({"a": i % 4, "b": 1.0}, "odd" if i % 2 else "even")
    >>> model.predict_one({"a": 3, "b": 1.0})
    'odd'
    """

    max_columns, categories = Parameter(), Parameter()

    def __init__(
        self,
        spec: NetworkSpec | None = None,
        seed: int = 1,
        max_columns: int = 4096,
        categories: Sequence[str] = (),
    ) -> None:
        self.spec = spec or NetworkSpec("net", (64, 32), skip_margin=0.001)
        self.seed = seed
        self._schema = Schema(max_columns, categories)
        self._inputs = Inputs()
        self._inputs.context = False
        self.classes: list[Any] = []
        self._class: dict[Any, int] = {}
        self._network: Network | None = None
        self._read_only: tuple[Mapping[str, np.ndarray], Mapping[str, Any]] | None = None
        self._clear()

    def _clear(self) -> None:
        self._arrays: list[np.ndarray] = []
        self._encoder = Encoder(self._schema)
        self._look: Program | None = None
        self._learn: Program | None = None
        self._target, self._weight = np.zeros(2, f4), np.ones(2, f4)
        self._p = np.zeros((1, len(self.spec.members), 0), f4)
        self._ids, self._row = np.zeros((1, 0), np.int32), np.zeros((1, 0), f4)

    @property
    def _given(self) -> dict[str, Any]:
        return {"spec": self.spec, **self._options()}

    @property
    def network(self) -> Network:
        """The network; there is one from the first event on."""
        if self._network is None:
            raise StateError("there is no network before the first event")
        return self._network

    def learn_one(self, x: Mapping[str, Any], y: Any, w: float = 1.0) -> None:
        """Learn a labelled event.

        Raises
        ------
        SchemaError, LimitError
            As for the pool; nothing has changed then.
        """
        if not is_weight(w):
            raise SchemaError(BAD_WEIGHT)
        if type(x) is not dict:
            x = row_of(x)
        try:
            label = self._class.get(y)
        except TypeError:
            label = None
        new = [] if label is not None else new_labels([y], self._class)
        if self._learn is None or not self._encoder.write(x, True):
            if self._read_only is not None:
                self._load(*self._read_only, keep=False)
            columns = self._schema.prepare(columns_of(x), 1)  # the last that may refuse
            known = len(self._schema.names)
            row = self._schema.encode(columns, 1)
            if known < len(self._schema.names):
                self._inputs.grow(self._schema.text_in_width, self._schema.first)
            self._grow(len(self.classes) + len(new))
            self._encoder.row[:] = row
        elif new:
            self._grow(len(self.classes) + 1)
        for v in new:
            label = self._class[v] = len(self.classes)
            self.classes.append(v)
        self._target[1], self._weight[1] = label, w
        assert self._learn is not None
        stop = self._learn.run()
        if stop is not None:  # there are more category rows
            self._grow(len(self.classes))
            self._learn.run(stop.place)

    def predict_proba_one(self, x: Mapping[str, Any]) -> dict[Any, float]:
        """Probability of every class known so far. Changes nothing."""
        if type(x) is not dict:
            x = row_of(x)
        if self._look is None:
            return {}
        if not self._encoder.write(x, False):
            self._encoder.row[:] = self._schema.encode(self._schema.prepare(columns_of(x), 1), 1, learn=False)
        self._look.run()
        p = self._p[0, 0].tolist()[: len(self.classes)]
        total = 0.0
        for v in p:
            total += v
        return {c: v / total for c, v in zip(self.classes, p, strict=True)}

    @without_turn
    def predict_one(self, x: Mapping[str, Any]) -> Any:
        """The most probable class, None before the first label. Changes nothing."""
        p = self.predict_proba_one(x)
        return max(p, key=p.__getitem__) if p else None

    def learn_many(self, X: Any, y: Any, w: Any = None) -> None:
        """:meth:`learn_one` event by event.

        Parameters
        ----------
        X : table
            As for :meth:`Classifier.learn_many`.
        y : sequence, shape (n,)
        w : sequence of float, shape (n,), optional

        Raises
        ------
        SchemaError
            When there are not as many labels or weights as rows, or one is not allowed; nothing has been learnt then.
        """
        table, labels, weights = batch_of(X, y, w)
        weights = [1.0] * table.rows if weights is None else weights
        if not all(map(is_weight, weights)):
            raise SchemaError(BAD_WEIGHT)
        new_labels(labels, self._class)
        for x, label, weight in zip(self._rows(table), labels, weights, strict=True):
            self.learn_one(x, label, weight)

    def predict_proba_many(self, X: Any) -> Any:
        """Probabilities of the classes known so far, in the order of ``classes``. Changes nothing.

        Returns
        -------
        ndarray of float64, shape (n, classes), or DataFrame
            A DataFrame where `X` is one of pandas, with its index, and the classes as columns.
        """
        table = table_of(X)
        found = [list(self.predict_proba_one(x).values()) for x in self._rows(table)]
        return table.frame(np.array(found).reshape(table.rows, len(self.classes)), self.classes)

    def predict_many(self, X: Any) -> Any:
        """The same answers as :meth:`predict_one` row by row, in a Series where `X` is a frame. Changes nothing."""
        table = table_of(X)
        return table.series([self.predict_one(x) for x in self._rows(table)])

    def _rows(self, table: Table) -> Iterator[dict[str, Any]]:
        self._schema.prepare(table.columns, table.rows)  # refuses what no row may hold
        names = list(table.columns)
        values = [list(v) if v.dtype.kind in "mM" else v.tolist() for v in table.columns.values()]
        for i in range(table.rows):
            yield {k: v[i] for k, v in zip(names, values, strict=True)}

    def _grow(self, classes: int) -> None:
        """Make room for the schema's columns, category rows and so many classes, and record the calls anew if need be."""
        d, C = self._schema.width, max(classes, 2)
        if self._network is None:
            self._network = Network(self.spec, d, C, True, self.seed)
        net = self._network
        old = len(net.s["first"])
        C = max(C, len(net.s["out_bias"]))
        net.grow(np.arange(old), d, C, self._inputs.category_rows)
        arrays = [*self._inputs.s.values(), *net.s.values()]
        same = len(arrays) == len(self._arrays) and all(
            a is b for a, b in zip(arrays, self._arrays, strict=True)
        )
        if not same or self._learn is None:
            self._arrays = arrays
            self._record(d, C)

    def _record(self, d: int, C: int) -> None:
        row = self._encoder.row
        if self._encoder.width != d:
            self._encoder = Encoder(self._schema)
            self._encoder.row[:, : row.shape[1]] = row
        offsets = Layout(d, 0, len(CONTEXT_SPANS), 0, C, 0, C - 1, 0).offsets
        ids = np.full((1, max(d, 1)), -1, np.int32)
        place = np.zeros((1, d), f4)  # this may come between the two halves of an event
        ids[:, : self._ids.shape[1]] = self._ids
        place[:, : self._row.shape[1]] = self._row
        self._ids, self._row = ids, place
        self._p = np.zeros((1, len(self.spec.members), C), f4)
        store = {
            "row": self._row,
            "ids": ids,
            "mean_ids": np.zeros((1, MAX_MEANS), np.int32),
            "pairs": np.zeros((1, PAIRS + SINGLES), np.int32),
        }
        programs = []
        for op in (np.array([LOOK], np.int8), np.array([OBSERVE, LEARN], np.int8)):
            m = len(op)
            slot = np.zeros(m, np.int64)
            with recorded() as calls:
                self._inputs.scan(op, slot, self._encoder.row, offsets, store)
                self.network.scan(
                    op, slot, self._target[:m], self._weight[:m], 0, self._row, self._ids, self._p
                )
            programs.append(Program(calls, (_encode,) if m == 2 else ()))
        self._look, self._learn = programs

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Everything a later prediction depends on: arrays, and JSON-able data."""
        arrays = self._inputs.state_dict()
        if self._network is not None:
            arrays |= self._network.state_dict()
        meta = {
            "learner": type(self).__name__,
            "spec": self.spec.saved(),
            "options": self._options(),
            "schema": self._schema.state(),
            "classes": list(self.classes),
        }
        return arrays, meta

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Go on from a saved state; the learner must be new and of the same spec.

        Arrays that are read-only are not copied before something is learnt.

        Raises
        ------
        StateError
            Names what does not fit.
        """
        mine = self.state_dict()[1]
        if self._network is not None:
            raise StateError("a state is loaded into a new learner only: this one has seen events")
        for k in ("learner", "spec", "options"):
            said = meta.get(k)
            if k == "spec" and isinstance(said, dict):
                said = {a: tuple(b) if isinstance(b, list) else b for a, b in said.items()}
            if said != mine[k]:
                raise StateError(f"{k} is {mine[k]!r} here and {said!r} in the state")
        self._load(arrays, meta, any(map(read_only, arrays.values())))

    def _load(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], keep: bool) -> None:
        fresh = type(self)(self.spec, **self._options())
        fresh._schema.load(meta["schema"])
        fresh.classes = list(meta["classes"])
        fresh._class = {v: i for i, v in enumerate(fresh.classes)}
        if fresh._schema.names or any(k.startswith("network/") for k in arrays):
            fresh._inputs.grow(fresh._schema.text_in_width, fresh._schema.first)
            fresh._inputs.load_state_dict(arrays, keep)
            fresh._grow(len(fresh.classes))
            fresh.network.load_state_dict(arrays, keep)
            if keep:
                fresh._record(fresh._schema.width, len(fresh.network.s["out_bias"]))
                fresh._read_only, fresh._learn = (arrays, meta), None
        self.__dict__.update(fresh.__dict__)

    def _options(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "max_columns": self._schema.max_columns,
            "categories": sorted(self._schema.categories),
        }

    def state_hash(self) -> str:
        """Hash of the whole state: equal means the same bits from here on."""
        return state_hash(*self.state_dict())

    def _kept(self) -> dict[str, Any]:
        addresses: dict[str, Any] = {"_look": None, "_learn": None, "_arrays": [], "_encoder": None}
        return {**self.__dict__, **addresses, "_read_only": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._clear()
        if self._network is not None:
            self._grow(len(self.classes))
