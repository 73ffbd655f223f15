"""A lowered network with its state: what it has learnt, what it remembers, and how both are saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .._kernels.memory import zeros
from ..errors import SpecError
from ..stage import Stage, grown
from ..state import Arrays
from . import arrays as k
from .codes import CODE, DROPOUT
from .kernel import scan
from .latent import latent_grown, latent_of
from .losses import BINARY_CROSS_ENTROPY, LOSS_CODES, RECONSTRUCT
from .optimisers import Optimiser
from .plan import Plan

f4 = np.float32
_SIZED_BY_PLAN: dict[str, Callable[[Plan], tuple[int, ...]]] = {
    "table": lambda plan: (-1, plan.input.shape[-1]),
    "squares": lambda plan: (-1, plan.input.shape[-1]),
    "ring": lambda plan: (-1,),
    "held_x": lambda plan: (-1, plan.input.size),
}
"""Arrays that hold rows, and their shapes."""
Grown = Callable[[Arrays], Arrays]
_FLAT = {"w": "param", "m": "moment1", "v": "moment2"}
"""Flat arrays, and how their pieces are called in a checkpoint."""


@dataclass(frozen=True)
class Rules:
    """How a network learns.

    Parameters
    ----------
    optimiser : Optimiser
    loss : str
        One of :data:`streamnn.lowered.losses.LOSS_CODES`.
    classify : bool
        Whether labels are classes.
    batch : int
        Labels to a step.
    window : int
        Rows of a sample; 0 for one row that is no window.
    rate : float
        Step of the rows of category values.
    slope : float
        Limit of every layer's slope; 0 for none.

    Raises
    ------
    SpecError
        When the loss is not known, or not one of such labels.
    """

    optimiser: Optimiser
    loss: str
    classify: bool
    batch: int = 1
    window: int = 0
    rate: float = 0.01
    slope: float = 0.0

    def __post_init__(self) -> None:
        if self.loss not in LOSS_CODES:
            raise SpecError(f"loss {self.loss!r} is not known: {', '.join(LOSS_CODES)}")
        if not self.classify and LOSS_CODES[self.loss] <= BINARY_CROSS_ENTROPY:
            raise SpecError(f"loss {self.loss!r} is one of classes, and labels are numbers")


class LoweredNetwork(Stage):
    """A network of a plan, which predicts and learns in one compiled loop over a segment.

    Parameters
    ----------
    name : str
        Prefix of its leaves.
    plan : Plan
    rules : Rules
    seed : int
        Of dropout.
    place : int
        Of its prediction in the store.

    Raises
    ------
    SpecError
        When the plan's input is no row or window of rows, or a reconstruction has not the input's size.

    Examples
    --------
    >>> from streamnn.lowered import PlanBuilder
    >>> from streamnn.lowered.dense import linear
    >>> b = PlanBuilder((2,))
    >>> plan = b.finish(linear(b, b.input, "out", np.zeros((2, 2)), np.zeros(2)), latent=b.input)
    >>> net = LoweredNetwork("mine", plan, Rules(Optimiser("sgd", 0.5), "cross_entropy", True), seed=0, place=0)
    >>> store = {"row": np.ones((1, 2), f4), "names": np.zeros((1, 0), np.int32), "p": np.zeros((1, 1, 2), f4)}
    >>> op, slot = np.array([0, 1, 3], np.int8), np.zeros(3, np.int64)
    >>> net.scan(op, slot, np.ones(3, f4), np.ones(3, f4), 0, 2, store)
    >>> store["p"].round(1).tolist(), sorted(net.state_dict())[:4]
    ([[[0.2..., 0.8...]]], ['mine/count', 'mine/counters', 'mine/param/out.bias', 'mine/param/out.weight'])
    """

    def __init__(self, name: str, plan: Plan, rules: Rules, seed: int, place: int) -> None:
        Stage.__init__(self, name)
        self.rules, self.place = rules, place
        self._no_latent = np.zeros((0, 0), f4)
        self._latent = latent_of(plan)
        self.units = self._latent.units
        self._take(plan)
        count = np.zeros(k.COUNT_WIDTH, np.int64)
        count[k.DRAWS] = seed << 32
        self.s |= self._parameters()
        self.s["w"][...] = plan.weights
        self.s |= {
            "slow": plan.slow.copy(),
            "slow_g": np.zeros_like(plan.slow),
            "counters": plan.counters.copy(),
            "count": count,
            "table": np.zeros((0, self.width), f4),
            "squares": np.zeros((0, self.width), f4),
            "ring": np.zeros(max(rules.window - 1, 0) * self.width, f4),
            "held_x": np.zeros((rules.batch, plan.input.size), f4),
            "held_names": np.zeros((rules.batch, 0), np.int32),
            "held_target": np.zeros(rules.batch, f4),
            "held_weight": np.zeros(rules.batch, f4),
        }
        self.used = {"table": 0, "squares": 0}

    def _take(self, plan: Plan) -> None:
        # what follows from a plan
        rules = self.rules
        if len(plan.input.shape) != (2 if rules.window else 1):
            raise SpecError(f"a plan for samples of shape {plan.input.shape}, and a window of {rules.window}")
        if LOSS_CODES[rules.loss] == RECONSTRUCT and plan.output.size != plan.input.size:
            raise SpecError(f"{plan.output.size} outputs can't be compared with {plan.input.size} inputs")
        self.plan, self.width = plan, plan.input.shape[-1]
        n = np.zeros(k.S_SETTINGS, np.int64)
        n[[k.S_LOSS, k.S_CLASSIFY, k.S_BATCH]] = LOSS_CODES[rules.loss], rules.classify, rules.batch
        n[[k.S_WINDOW, k.S_WIDTH, k.S_PLACE]] = rules.window, self.width, self.place
        n[[k.S_OUTPUT, k.S_OUTPUTS, k.S_UNITS]] = plan.output.at, plan.output.size, self.units
        n[k.S_RANDOM] = DROPOUT in plan.arrays.ops[:, CODE]
        n[k.S_SETTLES] = len(plan.slow) > 0
        rates = np.array([rules.rate, rules.slope], f4)
        self._settings = k.Settings(n, rules.optimiser.hyper, rates, self._latent)
        values, kept = zeros((plan.values,), f4), zeros((plan.kept,), f4)
        self._scratch = k.Scratch(values, zeros((plan.values,), f4), zeros((len(plan.weights),), f4), kept)

    @property
    def _flat(self) -> tuple[str, ...]:
        # weights, and the moments that the rule has
        return ("w", *self.rules.optimiser.moments)

    def _parameters(self) -> dict[str, np.ndarray]:
        # room for them and all moments, each on a cache line
        return {name: zeros(self.plan.weights.shape, f4) for name in _FLAT}

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        start: int,
        width: int,
        store: Mapping[str, np.ndarray],
        latent: np.ndarray | None = None,
    ) -> None:
        """Predict at OBSERVE and LOOK, learn at LEARN; see :func:`streamnn.lowered.kernel.scan`.

        Parameters
        ----------
        op, slot : ndarray, shape (m,)
        target, weight : ndarray of float32, shape (m,)
            Class number or target, and sample weight, of LEARN operations.
        start, width : int
            Where the row that it reads begins in ``store["row"]``, and how long it is: further inputs are 0.
        store : mapping of str to ndarray
            Leaves of pending events: ``row``, ``names``, ``p``, and :attr:`window_leaf` if it reads windows.
        latent : ndarray of float32, shape (m, k), optional
            Receives the latents.
        """
        s, rows = self.s, store["row"]
        self._settings.n[[k.S_FROM, k.S_READ]] = start, width
        names = store["names"]
        if s["held_names"].shape[1] != names.shape[1]:
            self.take_names(names.shape[1])
        windows = store[self.window_leaf].reshape(len(rows), -1) if self.rules.window else rows
        scan(
            *(op, slot, target, weight),
            self._no_latent if latent is None else latent,
            k.Events(rows, names, store["p"], windows),
            self._settings,
            self.plan.arrays,
            self.learnt,
            k.Memory(*(s[name] for name in k.Memory._fields)),
            self._scratch,
        )

    def take_names(self, columns: int) -> None:
        """Make room for the category values of so many columns in the events that are put aside."""
        self.s["held_names"] = grown(self.s["held_names"], self.rules.batch, columns, fill=-1)

    @property
    def learnt(self) -> k.Learnt:
        """All that is learnt, as kernels take it: the arrays of the state."""
        return k.Learnt(*(self.s[name] for name in k.Learnt._fields))

    @property
    def window_leaf(self) -> str:
        """Under which name pending events keep their window: float32, shape (width, window)."""
        return f"{self.name}.window"

    def grow(self, plan: Plan, places: np.ndarray, weights: Grown, moments: Grown) -> None:
        """Go on with a wider plan.

        Parameters
        ----------
        plan : Plan
            For the new width.
        places : ndarray of int64
            Where the old inputs of a row lie among the new ones.
        weights, moments : callable
            From old parameters by name, or what belongs to them one to one, to those of the new plan.

        Raises
        ------
        SpecError
            When a learned order would have to grow, or the parameters can't.
        """
        s, old, inputs = self.s, self.plan, plan.input.shape[-1]
        if any(getattr(plan, name).shape != getattr(old, name).shape for name in ("slow", "counters")):
            raise SpecError(f"network {self.name!r} learns an order of its inputs, and takes no more of them")
        named = {name: old.named(s[name]) for name in self._flat}
        new = {name: (weights if name == "w" else moments)(v) for name, v in named.items()}
        self._latent = latent_grown(self._latent, old, plan, places)
        self._take(plan)
        s |= self._parameters()
        for name, v in new.items():
            s[name][...] = plan.flat(v)
        for name, shape in _SIZED_BY_PLAN.items():
            rows = s[name].reshape(-1, old.input.shape[-1])
            wide = np.zeros((len(rows), inputs), f4)
            wide[:, places] = rows
            s[name] = wide.reshape(shape(plan))

    def _leaves(self) -> dict[str, np.ndarray]:
        found = {name: v for name, v in super()._leaves().items() if name not in _FLAT}
        if self.rules.batch == 1:  # nothing waits
            found = {name: v for name, v in found.items() if not name.startswith("held_")}
        for name in self._flat:
            found |= {f"{_FLAT[name]}/{leaf}": v for leaf, v in self.plan.named(self.s[name]).items()}
        return found

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over saved leaves.

        Raises
        ------
        StateError
            When a leaf does not fit; nothing has changed then.
        """
        held = arrays.get(f"{self.name}/held_names")
        if held is not None and held.ndim == 2:  # as wide as there were columns
            self.s["held_names"] = np.full((self.rules.batch, held.shape[1]), -1, np.int32)
        given = self._given(arrays)
        self.kept = keep
        for name in self._flat:
            prefix = f"{_FLAT[name]}/"
            named = {leaf.name: given.pop(prefix + leaf.name) for leaf in self.plan.leaves}
            self.s[name][...] = self.plan.flat(named)
        for name, v in given.items():
            (self.s[name][: self.used[name]] if name in self.used else self.s[name])[...] = v
