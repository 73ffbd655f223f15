"""How far the outputs of an integer network can move: a certified slope, and what rounding adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dequantised import dequantise
from .float_network import FloatLayer, FloatNetwork
from .integers import INPUT_FRACTION
from .modules import Module, Spline
from .spectral import ROUNDED_UP, balance, multiply, spectral_bound

Array = np.ndarray
LN2 = 0.6931471805599453
_ROOT2 = 1.4142135623730951


@dataclass(frozen=True, slots=True)
class EdgeCertificate:
    """No two events with the same categories have outputs further apart than bound * distance + rounding.

    Distances are l2: of inputs in standardised units, of outputs in natural logits, or in units of the network's
    output where a number is predicted. It holds for the modules as published; what a device learns in its last layer
    (``learning = "layer"``) is not in it, biases are.

    Parameters
    ----------
    bound : float
    rounding : float
    steepest : float
        Largest slope of a dequantised activation, in size.
    product : float
        The simplest bound: spectral norms times steepest activations, never below `bound`.
    pair_bound, pair_rounding : ndarray of float64, shape (outputs, outputs)
        The same of the difference of two outputs: at most root 2 times as much, and mostly less.
    """

    bound: float
    rounding: float
    steepest: float
    product: float
    pair_bound: Array
    pair_rounding: Array

    @property
    def of_margins(self) -> tuple[float, float]:
        """Slope and rounding of the worst pair over root 2: what may stand for `bound` and `rounding` in a radius."""
        return float(self.pair_bound.max()) / _ROOT2, float(self.pair_rounding.max()) / _ROOT2

    def radius(self, logits: Array) -> Array:
        """How far each event may move without another class in front, in standardised units.

        Parameters
        ----------
        logits : ndarray of float64, shape (n, classes)
            Natural, of the integer network.

        Returns
        -------
        ndarray of float64, shape (n,)
            0 where nothing is certain.

        Examples
        --------
        >>> both = np.array([[0.0, 2.5], [2.5, 0.0]])
        >>> certificate = EdgeCertificate(2.0, 0.5, 1.0, 2.0, both, 0.2 * both)
        >>> certificate.radius(np.array([[3.0, 0.0], [0.1, 0.0]])).tolist()
        [1.0, 0.0]
        """
        first = logits.argmax(1)
        lead = np.take_along_axis(logits, first[:, None], 1) - logits
        reach = (lead - self.pair_rounding[first]) / np.maximum(self.pair_bound[first], 1e-300)
        np.put_along_axis(reach, first[:, None], np.inf, 1)
        out: Array = np.maximum(reach.min(1), 0.0)
        return out

    def margins(self, logit_fraction: int, entries: int = 33) -> Array:
        """The same as integers, for a device: entry k is the margin that certifies k / 32 standardised units.

        It takes the worst pair of classes.

        Parameters
        ----------
        logit_fraction : int
            Of the artefact's base-2 logits.
        entries : int

        Returns
        -------
        ndarray of int64, shape (entries,)
            In units of the logits. An event whose two largest logits differ by no less is certain so far.

        Examples
        --------
        >>> both = np.array([[0.0, 2.5], [2.5, 0.0]])
        >>> EdgeCertificate(2.0, 0.5, 1.0, 2.0, both, 0.2 * both).margins(8, 3).tolist()
        [185, 214, 243]
        """
        reach = np.arange(entries) / (1 << INPUT_FRACTION)
        natural = ROUNDED_UP * (self.pair_bound.max() * reach + self.pair_rounding.max())
        return np.floor(np.ldexp(natural / LN2, logit_fraction)).astype(np.int64) + 1


def certify_modules(modules: tuple[Module, ...], fractions: Array, classify: bool = True) -> EdgeCertificate:
    """Certificate of an integer network: of the numbers its integers stand for, with what it rounds and clips.

    The same bits on every machine. Without residual connections the smaller of two bounds: the product of the layers'
    spectral norms and steepest activations; and the one that takes each slope as its middle plus or minus half its
    span (see :func:`streamnn.network.certificate.certify`). With them, the product bound over both ways.

    Parameters
    ----------
    modules : tuple of Module
    fractions : ndarray of int, shape (inputs,)
        Fraction bits of each input.
    classify : bool
        Whether the outputs are base-2 logits.

    Raises
    ------
    SpecError
        When a module has binary activations, which have no slope.
    """
    network = dequantise(modules, fractions)
    if classify:
        network = network.scaled(LN2)
    below, steepest = _below(network)
    out = network.layers[-1].weights
    product = spectral_bound(out) * below * ROUNDED_UP
    ways = [(below, out.T)]
    bound, pairs = product, _pair_norms(ways)
    if all(layer.skip < 0 for layer in network.layers):
        ways = _common(network)
        bound = min(bound, sum(reach * spectral_bound(way) for reach, way in ways) * ROUNDED_UP)
        pairs = np.minimum(pairs, _pair_norms(ways))
    pairs = np.minimum(pairs, _ROOT2 * bound) * (1.0 - np.eye(len(pairs)))
    off = _rounding(modules, network)
    each = multiply(off[None], np.abs(out))[0]
    rounding = 2.0 * float(np.sqrt(multiply(each[None], each[:, None])[0, 0])) * ROUNDED_UP
    apart = np.abs(out[:, :, None] - out[:, None, :]).reshape(len(out), -1)
    of_pairs = 2.0 * multiply(off[None], apart).reshape(out.shape[1], -1) * ROUNDED_UP
    return EdgeCertificate(bound, rounding, steepest, product, pairs * ROUNDED_UP, of_pairs)


def _slopes(layer: FloatLayer) -> tuple[Array, Array]:
    # saturation adds pieces of slope 0
    assert layer.functions is not None
    slopes = layer.functions.slopes()
    return np.minimum(slopes.min(1), 0.0), np.maximum(slopes.max(1), 0.0)


def _below(network: FloatNetwork) -> tuple[float, float]:
    # slope from the inputs to the last hidden layer, by products of norms; the steepest activation
    reach: list[float] = []
    below, steepest = 1.0, 0.0
    for layer in network.layers[:-1]:
        assert layer.functions is not None
        bound = spectral_bound(layer.weights) * below + (reach[layer.skip] if layer.skip >= 0 else 0.0)
        most = float(np.abs(layer.functions.slopes()).max())
        below, steepest = bound * most * ROUNDED_UP, max(steepest, most)
        reach.append(below)
    return below, steepest


def _common(network: FloatNetwork) -> list[tuple[float, Array]]:
    # Every product of (middle + deviation) over layers is a sum over which layers deviate. reach[i] bounds what comes
    # out of layer i as a deviation; between two deviations lies one matrix through the middles of layers. Given are
    # the ways to the outputs from each last deviation.
    chain = [_in_order(layer).T for layer in network.layers]
    middles, into = [], []
    for l, layer in enumerate(network.layers[:-1]):
        low, high = _slopes(layer)
        middles.append((low + high) / 2.0)
        root = np.sqrt((high - low) / 2.0)
        d = balance(root[:, None] * chain[l], chain[l + 1] * root)
        into.append((root * d, root / d))
    reach = [1.0]
    for j in range(len(chain)):
        ways = []
        for i in range(j + 1):
            a = chain[i] if i == 0 else chain[i] * into[i - 1][1]
            for l in range(i, j):
                a = multiply(chain[l + 1] * middles[l], a)
            ways.append((reach[i], a if j == len(into) else into[j][0][:, None] * a))
        if j < len(into):
            reach.append(sum(r * spectral_bound(a) for r, a in ways))
    return ways


def _pair_norms(ways: list[tuple[float, Array]]) -> Array:
    # norms of the differences of two rows, (outputs, outputs)
    total = np.zeros((len(ways[0][1]),) * 2)
    for reach, way in ways:
        apart = way[:, None, :] - way[None, :, :]
        squares = multiply((apart * apart).reshape(-1, way.shape[1]), np.ones((way.shape[1], 1)))
        total += reach * np.sqrt(squares).reshape(total.shape)
    return total


def _in_order(layer: FloatLayer) -> Array:
    # weights of the inputs as they come, without a gather
    if layer.gather is None:
        return layer.weights
    out = np.zeros_like(layer.weights)
    out[layer.gather] = layer.weights
    return out


def _rounding(modules: tuple[Module, ...], network: FloatNetwork) -> Array:
    # how far each number of the last hidden layer is from what it would be without rounding at the modules' ends
    off: list[Array] = []
    below = np.zeros(len(network.layers[0].weights))
    for m, layer in zip(modules[:-1], network.layers, strict=False):
        assert isinstance(m.after, Spline) and layer.functions is not None
        acc = multiply((below if m.gather is None else below[m.gather])[None], np.abs(layer.weights))[0]
        if m.skip >= 0 and m.skip_shift is not None:
            half = np.ldexp(1.0, -(m.fraction + 1).astype(np.int32))
            acc = acc + off[m.skip] + np.where(m.skip_shift > 0, half, 0.0)
        shift = m.fraction - m.after.spacing + m.after.knot_fraction - m.after.fraction
        half = np.where(shift > 0, np.ldexp(1.0, -(m.after.fraction + 1)), 0.0)
        below = acc * np.abs(layer.functions.slopes()).max(1) + half
        off.append(below)
    last = modules[-1]
    return below if last.gather is None else below[last.gather]
