"""Quantisers to hold the joint one against, and what each costs on networks of a moment.

The controls share everything with the product but what they are about: `max-range` searches nothing; `separate` rounds
the matrix product, the bias' addition and the activation one after another, as networks do whose operations are
quantised alone. The output layer gives accumulators in all of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamnn.edge.bits import Bits
from streamnn.edge.float_network import FloatLayer, FloatNetwork
from streamnn.edge.fractions import largest_fraction, to_integers
from streamnn.edge.integers import INPUT_FRACTION, rounded_shift
from streamnn.edge.modules import Module, Output, Spline, run_modules
from streamnn.edge.quantiser import quantise
from streamnn.edge.spline_grid import knot_integers, power_of_two_grid

Array = np.ndarray
BIAS_BITS = 8
"""Of the separate control's biases, at least."""


@dataclass(frozen=True, slots=True)
class Separate:
    """A hidden layer whose operations round one after another: three roundings instead of one."""

    linear: Module
    bias: Array
    product_fraction: int
    bias_fraction: int
    sum_fraction: int
    after: Spline
    roundings = 3

    def __call__(self, x: Array, ids: Array) -> Array:
        """What comes out, shape (n, units)."""
        bits = self.after.bits
        m = self.linear
        a = clipped(rounded_shift(m.accumulate(x, ids), m.fraction - self.product_fraction), bits)
        both = max(self.product_fraction, self.bias_fraction)
        a = (a << (both - self.product_fraction)) + (self.bias << (both - self.bias_fraction))
        a = clipped(rounded_shift(a, both - self.sum_fraction), bits)
        lift = max(self.after.spacing - self.sum_fraction, 0)
        return self.after(a << lift, np.full(m.units, self.sum_fraction + lift))


def clipped(v: Array, bits: int) -> Array:
    """Within so many bits."""
    return np.clip(v, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def quantise_separately(
    network: FloatNetwork, x: Array, ids: Array, fractions: Array, options: Bits
) -> Callable[[Array, Array], Array]:
    """Logits of integer inputs and rows, where each operation's fraction bits are chosen by its own error.

    ``options.search`` is how many more are tried for each; 0 takes those that clip nothing.
    """
    pre, post = network.run(x * 2.0 ** -np.asarray(fractions, float), ids)
    scale = 2.0 ** (INPUT_FRACTION - np.asarray(fractions, float))
    z, fraction = x.astype(np.int64), INPUT_FRACTION
    layers: list[Separate] = []
    for layer, a, h in zip(network.layers, pre, post, strict=True):
        weights = layer.weights * scale[:, None]
        linear = linear_map(replace(layer, weights=weights), fraction, options)
        scale = np.ones(linear.units)
        if layer.functions is None:
            wanted = a.mean(0) * 2.0**linear.fraction - linear.accumulate(z, ids).mean(0)
            last = replace(linear, bias=np.rint(wanted).astype(np.int64))
            break
        product = linear.accumulate(z, ids) * 2.0**-linear.fraction
        bias = a.mean(0) - product.mean(0)
        bits = options.activations
        product_fraction = own_fraction(product, bits, options.search)
        sum_fraction = own_fraction(a, bits, options.search)
        bias_fraction = own_fraction(bias, max(bits, BIAS_BITS), min(options.search, 1))
        centre = around_0(h, bits)
        after = spline(layer, centre, options, own_fraction(h - centre, bits, options.search))
        layers.append(
            Separate(
                linear,
                to_integers(bias, np.array(bias_fraction), max(bits, BIAS_BITS)),
                product_fraction,
                bias_fraction,
                sum_fraction,
                after,
            )
        )
        z, fraction = layers[-1](z, ids), after.fraction

    def run(x: Array, ids: Array) -> Array:
        z = x.astype(np.int64)
        for layer in layers:
            z = layer(z, ids)
        return last(z, ids)

    return run


def linear_map(layer: FloatLayer, fraction: int, options: Bits) -> Module:
    """Weights and category rows, each with the fraction bits that fit them best alone; no bias."""
    nw = own_fractions(layer.weights, options.weights, options.search)
    table = shift = None
    if layer.table is not None:
        nt = own_fractions(layer.table, options.of_table, options.search)
        table, shift = to_integers(layer.table, nt, options.of_table), nt - fraction - nw
    acc = nw + fraction
    return Module(
        to_integers(layer.weights, nw, options.weights), options.weights, np.zeros(len(nw), np.int64), acc,
        Output(max(int(acc.max()), 0) - acc), table, shift,
    )  # fmt: skip


def around_0(h: Array, bits: int) -> Array:
    """Constants by which activations are less where that saves a bit, as in the product; zeros elsewhere."""
    middle = (h.max(0) + h.min(0)) / 2.0
    saved = largest_fraction(np.abs(h - middle).max(), bits) > largest_fraction(np.abs(h).max(), bits)
    return middle if saved else 0.0 * middle


def spline(layer: FloatLayer, centre: Array, options: Bits, fraction: int) -> Spline:
    """Activations less a constant, whose knots have the fraction bits that fit them best alone."""
    assert layer.functions is not None
    spacing, reach = power_of_two_grid(layer.functions, "layer")
    values = layer.functions.values - centre[:, None]
    nc = own_fractions(values.T, options.knots, options.search)
    knots = knot_integers(values, nc, options.knots, spacing, 0.0)
    return Spline(knots, nc, spacing, reach, fraction, options.activations)


def own_fraction(v: Array, bits: int, search: int) -> int:
    """Fraction bits of one array, by its own squared error."""
    return int(own_fractions(v.reshape(-1, 1), bits, search)[0])


def own_fractions(v: Array, bits: int, search: int) -> Array:
    """Fraction bits of each column, by its own squared error."""
    least = largest_fraction(np.abs(v).max(0, initial=0.0), bits)
    tried = [least + d for d in range(search + 1)]
    lost = [((to_integers(v, n, bits) * 2.0**-n - v) ** 2).sum(0) for n in tried]
    return np.choose(np.argmin(lost, 0), tried)


def all_bits(n: int, **options: Any) -> Bits:
    """Everything in n bits."""
    return Bits(n, n, n, **options)


def joint(options: Bits) -> Callable[..., Callable[[Array, Array], Array]]:
    """The product's quantiser as a control is called."""

    def made(
        network: FloatNetwork, x: Array, ids: Array, fractions: Array
    ) -> Callable[[Array, Array], Array]:
        modules = quantise(network, x, ids, fractions, options, classify=False)
        return lambda x, ids: run_modules(modules, x.astype(np.int64), ids)[-1]

    return made


def separate(options: Bits) -> Callable[..., Callable[[Array, Array], Array]]:
    """The control that rounds each operation."""

    def made(
        network: FloatNetwork, x: Array, ids: Array, fractions: Array
    ) -> Callable[[Array, Array], Array]:
        return quantise_separately(network, x, ids, fractions, options)

    return made


ARMS: Mapping[str, Callable[[int], Callable[..., Callable[[Array, Array], Array]]]] = {
    "separate": lambda n: separate(all_bits(n, search=0)),
    "separate + search": lambda n: separate(all_bits(n)),
    "max-range": lambda n: joint(all_bits(n, search=0, feedback=False)),
    "joint search": lambda n: joint(all_bits(n, feedback=False)),
    "joint search + feedback": lambda n: joint(all_bits(n, feedback=True)),
}
"""All numbers in n bits, but biases and the output's accumulators."""
WEIGHT_ARMS: Mapping[str, Callable[[int], Callable[..., Callable[[Array, Array], Array]]]] = {
    "W n A8 K8, max-range": lambda n: joint(Bits(n, search=0, feedback=False)),
    "W n A8 K8, joint search": lambda n: joint(Bits(n, feedback=False)),
    "W n A8 K8, + feedback": lambda n: joint(Bits(n, feedback=True)),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A network of one moment, the reservoir it is quantised on, and the events after it.

    Parameters
    ----------
    name : str
    network : FloatNetwork
    fractions : ndarray of int, shape (inputs,)
    x, ids : ndarray
        Of the reservoir.
    test_x, test_ids, y : ndarray
        Of the events on which it is scored, frozen; class numbers.
    """

    name: str
    network: FloatNetwork
    fractions: Array
    x: Array
    ids: Array
    test_x: Array
    test_ids: Array
    y: Array


def cost_table(
    snapshots: Sequence[Snapshot],
    bits: Sequence[int] = (8, 6, 5, 4, 3),
    arms: Mapping[str, Callable[[int], Callable[..., Callable[[Array, Array], Array]]]] | None = None,
) -> list[dict[str, Any]]:
    """Points of accuracy that each quantiser adds to the float networks', mean over snapshots, worst name in brackets.

    Snapshots of the same name are of one stream: their mean counts once, and may be the worst.
    """
    arms = {**ARMS, **WEIGHT_ARMS} if arms is None else arms
    floats = [
        accuracy(s.network(s.test_x * 2.0 ** -np.asarray(s.fractions, float), s.test_ids), s.y)
        for s in snapshots
    ]
    rows = []
    for n in bits:
        row: dict[str, Any] = {"bits": n}
        for arm, made in arms.items():
            lost: dict[str, list[float]] = {}
            for s, best in zip(snapshots, floats, strict=True):
                run = made(n)(s.network, s.x, s.ids, s.fractions)
                lost.setdefault(s.name, []).append(accuracy(run(s.test_x, s.test_ids), s.y) - best)
            means = {k: statistics.fmean(v) for k, v in lost.items()}
            worst = min(means, key=means.__getitem__)
            row[arm] = f"{statistics.fmean(means.values()):+.2f} ({means[worst]:+.2f} {worst})"
        rows.append(row)
    return rows


def logit_fraction(modules: tuple[Module, ...]) -> int:
    """Fraction bits of the logits."""
    last = modules[-1]
    assert isinstance(last.after, Output)
    return int((last.fraction + last.after.align)[0])


def accuracy(logits: Array, y: Array) -> float:
    """Per cent of events whose largest logit is the label's."""
    return 100.0 * float((logits.argmax(1) == y).mean())
