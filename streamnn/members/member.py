"""What a pool asks of each of its members, and what it gives them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..features.layout import BLOCKS, Layout
from ..features.targets import FARTHEST_PREDICTION
from ..stage import Stage
from ..state import Arrays
from ..types import EXPIRE, LEARN

Leaves = dict[str, tuple[type, tuple[int, ...]]]
"""Arrays by name: dtype and shape of one entry."""


class Segment(NamedTuple):
    """A piece of the log during which no array changes its size: m operations in their order.

    Every event has a slot in the pending store, whose arrays (``store["row"]``, ``store["p"]``, ...) have one entry a
    slot. A slot is written when its event is observed, or looked at, and read when its label is learnt.
    """

    op: np.ndarray
    """int8, shape (m,): OBSERVE, LEARN, EXPIRE or LOOK."""
    slot: np.ndarray
    """int64, shape (m,): where the event lies in the pending store."""
    ticket: np.ndarray
    """int64, shape (m,): which event."""
    y: np.ndarray
    """Labels of LEARN operations, shape (m,): class numbers, int64, or targets, float64."""
    weight: np.ndarray
    """float32, shape (m,): sample weights of LEARN operations."""
    target: np.ndarray
    """float32, shape (m,): what members learn at LEARN. Class numbers, or targets in running units, filled on the way."""
    time: np.ndarray
    """float64, shape (m,): of the event or of its label; NaN is now."""
    unit: np.ndarray
    """float64, shape (m, 2): location and scale of targets at LEARN, filled on the way."""
    latent: np.ndarray
    """float32, shape (m, k): receives the last hidden layer of the watched member."""
    losses: np.ndarray
    """float64, shape (m, width): receives the losses that the ledger adds up."""


class Room(NamedTuple):
    """How wide rows and labels are, and where what was there before lies now."""

    layout: Layout
    """Of a row, as it is now."""
    before: Layout
    """Of a row, as it was."""
    places: np.ndarray
    """int64: where each position of the layout before lies now."""
    values: int
    """Values of a label: classes, or 1."""
    category_rows: int
    """Values of all category columns so far; ``store["ids"]`` are below it."""
    classify: bool
    """Whether labels are classes."""
    seed: int
    """Of the pool."""
    place: int = 0
    """Where the predictions of a member that is made now begin in ``store["p"]``."""
    saved: frozenset[str] = frozenset()
    """Names of the arrays of a state that is about to be loaded: who can be made in several ways is made as it was."""

    def piece(self, reads: tuple[str, str]) -> tuple[np.ndarray, int]:
        """New places of the old inputs of a piece of the row, and the piece's new width."""
        a, b = self.before.span(*reads)
        start, stop = self.layout.span(*reads)
        return self.places[a:b] - start, stop - start


class Member(Stage):
    """A member of a pool: it reads a piece of an event's row, predicts, and learns by itself.

    It may bring more than one prediction (an expert each, under its own name in the ledger). All that it learns lies
    in named arrays, ``self.s``, so that it is saved, loaded and hashed with the pool.

    A pool takes whatever makes one from a :class:`Room`: ``Classifier(members=[MyMember])``. The pool weighs it
    against all others, so that a bad one costs little. Write :meth:`step` as a compiled kernel over the segment, or
    derive from :class:`EventMember` for plain Python. If it raises, the pool stops between two events and is of no
    more use: go on from the last state saved.

    Parameters
    ----------
    name : str
        Prefix of its arrays in a checkpoint.
    names : tuple of str
        Of its predictions.
    room : Room
        How wide rows and labels are as it is made.
    """

    reads: tuple[str, str] = ("x", "x")
    """First and last block of the row that it reads, see :class:`streamnn.features.layout.Layout`."""
    compiled = False
    """Whether :meth:`step` does nothing with the contents of arrays but call kernels: then its calls are recorded
    once and replayed for single events."""
    begins = 0
    """The event from which on it predicts."""
    watched = False
    """Whether it writes to ``segment.latent``, which is then the ground of surprise."""
    units = 0
    """How many values it writes there: the same from the first event on, however wide rows and labels become."""
    grows = True
    """Whether it can make room for further columns. Where a member can't, the pool takes none after the first event."""
    wants: tuple[str, ...] = ()
    """Arrays of pending events that are there only where some member wants them: ``"names"``, int32, (columns,), the
    category rows of text and declared category columns alone, then -1."""

    def __init__(self, name: str, names: tuple[str, ...], room: Room) -> None:
        super().__init__(name)
        self.names = names
        self.place = room.place

    @property
    def early(self) -> bool:
        """Whether it reads no block that stands in for labels not known yet: then it runs before those are written."""
        return BLOCKS.index(self.reads[1]) < BLOCKS.index("imputed")

    def leaves(self, room: Room) -> Leaves:
        """What it keeps of a pending event beside the row and its predictions."""
        return {}

    def moved(self, room: Room) -> Arrays:
        """Of leaves whose first axis grows as the row does: where its old entries lie now. Others stay first."""
        return {}

    def make_room(self, room: Room) -> None:
        """Grow with rows and labels without changing what was learnt.

        A column that is not there yet must count as one whose value is missing, which is 0 in a row: labels learnt
        before it came leave for it what they would have left with zeros. In a chunk a column is there from the first
        event on, and the bits must be those of single events, for which it comes with its first value.
        """

    def certified(self, rows: np.ndarray) -> Callable[[], dict[str, Any]] | None:
        """What works out the slope certificate of its network as it is now: None where it has none.

        Any thread may call it while the member learns on, and take its time.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, width)
            Recent rows, the piece that it reads: where a search for a steep place begins.

        Returns
        -------
        callable
            Gives ``certified``, ``attacked`` and whatever else is to be known.
        """
        return None

    def reopen(self) -> None:
        """There was an alarm: what was settled for good may be looked at again. Arrays may be exchanged here."""

    @abstractmethod
    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE and LOOK, learn at LEARN.

        A prediction goes to ``store["p"][slot, place + i]``: the probability of every class, or a number in units of
        the target's running location and scale (``store["scale"][slot]``). What is not finite counts as no opinion,
        all classes alike or the running mean; a probability below 1e-7 counts as 1e-7. LOOK must change nothing else.
        """


Factory = Callable[[Room], Member]
"""Makes a member: a class that derives from :class:`Member`, or any function of a :class:`Room`."""


class EventMember(Member):
    """A member in plain Python, event by event: override :meth:`predict` and :meth:`learn`.

    Some ten microseconds an event slower than a compiled one.

    Examples
    --------
    A member that says of every class how often it was, as a pool's ``members``:

    >>> import numpy as np
    >>> from streamnn import Classifier
    >>> from streamnn.stage import grown
    >>> class Counts(EventMember):
    ...     def __init__(self, room):
    ...         super().__init__("counts", ("counts",), room)
    ...         self.s = {"n": np.ones(room.values)}
    ...     def make_room(self, room):
    ...         self.s["n"] = grown(self.s["n"], room.values)
    ...     def predict(self, row, ids):
    ...         return self.s["n"] / self.s["n"].sum()
    ...     def learn(self, row, ids, target, weight):
    ...         self.s["n"][int(target)] += weight
    >>> model = Classifier(members=[Counts])
    >>> for i in range(30):
    ...     model.learn_one({"a": i % 3}, "yes" if i % 3 else "no")
    >>> model.history()["experts"][-5]
    'counts'
    """

    @abstractmethod
    def predict(self, row: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Predictions of an event; float, shape (values,), or (names, values) where there is more than one name.

        What is no distribution over the classes is divided by its sum, without what is negative or NaN.

        Parameters
        ----------
        row : ndarray of float32
            The piece of the row that ``reads`` names: standardised columns and what else it holds; a missing value
            is 0, the mean.
        ids : ndarray of int32
            Category rows of the event: one a category column that has a value.
        """

    @abstractmethod
    def learn(self, row: np.ndarray, ids: np.ndarray, target: float, weight: float) -> None:
        """The label of an event has come: a class number, or the target in running units. `row` is as it was."""

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE and LOOK, learn at LEARN."""
        start, stop = layout.span(*self.reads)
        for i, (op, slot) in enumerate(zip(segment.op.tolist(), segment.slot.tolist(), strict=True)):
            if op == EXPIRE:
                continue
            row, ids = store["row"][slot, start:stop], store["ids"][slot]
            ids = ids[ids >= 0]
            if op == LEARN:
                self.learn(row, ids, float(segment.target[i]), float(segment.weight[i]))
            else:
                p = store["p"][slot, self.place : self.place + len(self.names)]
                p[...] = _harmless(np.broadcast_to(np.asarray(self.predict(row, ids), np.float64), p.shape))


def _harmless(p: np.ndarray) -> np.ndarray:
    """Predictions as the mixer may take them: a row that is no distribution over classes is made one."""
    if p.shape[1] == 1:
        return np.clip(p, -FARTHEST_PREDICTION, FARTHEST_PREDICTION)
    if (p >= 0.0).all() and (np.abs(p.sum(1) - 1.0) < 1e-3).all():
        return p
    share = np.clip(np.nan_to_num(p, nan=0.0), 0.0, 1e30)
    total = share.sum(1, keepdims=True)
    return np.where(total > 0.0, share / np.where(total > 0.0, total, 1.0), 1.0 / p.shape[1])
