"""A torch module as a member of a pool. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import SpecError, StateError
from ..features.layout import Layout
from ..features.schema import room_for
from ..lowered.arrays import COUNTS, HELD, LABELS, SKIPPED, STEPS
from ..members.member import FARTHEST_PREDICTION, Leaves, Member, Room, Segment
from ..stage import grown
from ..state import Arrays
from ..types import EXPIRE, LEARN, OBSERVE
from . import torch_optimiser
from .certified import certifying
from .device import device_of, start_of_draws
from .eager import Eager
from .embedding import Embedding
from .growth import Step
from .guest import Guest
from .latent import latent_units
from .making import facts_of, made, together
from .one_thread import OneThread
from .piece import Piece
from .traced import NotTraced, Traced

f4 = np.float32


class TorchMember(Member):
    """A user's torch module in a pool, event by event or a micro-batch at a time, by torch itself.

    Parameters, statistics and moments lie in named arrays, ``param/<name>``, ``buffer/<name>``, ``moment1/<name>``, so
    that a state holds no code; the module is made again from the factory, and is no part of a copy or a pickle.

    Its bits are those of the torch build and the machine: the chunk, resume and read invariants hold, the machine one
    does not (:class:`streamnn.guests.lowered_member.LoweredMember` keeps it).

    Parameters
    ----------
    guest : Guest
    name : str
        Of its prediction, and the prefix of its arrays.
    watched : bool
        Whether it writes its latents.
    room : Room

    Raises
    ------
    SpecError
        When the module can't be a guest; says why.

    Examples
    --------
    >>> from functools import partial
    >>> from torch import nn
    >>> from streamnn import Classifier
    >>> guest = Guest(lambda inputs, outputs: nn.Linear(inputs, outputs), optimizer="sgd", road="eager")
    >>> model = Classifier(members=[partial(TorchMember, guest, "linear", False)])
    >>> for i in range(9):
    ...     model.learn_one({"a": i % 3, "b": i % 2}, "yes" if i % 3 else "no")
    >>> [name for name in sorted(model.state_dict()[0]) if name.startswith("linear/param")]
    ['linear/param/bias', 'linear/param/weight']
    """

    wants = ("names",)

    def __init__(self, guest: Guest, name: str, watched: bool, room: Room) -> None:
        super().__init__(name, (name,), room)
        self.guest, self.reads, self.watched = guest, guest.reads, watched
        self.classify, self.seed = room.classify, room.seed
        self._layout = room.layout
        with OneThread():
            self._piece = Piece(guest.reads, room.layout.columns, room.values)
            self._outputs = _outputs(room)
            self.facts = facts_of(guest, self.inputs, self._outputs, self.seed, self.classify)
            self.grows = not self.facts.rule.columns
            module = made(guest, self.inputs, self._outputs, self.seed)
            self.units = latent_units(guest, module, self.inputs) if watched else 0
            moments, self._keys = torch_optimiser.zero_moments(guest, dict(module.named_parameters()))
        self.s = {
            "sizes": np.array([self._piece.columns, room.values, self._outputs, 0], np.int64),
            "count": np.zeros(COUNTS, np.int64),
            "optimiser": np.frombuffer(self._implementation(module).encode(), np.uint8).copy(),
            **_arrays_of(module),
            **moments,
        }
        if self.facts.draws:
            self.s["random"] = start_of_draws(device_of(guest), self.seed)
        self.s |= self._rows(room)
        self._embedding = Embedding(self.s, guest.lr, self.inputs)
        self._engine: Eager | None = None
        self._open()

    # rows and their width

    @property
    def inputs(self) -> int:
        """How many inputs the module has now; 1 at least."""
        return max(len(self._piece.places_in(self._layout)), 1)

    def leaves(self, room: Room) -> Leaves:
        """The window of a pending event, in the order of the module's inputs, and for how many of them it was written."""
        if not self.guest.window:
            return {}
        width = max(room.layout.width(self.reads), 1)
        return {
            f"{self.name}.window": (f4, (self.guest.window, width)),
            f"{self.name}.width": (np.int64, (2,)),
        }

    def make_room(self, room: Room) -> None:
        """Take classes in at once, and columns when they first differ from 0."""
        self._layout = room.layout
        names = max(room.layout.columns, 1)
        if "held/names" in self.s:
            self.s["held/names"] = grown(self.s["held/names"], self.guest.batch, names, fill=-1)
        if room.values != self._piece.values:
            values = room.values if self.grows else self._piece.values
            self._grow(self._piece.columns, values, _outputs(room))
        self._open()

    def _rows(self, room: Room) -> Arrays:
        """Labelled events that wait for their micro-batch, and the rows before the next event."""
        found: Arrays = {}
        batch, window = self.guest.batch, self.guest.window
        sample = (window, self.inputs) if window else (self.inputs,)
        if batch > 1:
            found["held/row"] = np.zeros((batch, *sample), f4)
            found["held/names"] = np.full((batch, max(room.layout.columns, 1)), -1, np.int32)
            found["held/target"] = np.zeros(batch, f4)
            found["held/weight"] = np.zeros(batch, f4)
        if window > 1:
            found["recent"] = np.zeros((window - 1, self.inputs), f4)
        return found

    def _open(self) -> None:
        """What follows from the widths, and is no state."""
        places = self._piece.places_in(self._layout)
        n = len(places)
        self._places: Any = slice(0, n) if n and places[-1] == n - 1 else places
        self._used = n
        self._unread = self._layout.columns - self._piece.columns if self.grows else 0
        sample = (self.guest.window, self.inputs) if self.guest.window else (self.inputs,)
        self._raw, self._ids = np.zeros(sample, f4), np.zeros(0, np.int32)
        self._batch = np.zeros((self.guest.batch, *sample), f4)
        self._asked = np.zeros((self.guest.batch, *sample), f4)
        self._y = np.zeros(self.guest.batch, np.int64 if self.classify else f4)
        self._w = np.ones(self.guest.batch, f4)
        self._queue: list[tuple[int, int]] = []

    def _grow(self, columns: int, values: int, outputs: int) -> None:
        if self._engine is not None:
            self._engine.pull()
        older, self._piece = self._piece, Piece(self.reads, columns, values)
        places, inputs = self._piece.places_of(older, self._layout)
        if not len(places):  # it read one input that was always 0
            places = np.zeros(1, np.int64)
        step, rule, s = Step(places, max(inputs, 1), self._outputs, outputs), self.facts.rule, self.s
        module = made(self.guest, self.inputs, outputs, self.seed)
        kinds = {leaf.partition("/")[0] for leaf in s if leaf.partition("/")[2] in rule.axes}
        for kind in kinds:
            old = {name: s[f"{kind}/{name}"] for name in rule.axes}
            new = step.weights(old, rule) if kind == "param" else step.moments(old, rule)
            s |= {f"{kind}/{name}": v for name, v in new.items()}
        for name, b in module.named_buffers():
            if tuple(b.shape) != s[f"buffer/{name}"].shape:
                s[f"buffer/{name}"] = b.numpy().copy()
        for leaf in ("recent", "held/row"):
            if leaf in s:
                s[leaf] = _widened(s[leaf], places, self.inputs)
        self._embedding.widen(places, self.inputs)
        self._outputs = outputs
        s["sizes"][:3] = columns, values, outputs
        self._engine = None

    # operations

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE and LOOK, learn at LEARN."""
        start, stop = layout.span(*self.reads)
        rows = store["row"][:, start:stop]
        with OneThread():
            for i, (op, slot) in enumerate(zip(segment.op.tolist(), segment.slot.tolist(), strict=True)):
                if op == EXPIRE:
                    continue
                if op == LEARN:
                    self._read_pending(rows, store, slot)
                    self._learn(segment, store, i)
                    continue
                if op == OBSERVE:
                    if self._unread:
                        self._take_columns(segment, store, rows[slot])
                    self._embedding.make_room(store["names"][slot])
                self._read(rows, store, slot)
                self._ask(segment, store, i, slot)
                if op == OBSERVE and self.guest.window:
                    self._remember(store, slot)
            self._answer(segment, store)

    def _take_columns(self, segment: Segment, store: Arrays, row: np.ndarray) -> None:
        new = np.flatnonzero(row[len(row) - self._unread :])
        if len(new):
            self._answer(segment, store)
            had = self._piece.columns
            columns = min(room_for(had + int(new[-1]) + 1, had), self._layout.columns)
            self._grow(columns, self._piece.values, self._outputs)
            self._open()

    def _read(self, rows: np.ndarray, store: Arrays, slot: int) -> None:
        """The event in a slot as the module's inputs, without embeddings, into ``_raw``; its names into ``_ids``."""
        raw = self._raw
        if self.guest.window:
            if self.guest.window > 1:
                raw[:-1] = self.s["recent"]
            raw = raw[-1]
        raw[: self._used] = rows[slot, self._places]
        self._ids = store["names"][slot]

    def _read_pending(self, rows: np.ndarray, store: Arrays, slot: int) -> None:
        if not self.guest.window:
            self._read(rows, store, slot)
            return
        columns, values = store[f"{self.name}.width"][slot].tolist()
        places, _ = self._piece.places_of(Piece(self.reads, columns, values), self._layout)
        self._raw[...] = 0.0
        self._raw[:, places] = store[f"{self.name}.window"][slot, :, : len(places)]
        self._ids = store["names"][slot]

    def _remember(self, store: Arrays, slot: int) -> None:
        store[f"{self.name}.window"][slot, :, : self.inputs] = self._raw
        store[f"{self.name}.width"][slot] = self._piece.columns, self._piece.values
        if self.guest.window > 1:
            recent = self.s["recent"]
            recent[:-1] = recent[1:].copy()
            recent[-1] = self._raw[-1]

    def _ask(self, segment: Segment, store: Arrays, i: int, slot: int) -> None:
        """Note that a prediction of what was read is wanted for an operation; its slot is -1 for latents alone."""
        self._embedding.add(self._raw, self._ids, self._asked[len(self._queue)])
        self._queue.append((i, slot))
        if len(self._queue) >= self.engine.together:
            self._answer(segment, store)

    def _answer(self, segment: Segment, store: Arrays) -> None:
        """Predictions for all that were asked for: always of the same shape, as bits may depend on it."""
        n = len(self._queue)
        if not n:
            return
        asked = self._asked[: self.engine.together]
        asked[n:] = 0.0
        p, z = self.engine.predict(asked)
        for k, (i, slot) in enumerate(self._queue):
            if slot >= 0:
                said = store["p"][slot, self.place]
                said[...] = (
                    p[k, : len(said)]
                    if self.classify
                    else np.clip(p[k], -FARTHEST_PREDICTION, FARTHEST_PREDICTION)
                )
            if self.watched:
                segment.latent[i, : self.units] = z[k]
        self._queue.clear()

    def _learn(self, segment: Segment, store: Arrays, i: int) -> None:
        """The label of what was read has come."""
        s, batch = self.s, self.guest.batch
        own = (
            batch == 1 and not self.facts.two_modes
        )  # then the way forward of the step is that of a prediction
        if self.watched and not own:
            self._ask(segment, store, i, -1)
        s["count"][LABELS] += 1
        held = int(s["count"][HELD])
        target, weight = segment.target[i], segment.weight[i]
        if batch > 1:
            s["held/row"][held], s["held/names"][held] = self._raw, self._ids
            s["held/target"][held], s["held/weight"][held] = target, weight
            s["count"][HELD] = held + 1
            if held + 1 < batch:
                return
        self._answer(segment, store)
        if batch > 1:
            names, self._y[:], self._w[:] = s["held/names"], s["held/target"], s["held/weight"]
            for row, ids, out in zip(s["held/row"], names, self._batch, strict=True):
                self._embedding.add(row, ids, out)
            s["count"][HELD] = 0
        else:
            names = self._ids[None]
            self._y[0], self._w[0] = target, weight
            self._embedding.add(self._raw, self._ids, self._batch[0])
        latents, gradient = self.engine.learn(self._batch, self._y, self._w, bool((names[:, 0] >= 0).any()))
        if gradient is None:
            s["count"][SKIPPED] += 1
        else:
            s["count"][STEPS] += 1
            if len(gradient):
                self._embedding.learn(names, gradient)
        if self.watched and own:
            segment.latent[i, : self.units] = latents[0]

    # the module

    def certified(self, rows: np.ndarray) -> Callable[[], dict[str, Any]]:
        """What works out the certificate of its module, from an encoded row or a window of them to its scores."""
        if self._engine is not None:
            self._engine.pull()
        places = self._piece.places_in(self._layout)
        near = np.zeros((len(rows), self.inputs), f4)
        near[:, : len(places)] = rows[:, places]
        return certifying(self.guest, self.inputs, self._outputs, self.seed, self.s, near)

    @property
    def engine(self) -> Eager:
        """What computes."""
        if self._engine is None:
            self._engine, self.reason = self._new_engine()
        return self._engine

    @property
    def road(self) -> str:
        """Which road its module takes: ``"traced"`` or ``"eager"``."""
        return self.engine.road

    def _new_engine(self) -> tuple[Eager, str]:
        """The fastest that can be had, and why it is no faster one."""
        if self.guest.road != "eager":
            try:
                return Traced(*self._arguments()), ""
            except NotTraced as why:
                if self.guest.road == "traced":
                    raise SpecError(
                        f"guest option road is 'traced', and the module can't be: {why}"
                    ) from None
                return Eager(*self._arguments()), str(why)
        return Eager(*self._arguments()), "as was asked for"

    def _arguments(self) -> tuple[Any, ...]:
        module = made(self.guest, self.inputs, self._outputs, self.seed)
        learnt = bool(self.s["count"][STEPS])
        rows = together(self.guest, module, self.inputs, self.seed)
        widths = self.inputs, self.units, rows
        return self.guest, module, self.facts, self.s, self._keys, learnt, self.classify, *widths

    def _implementation(self, module: Any) -> str:
        return torch_optimiser.implementation(
            torch_optimiser.optimiser_of(self.guest, dict(module.named_parameters()))
        )

    # state

    def _leaves(self) -> Arrays:
        if self._engine is not None:
            self._engine.pull()
        return super()._leaves()

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over leaves; they are copied.

        Raises
        ------
        StateError
            As of every stage; or when another optimiser learnt.
        """
        sizes, rule = arrays.get(f"{self.name}/sizes"), arrays.get(f"{self.name}/optimiser")
        if sizes is not None and sizes.shape == (4,) and sizes.dtype == np.int64 and (sizes >= 0).all():
            columns, values, outputs, rows = sizes.tolist()
            with OneThread():
                self._grow(columns, values, outputs)
            self._embedding.rows(rows)
            self._open()
        if rule is not None and rule.tobytes() != self.s["optimiser"].tobytes():
            here, there = self.s["optimiser"].tobytes().decode(), rule.tobytes().decode(errors="replace")
            raise StateError(f"{self.name}: the optimiser is {here!r} here and {there!r} in the state")
        super().load_state_dict(arrays)
        self._engine = None

    def __getstate__(self) -> dict[str, Any]:
        self._leaves()
        return {**self.__dict__, "_engine": None}


def _outputs(room: Room) -> int:
    return max(room.values, 2) if room.classify else 1


def _arrays_of(module: Any) -> Arrays:
    params = {f"param/{name}": p.detach().numpy().copy() for name, p in module.named_parameters()}
    return params | {f"buffer/{name}": b.numpy().copy() for name, b in module.named_buffers()}


def _widened(array: np.ndarray, places: np.ndarray, width: int) -> np.ndarray:
    out = np.zeros((*array.shape[:-1], width), array.dtype)
    out[..., places] = array
    return out
