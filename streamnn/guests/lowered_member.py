"""A network that was lowered as a member of a pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import SpecError
from ..features.layout import Layout
from ..lowered.latent import latent_stays
from ..lowered.network import LoweredNetwork, Rules
from ..lowered.optimisers import Optimiser
from ..lowered.plan import Plan
from ..lowered.reopening import reopen_network, rewire_network
from ..members.member import Leaves, Member, Room, Segment
from ..state import Arrays
from .growth import Rule, Shapes, Step, find_rule
from .guest import Guest

PlanOf = Callable[[int, int], Plan]
"""``plan_of(inputs, outputs)``."""


class LoweredMember(LoweredNetwork, Member):
    """A user's network in a pool as compiled steps: nothing of torch is left at run time.

    Parameters
    ----------
    guest : Guest
    name : str
        Of its prediction, and the prefix of its arrays.
    watched : bool
        Whether it writes its latents.
    room : Room
    plan_of : callable, optional
        ``plan_of(inputs, outputs)`` makes a plan; the guest's own `make` does if it is not given.
    optimiser : Optimiser, optional
        The guest's by name if it is not given.
    loss : str
        Of :data:`streamnn.lowered.losses.LOSS_CODES`; the guest's by name if it is empty.
    rule : Rule, optional
        What grows with columns and classes; found by trying if it is not given.

    Raises
    ------
    SpecError
        When `make` gives no plan of that width, or optimiser or loss are not known here.

    Examples
    --------
    >>> import numpy as np
    >>> from functools import partial
    >>> from streamnn import Classifier
    >>> from streamnn.guests import Guest
    >>> from streamnn.lowered import PlanBuilder
    >>> from streamnn.lowered.activations import activation
    >>> from streamnn.lowered.dense import linear
    >>> def make(inputs, outputs):
    ...     b, rng = PlanBuilder((inputs,)), np.random.default_rng(0)
    ...     h = linear(b, b.input, "0", rng.normal(size=(16, inputs)), np.zeros(16))
    ...     h = activation(b, h, "relu")
    ...     return b.finish(linear(b, h, "2", rng.normal(size=(outputs, 16)) / 4, np.zeros(outputs)), latent=h)
    >>> model = Classifier(members=[partial(LoweredMember, Guest(make), "mine", False)])
    >>> for i in range(30):
    ...     model.learn_one({"a": i % 3}, "yes" if i % 3 else "no")
    >>> [name for name in sorted(model.state_dict()[0]) if name.startswith("mine/param")]
    ['mine/param/0.bias', 'mine/param/0.weight', 'mine/param/2.bias', 'mine/param/2.weight']
    """

    compiled = True
    wants = ("names",)

    def __init__(
        self,
        guest: Guest,
        name: str,
        watched: bool,
        room: Room,
        plan_of: PlanOf | None = None,
        optimiser: Optimiser | None = None,
        loss: str = "",
        rule: Rule | None = None,
    ) -> None:
        self.guest, self._plan_of, self._seed = guest, plan_of or guest.make, room.seed
        self._inputs = max(room.layout.width(guest.reads), 1)
        self._outputs = _outputs(guest, room, self._inputs)
        rules = Rules(
            optimiser or _optimiser(guest),
            loss or _loss(guest, room.classify),
            room.classify,
            guest.batch,
            guest.window,
            guest.lr,
            guest.slope,
        )
        plan = self._new_plan(self._inputs, self._outputs)
        LoweredNetwork.__init__(self, name, plan, rules, room.seed, room.place)
        self.take_names(max(room.layout.columns, 1))
        self.names, self.reads, self.watched = (name,), guest.reads, watched
        self._rule = rule or find_rule(
            self._shapes_of_plan, self._inputs, self._outputs, room.classify, guest.mirrors
        )
        self.grows = not self._rule.columns and self._stays()
        if not self.grows and room.classify and guest.rows == "history":
            raise SpecError(
                f"guest {name!r} has rows='history', which widen with every class, and takes no more inputs: take 'context'"
            )
        if self._rule.classes:
            raise SpecError(f"guest {name!r} can't have more outputs: {self._rule.classes}")

    def leaves(self, room: Room) -> Leaves:
        """The window of a pending event, inputs first."""
        width = max(room.layout.width(self.reads), 1)
        return {self.window_leaf: (np.float32, (width, self.guest.window))} if self.guest.window else {}

    def moved(self, room: Room) -> Arrays:
        """Where the inputs of such a window lie now."""
        return {self.window_leaf: self._piece(room)[0]} if self.guest.window else {}

    def make_room(self, room: Room) -> None:
        """Grow with rows and labels."""
        places, inputs = self._piece(room)
        if not self.grows:
            places, inputs = np.arange(self._inputs), self._inputs
        outputs = _outputs(self.guest, room, inputs)
        if (inputs, outputs) != (self._inputs, self._outputs):
            step, rule = Step(places, inputs, self._outputs, outputs), self._rule
            self._inputs, self._outputs = inputs, outputs
            self.grow(
                self._new_plan(inputs, outputs),
                places,
                lambda old: step.weights(old, rule),
                lambda old: step.moments(old, rule),
            )
        self.take_names(max(room.layout.columns, 1))
        for name in self.used:
            self.reserve(name, room.category_rows)

    def reopen(self) -> None:
        """Learn committed shuffles and groupings again, as where some inputs changed places.

        An alarm does not say how many did, and may be a false one: ``"part"`` keeps three tenths of the old order and
        settles within 11,000 labels, where ``"all"`` forgets it for 35,000.
        """
        reopen_network(self.plan, self.learnt, "part")

    def rewire(self, order: np.ndarray) -> None:
        """What was input j is input ``order[j]`` from now on; predictions stay what they were.

        What was learnt of category values moves along. Labels of events that were predicted before are learnt as if
        their inputs lay as they do now.

        Parameters
        ----------
        order : array of int, shape (inputs,)
            Of :func:`streamnn.permutations.fingerprints.rewired`.

        Raises
        ------
        SpecError
            As :func:`~streamnn.lowered.reopening.rewire_network`, and of windows; nothing is changed then.
        """
        rewire_network(self.plan, self.learnt, order)
        for name in ("table", "squares", "held_x"):
            a = self.s[name]
            a[:, order] = a.copy()

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE and LOOK, learn at LEARN."""
        start, stop = layout.span(*self.reads)
        self.scan(
            *(segment.op, segment.slot, segment.target, segment.weight),
            start,
            min(stop - start, self._inputs),
            store,
            segment.latent if self.watched else None,
        )

    def certified(self, rows: np.ndarray) -> Callable[[], dict[str, Any]] | None:
        """What works out the certificate of the torch module that was lowered; None where it was none, or learns an
        order of channels, which lies in no parameter."""
        if self._plan_of is self.guest.make or len(self.plan.slow):
            return None
        from .certified import certifying

        arrays = {f"param/{name}": w for name, w in self.plan.named(self.s["w"]).items()}
        near = np.ascontiguousarray(rows[:, : self._inputs])
        return certifying(self.guest, self._inputs, self._outputs, self._seed, arrays, near)

    def _piece(self, room: Room) -> tuple[np.ndarray, int]:
        places, inputs = room.piece(self.reads)
        # it read one input that was always 0 if there was none
        return (places, inputs) if len(places) else (np.zeros(1, np.int64), max(inputs, 1))

    def _new_plan(self, inputs: int, outputs: int) -> Plan:
        plan = self._plan_of(inputs, outputs)
        if not isinstance(plan, Plan):
            raise SpecError(f"a guest's make gave a {type(plan).__name__}, no plan of a lowered network")
        shape = (self.guest.window, inputs) if self.guest.window else (inputs,)
        if plan.input.shape != shape or plan.output.size != outputs:
            seen = f"samples of shape {plan.input.shape} and {plan.output.size} outputs"
            raise SpecError(f"a guest's make gave a plan for {seen}: {shape} and {outputs} are needed")
        return plan

    def _shapes_of_plan(self, inputs: int, outputs: int) -> Shapes:
        return {leaf.name: leaf.shape for leaf in self._plan_of(inputs, outputs).leaves}

    def _stays(self) -> bool:
        # whether a learned order, and where a latent lies that is wanted, do not depend on how many inputs there are
        if not (self.watched or len(self.plan.slow)):
            return True
        wider = self._plan_of(self._inputs + 1, self._outputs)
        return wider.slow.shape == self.plan.slow.shape and (
            not self.watched or latent_stays(self.plan, wider)
        )


def _outputs(guest: Guest, room: Room, inputs: int) -> int:
    if guest.mirrors:
        return inputs
    return max(room.values, 2) if room.classify else 1


def _optimiser(guest: Guest) -> Optimiser:
    if not isinstance(guest.optimizer, str):
        raise SpecError("an optimizer that is a function has to be lowered before its network is")
    return Optimiser.named(guest.optimizer, guest.lr, guest.optimizer_options)


def _loss(guest: Guest, classify: bool) -> str:
    found = guest.loss_for(classify)
    if not isinstance(found, str):
        raise SpecError("a loss that is a function is not lowered")
    return found
