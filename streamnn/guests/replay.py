"""Passes of a torch module replayed by one kernel, with the optimiser's step in the same call. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch._dispatch.python import enable_python_dispatcher

from ..errors import SpecError
from ..lowered.arrays import COUNT_WIDTH, STEPS_MADE
from ..lowered.optimisers import Optimiser
from ..state import Arrays
from . import tape_kernel as k
from .graphs import recorded
from .guest import Guest
from .tape import NotKnown, Tape, View
from .tape_ops import DECOMPOSED, translated

MOST_WORK = 40_000
"""Multiplications an operation, in the mean, from which on torch's own are taken: at 33,000, layers of 512, the kernel
took three quarters of TorchScript's time, at 9,000 two fifths."""
LONGEST = 64
"""The longest window: a recurrent layer is as many operations as it has steps."""

f4 = np.float32


class _Back(NamedTuple):
    """A way forward and back."""

    code: np.ndarray
    rest: np.ndarray
    """Without the operations of a prediction."""
    results: list[View | None]
    there: list[bool]
    out: list[np.ndarray | None]
    """The numbers of the results."""


class Replay:
    """Passes and steps of a module, whose parameters lie in one flat array with all that is computed of them.

    Parameters
    ----------
    guest : Guest
    tensors : dict of str to Tensor
        Parameters, those learnt first, and buffers.
    learnt : int
        How many are learnt.
    forward : callable
        Of `tensors` and rows: predictions and latents.
    backward : callable
        Of whether the gradient by the rows is asked for, `tensors`, rows, targets and weights: the loss, latents,
        gradients, None where there is none.
    samples : sequence of Tensor
        Rows, targets and weights of the shapes that there will be.
    together : int
        How many rows are predicted at once.

    Raises
    ------
    NotKnown
        When an operation has no kernel, or torch's are faster.
    """

    def __init__(
        self,
        guest: Guest,
        tensors: dict[str, Tensor],
        learnt: int,
        forward: Callable[..., Any],
        backward: Callable[..., list[Tensor | None]],
        samples: Sequence[Tensor],
        together: int,
    ) -> None:
        if guest.window > LONGEST:
            raise NotKnown(f"a window of {guest.window}")
        if other := [name for name, t in tensors.items() if t.dtype != torch.float32]:
            raise NotKnown(f"{other[0]} of another type than float32")
        self._tape = tape = Tape()
        self._places = {name: tape.fresh(t.shape) for name, t in tensors.items()}
        self._learnt = list(tensors)[:learnt]
        self._n = sum(tensors[name].numel() for name in self._learnt)
        self._gradient = tape.fresh((self._n,))
        rows, y, w = samples
        own, flat = tuple(self._places.values()), [t.detach() for t in tensors.values()]
        self._given = tuple(tape.fresh(t.shape) for t in samples)
        self._shares = together == len(rows)
        self._few = self._given[0] if self._shares else tape.fresh(rows[:together].shape)
        with _in_small_operations():
            said = self._recorded(forward, (*own, self._few), *flat, rows[:together])
            asked, self._say = set(tape.used), tape.taken()
            self._back = {
                by_row: self._recorded_back(backward, by_row, own, asked, *flat, rows, y, w)
                for by_row in (False, True)
            }
        if tape.work > MOST_WORK * len(tape.code):
            raise NotKnown(f"{tape.work} multiplications in {len(tape.code)} operations")
        self._x = tape.array()
        for name, t in tensors.items():
            self._places[name].of(self._x)[...] = t.detach().numpy()
        self._in = [v.of(self._x) for v in self._given]
        self._row, self._out = self._few.of(self._x), [v.of(self._x) for v in said]
        self._back = {
            by_row: b._replace(out=[None if v is None else v.of(self._x) for v in b.results])
            for by_row, b in self._back.items()
        }
        self._asked, self._said = b"", (self._x[:0], self._x[:0])
        self._hyper: np.ndarray | None = None

    def _recorded(self, f: Callable[..., Any], given: Sequence[View], *args: Tensor) -> list[View]:
        module = recorded(f, args, DECOMPOSED)
        self._tape.used = set()
        return translated(module, self._tape, given)

    def _recorded_back(
        self, backward: Any, by_row: bool, own: Sequence[View], asked: set[int], *args: Tensor
    ) -> _Back:
        there: list[bool] = []

        def f(*args: Tensor) -> list[Tensor]:
            found = backward(by_row, *args)
            there[:] = [g is not None for g in found]
            return [g for g in found if g is not None]

        found, tape = iter(self._recorded(f, (*own, *self._given), *args)), self._tape
        results = [next(found) if one else None for one in there]
        at = self._gradient.at
        for i, name in enumerate(self._learnt):
            shape, g = self._places[name].shape, results[2 + i]
            place = View(at, shape, self._places[name].steps)
            at += int(np.prod(shape))
            if g is not None:
                tape.copy(g, place)
                results[2 + i] = place
        return _Back(tape.taken(), tape.taken(asked), results, there, [])

    # the optimiser

    def take(self, arrays: Arrays, tensors: dict[str, Tensor], guest: Guest, started: bool) -> None:
        """Let parameters be those of this array; and moments, where the optimiser's step is a kernel's.

        `arrays` then hold views of it, so that a state is always what is computed on.
        """
        for name, t in tensors.items():
            own = self._places[name].of(self._x)
            t.data = torch.from_numpy(own)
            for kind in ("param", "buffer"):
                if f"{kind}/{name}" in arrays:
                    arrays[f"{kind}/{name}"] = own
        if callable(guest.optimizer) or not all(self._back[False].there):
            return
        try:
            rule = Optimiser.named(guest.optimizer, guest.lr, guest.optimizer_options)
        except SpecError:
            return
        count, self._count = np.zeros(COUNT_WIDTH, np.int64), arrays.get("step", np.zeros(0, f4))
        if started:
            count[STEPS_MADE] = int(self._count[0]) if len(self._count) else 1
        m = self._moment(arrays, "moment1", "m" in rule.moments)
        v = self._moment(arrays, "moment2", "v" in rule.moments)
        self._flats = k.Flat(self._x[: self._n], m, v, count)
        self._hyper, self._g = rule.hyper, self._gradient.of(self._x)

    def _moment(self, arrays: Arrays, kind: str, used: bool) -> np.ndarray:
        flat = np.zeros(self._n if used else 0, f4)
        for name in self._learnt if used else ():
            own = self._places[name].of(flat)
            own[...] = arrays[f"{kind}/{name}"]
            arrays[f"{kind}/{name}"] = own
        return flat

    @property
    def steps(self) -> bool:
        """Whether :meth:`learn` makes the optimiser's step."""
        return self._hyper is not None

    # passes

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`streamnn.guests.traced.Traced.predict`."""
        asked = x.tobytes()
        if asked != self._asked:
            self._row[...] = x
            k.replay(self._say, self._x)
            p, z = self._out
            self._said, self._asked = (p.copy(), z.copy()), asked
        return self._said

    def backward(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, by_row: bool) -> list[np.ndarray | None]:
        """The loss, latents and gradients, in memory that the next call writes to."""
        back = self._back[by_row]
        k.replay(self._read(back, x, y, w), self._x)
        return back.out

    def learn(
        self, x: np.ndarray, y: np.ndarray, w: np.ndarray, by_row: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """As :meth:`streamnn.guests.eager.Eager.learn`."""
        assert self._hyper is not None
        back = self._back[by_row]
        code, loss, z, last = self._read(back, x, y, w), back.results[0], back.out[1], back.out[-1]
        assert loss is not None and z is not None
        if not k.replay_and_step(code, self._x, loss.at, self._hyper, self._flats, self._g):
            return z, None
        self._count += 1
        return z, last.copy() if by_row and last is not None else _NONE

    def _read(self, back: _Back, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Take rows, targets and weights; the operations that are left to do."""
        known = self._shares and x.tobytes() == self._asked
        self._asked = b""
        rows, targets, weights = self._in
        targets[...], weights[...] = y, w
        if known:
            return back.rest
        rows[...] = x
        return back.code


@contextmanager
def _in_small_operations() -> Iterator[None]:
    """Recurrent layers are recorded step by step within it."""
    with _one_records:
        before = torch._C._get_mkldnn_enabled()
        torch._C._set_mkldnn_enabled(False)
        try:
            with enable_python_dispatcher():
                yield
        finally:
            torch._C._set_mkldnn_enabled(before)


_one_records = Lock()  # the switch is the process's
_NONE = np.zeros(0, np.float32)
