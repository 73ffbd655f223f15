"""A torch module as a member of a pool. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import nn

from ..errors import SpecError, StateError
from ..features.layout import Layout
from ..lowered.arrays import COUNT_WIDTH, HELD_LABELS, LABELS_TAKEN, SKIPPED, STEPS_MADE
from ..members.member import Leaves, Member, Room, Segment
from ..state import Arrays
from ..types import EXPIRE, LEARN, OBSERVE
from . import torch_optimiser
from .certified import certifying
from .device import device_of, start_of_draws
from .eager import Eager
from .growth import Step
from .guest import Guest
from .guest_rows import GuestRows
from .latent import latent_units
from .making import arrays_of, facts_of, made, together, trained
from .one_thread import OneThread
from .questions import Questions
from .traced import NotTraced, Traced

f4 = np.float32
_EAGER = "eager"
"""Leaf of a state that was learnt eagerly where another road was open: it goes on so, with the same bits."""


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
        self._outputs = _outputs(room)
        self.s = {
            "sizes": np.array([room.layout.columns, room.values, self._outputs, 0], np.int64),
            "count": np.zeros(COUNT_WIDTH, np.int64),
        }
        self.rows = GuestRows(guest, name, self.s, room)
        with OneThread():
            self.facts = facts_of(guest, self.inputs, self._outputs, self.seed, self.classify)
            module = self._made()
            self.units = latent_units(guest, module, self.inputs) if watched else 0
            moments, self._keys, rule = torch_optimiser.zero_moments(guest, trained(module))
            self.s |= {
                **arrays_of(module),
                **moments,
                "optimiser": np.frombuffer(rule.encode(), np.uint8).copy(),
            }
            if guest.road == "eager":
                self.s[_EAGER] = np.zeros(1, np.uint8)
            if self.facts.draws:
                self.s["random"] = start_of_draws(device_of(guest), self.seed)
        self.grows = not self.facts.rule.columns
        self._engine: Eager | None = None
        self._open()

    @property
    def inputs(self) -> int:
        """How many the module has now."""
        return self.rows.inputs

    def leaves(self, room: Room) -> Leaves:
        """What it keeps of a pending event, see :meth:`GuestRows.leaves`."""
        return self.rows.leaves(room)

    # growth

    def make_room(self, room: Room) -> None:
        """Take classes in at once, and columns when they first differ from 0."""
        self.rows.open(room.layout)
        if room.values != self.rows.piece.values or _outputs(room) != self._outputs:
            values = room.values if self.grows else self.rows.piece.values
            self._grow(self.rows.piece.columns, values, _outputs(room))
        self._open()

    def _grow(self, columns: int, values: int, outputs: int) -> None:
        if self._engine is not None:
            self._engine.pull()
        step = Step(self.rows.widen(columns, values), self.inputs, self._outputs, outputs)
        self._outputs = self.s["sizes"][2] = outputs
        rule, s = self.facts.rule, self.s
        for kind in {leaf.partition("/")[0] for leaf in s if leaf.partition("/")[2] in rule.axes}:
            old = {name: s[leaf] for name in rule.axes if (leaf := f"{kind}/{name}") in s}
            new = step.weights(old, rule) if kind == "param" else step.moments(old, rule)
            s |= {f"{kind}/{name}": v for name, v in new.items()}
        for name, b in self._made().named_buffers():
            if tuple(b.shape) != s[f"buffer/{name}"].shape:
                s[f"buffer/{name}"] = b.numpy().copy()
        self._engine = None
        self._open()

    def _open(self) -> None:
        """Room for a micro-batch, and for rows of which predictions are wanted."""
        n = self.guest.batch
        self._batch = np.zeros((n, *self.rows.shape), f4)
        self._questions = Questions(n, self.rows.shape, self.classify)
        self._y, self._w = np.zeros(n, np.int64 if self.classify else f4), np.ones(n, f4)

    # operations

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE and LOOK, learn at LEARN."""
        start, stop = layout.span(*self.reads)
        pieces, rows = store["row"][:, start:stop], self.rows
        with OneThread():
            for i, (op, slot) in enumerate(zip(segment.op.tolist(), segment.slot.tolist(), strict=True)):
                if op == EXPIRE:
                    continue
                if op == LEARN:
                    rows.read_again(pieces, store, slot)
                    self._learn(segment, store, i)
                    continue
                if op == OBSERVE:
                    self._take_columns(segment, store, pieces[slot])
                    rows.embedding.make_room(store["names"][slot])
                rows.read(pieces, store, slot)
                self._ask(segment, store, i, slot)
                if op == OBSERVE:
                    rows.keep(store, slot)
            self._answer(segment, store)

    def _take_columns(self, segment: Segment, store: Arrays, row: np.ndarray) -> None:
        piece = self.rows.piece
        if self.grows and (columns := self.rows.columns_for(row)) != piece.columns:
            self._answer(segment, store)
            self._grow(columns, piece.values, self._outputs)

    def _ask(self, segment: Segment, store: Arrays, i: int, slot: int) -> None:
        """Note that a prediction of what was read is wanted for an operation; its slot is -1 for latents alone."""
        self.rows.with_names(self._questions.place(i, slot))
        if len(self._questions) >= self.engine.together:
            self._answer(segment, store)

    def _answer(self, segment: Segment, store: Arrays) -> None:
        if len(self._questions):
            latents = segment.latent if self.watched else None
            self._questions.answer(self.engine, store["p"][:, self.place], latents)

    def _learn(self, segment: Segment, store: Arrays, i: int) -> None:
        """The label of what was read has come."""
        count, batch = self.s["count"], self.guest.batch
        own = batch == 1 and not self.facts.two_modes  # then a step's way forward is that of a prediction
        if self.watched and not own:
            self._ask(segment, store, i, -1)
        target, weight = segment.target[i], segment.weight[i]
        count[LABELS_TAKEN] += 1
        if batch > 1:
            self.rows.hold(int(count[HELD_LABELS]), target, weight)
            count[HELD_LABELS] += 1
        if batch == 1 or count[HELD_LABELS] == batch:
            self._answer(segment, store)
            latents = self._make_step(target, weight)
            if self.watched and own:
                segment.latent[i, : self.units] = latents[0]
        if self.facts.settles:
            self._answer(segment, store)
            row, y = np.zeros((1, *self.rows.shape), f4), np.full(1, target).astype(self._y.dtype)
            self.rows.with_names(row[0])
            self.engine.after_label(row, y)

    def _make_step(self, target: float, weight: float) -> np.ndarray:
        """A step on the micro-batch, or on what was read; the latents before it."""
        s, embedding = self.s, self.rows.embedding
        if self.guest.batch > 1:
            names, self._y[:], self._w[:] = s["held/names"], s["held/target"], s["held/weight"]
            for row, ids, out in zip(s["held/row"], names, self._batch, strict=True):
                embedding.add(row, ids, out)
            s["count"][HELD_LABELS] = 0
        else:
            names, self._y[0], self._w[0] = self.rows.ids[None], target, weight
            self.rows.with_names(self._batch[0])
        latents, gradient = self.engine.learn(self._batch, self._y, self._w, max(names[:, 0].tolist()) >= 0)
        s["count"][SKIPPED if gradient is None else STEPS_MADE] += 1
        if gradient is not None and len(gradient):
            embedding.learn(names, gradient)
        return latents

    def reopen(self) -> None:
        """There was an alarm: what was settled for good is learnt again."""
        if self.facts.settles:
            self.engine.reopen()

    # the module

    def certified(self, rows: np.ndarray) -> Callable[[], dict[str, Any]]:
        """What works out the certificate of its module, from an encoded row or a window of them to its scores."""
        if self._engine is not None:
            self._engine.pull()
        places = self.rows.piece.places_in(self.rows.layout)
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
        if self.guest.road == "eager" or (_EAGER in self.s and self.guest.road != "traced"):
            return Eager(*self._arguments()), "as was asked for"
        try:
            engine = Traced(*self._arguments())
        except NotTraced as why:
            if self.guest.road == "traced":
                raise SpecError(f"guest option road is 'traced', and the module can't be: {why}") from None
            return Eager(*self._arguments()), str(why)
        return engine, engine.reason

    def _arguments(self) -> tuple[Any, ...]:
        module = self._made()
        learnt = bool(self.s["count"][STEPS_MADE])
        rows = together(self.guest, module, self.inputs, self.seed)
        widths = self.inputs, self.units, rows
        return self.guest, module, self.facts, self.s, self._keys, learnt, self.classify, *widths

    def _made(self) -> nn.Module:
        return made(self.guest, self.inputs, self._outputs, self.seed)

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
            self.rows.embedding.rows(rows)
        if rule is not None and rule.tobytes() != self.s["optimiser"].tobytes():
            here, there = self.s["optimiser"].tobytes().decode(), rule.tobytes().decode(errors="replace")
            raise StateError(f"{self.name}: the optimiser is {here!r} here and {there!r} in the state")
        mark = f"{self.name}/{_EAGER}"
        if mark in arrays:
            self.s[_EAGER] = np.zeros(1, np.uint8)
        elif _EAGER in self.s:
            arrays = {**arrays, mark: self.s[_EAGER]}
        super().load_state_dict(arrays)
        self._engine = None

    def __getstate__(self) -> dict[str, Any]:
        self._leaves()
        return {**self.__dict__, "_engine": None}


def _outputs(room: Room) -> int:
    return max(room.values, 2) if room.classify else 1
