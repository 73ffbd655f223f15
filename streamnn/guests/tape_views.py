"""Torch's operations that only look at numbers in another way, and those that put some together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from .tape import Tape, View, steps_of

Args = list[Any]


def reshaped(tape: Tape, x: View, shape: Sequence[int]) -> View:
    """The same numbers in another shape; -1 is what is left."""
    sizes = list(shape)
    if -1 in sizes:
        sizes[sizes.index(-1)] = prod(x.shape) // max(prod(n for n in sizes if n != -1), 1)
    return View(tape.flat(x).at, tuple(sizes), steps_of(sizes))


def _permuted(x: View, order: Sequence[int]) -> View:
    return View(x.at, tuple(x.shape[d] for d in order), tuple(x.steps[d] for d in order))


def _swapped(x: View, a: int, b: int) -> View:
    order = list(range(len(x.shape)))
    if order:
        order[a], order[b] = order[b], order[a]
    return _permuted(x, order)


def _selected(x: View, dim: int, i: int) -> View:
    d, i = dim % len(x.shape), i % x.shape[dim]
    return View(x.at + i * x.steps[d], x.shape[:d] + x.shape[d + 1 :], x.steps[:d] + x.steps[d + 1 :])


def _sliced(x: View, dim: int, start: int | None, stop: int | None, step: int = 1) -> View:
    d = dim % len(x.shape)
    places = range(x.shape[d])[start:stop:step]
    shape, steps = list(x.shape), list(x.steps)
    shape[d], steps[d] = len(places), x.steps[d] * step
    return View(x.at + (places.start if places else 0) * x.steps[d], tuple(shape), tuple(steps))


def _unsqueezed(x: View, dim: int) -> View:
    d = dim % (len(x.shape) + 1)
    return View(x.at, (*x.shape[:d], 1, *x.shape[d:]), (*x.steps[:d], 0, *x.steps[d:]))


def _squeezed(x: View, dims: Sequence[int] | int | None) -> View:
    if dims is None:
        dims = range(len(x.shape))
    among = {d % max(len(x.shape), 1) for d in ([dims] if isinstance(dims, int) else dims)}
    return _permuted(x, [d for d in range(len(x.shape)) if d not in among or x.shape[d] != 1])


def _expanded(x: View, shape: Sequence[int]) -> View:
    n = len(shape) - len(x.shape)
    return x.spread([x.shape[d - n] if m == -1 else m for d, m in enumerate(shape)])


def _split(x: View, sizes: int | Sequence[int], dim: int) -> list[View]:
    n = x.shape[dim]
    if isinstance(sizes, int):
        sizes = [min(sizes, n - at) for at in range(0, n, max(sizes, 1))]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [_sliced(x, dim, end - size, end) for size, end in zip(sizes, ends, strict=True)]


def _joined(tape: Tape, parts: Sequence[View], dim: int) -> View:
    parts = [p for p in parts if p.shape != (0,)]
    d = dim % len(parts[0].shape)
    sizes = [p.shape[d] for p in parts]
    shape = (*parts[0].shape[:d], sum(sizes), *parts[0].shape[d + 1 :])
    places = _split(View(0, shape, steps_of(shape)), sizes, d)
    return tape.put(shape, list(zip(places, parts, strict=True)))


def _stacked(tape: Tape, parts: Sequence[View], dim: int) -> View:
    return _joined(tape, [_unsqueezed(p, dim) for p in parts], dim)


def _placed(tape: Tape, value: View, shape: Sequence[int], place: Callable[[View], View]) -> View:
    return tape.put(shape, [(place(View(0, tuple(shape), steps_of(shape))), value)])


def _select_back(tape: Tape, args: Args) -> View:
    gradient, shape, dim, i = args
    return _placed(tape, gradient, shape, lambda x: _selected(x, dim, i))


def _slice_back(tape: Tape, args: Args) -> View:
    gradient, shape, dim, start, stop, step = args
    return _placed(tape, gradient, shape, lambda x: _sliced(x, dim, start, stop, step))


VIEW_RULES: dict[str, Callable[[Tape, Args], Any]] = {
    "t": lambda tape, a: _swapped(a[0], 0, -1) if len(a[0].shape) > 1 else a[0],
    "transpose": lambda tape, a: _swapped(*a),
    "permute": lambda tape, a: _permuted(a[0], [d % len(a[1]) for d in a[1]]),
    "view": lambda tape, a: reshaped(tape, *a),
    "reshape": lambda tape, a: reshaped(tape, *a),
    "select": lambda tape, a: _selected(*a),
    "slice": lambda tape, a: _sliced(*a),
    "unsqueeze": lambda tape, a: _unsqueezed(*a),
    "squeeze": lambda tape, a: _squeezed(a[0], a[1] if len(a) > 1 else None),
    "expand": lambda tape, a: _expanded(a[0], a[1]),
    "unbind": lambda tape, a: [_selected(a[0], a[1], i) for i in range(a[0].shape[a[1]])],
    "split": lambda tape, a: _split(*a),
    "unsafe_split": lambda tape, a: _split(*a),
    "split_with_sizes": lambda tape, a: _split(*a),
    "cat": lambda tape, a: _joined(tape, *a),
    "stack": lambda tape, a: _stacked(tape, *a),
    "select_backward": _select_back,
    "slice_backward": _slice_back,
}
