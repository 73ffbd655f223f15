"""How far the outputs of an integer network can move: a certified slope, and what rounding adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dequantised import dequantise
from .float_network import FloatLayer, FloatNetwork
from .integers import INPUT_FRACTION
from .modules import Module, Output, Spline
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
    """

    bound: float
    rounding: float
    steepest: float
    product: float

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
        >>> EdgeCertificate(2.0, 0.5, 1.0, 2.0).radius(np.array([[3.0, 0.0], [0.1, 0.0]])).round(3).tolist()
        [0.811, 0.0]
        """
        two = np.partition(logits, -2, axis=1)[:, -2:]
        margin = (two[:, 1] - two[:, 0]) / _ROOT2
        out: Array = np.maximum((margin - self.rounding) / max(self.bound, 1e-300), 0.0)
        return out

    def margins(self, logit_fraction: int, entries: int = 33) -> Array:
        """The same as integers, for a device: entry k is the margin that certifies k / 32 standardised units.

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
        >>> EdgeCertificate(2.0, 0.5, 1.0, 2.0).margins(8, 3).tolist()
        [262, 294, 327]
        """
        reach = np.arange(entries) / (1 << INPUT_FRACTION)
        natural = _ROOT2 * ROUNDED_UP * (self.bound * reach + self.rounding)
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
    product, steepest = _product_bound(network)
    bound = product
    if all(layer.skip < 0 for layer in network.layers):
        bound = min(bound, _common_bound(network))
    return EdgeCertificate(bound, 2.0 * _rounding(modules, network) * ROUNDED_UP, steepest, product)


def _slopes(layer: FloatLayer) -> tuple[Array, Array]:
    # saturation adds pieces of slope 0
    assert layer.functions is not None
    slopes = layer.functions.slopes()
    return np.minimum(slopes.min(1), 0.0), np.maximum(slopes.max(1), 0.0)


def _product_bound(network: FloatNetwork) -> tuple[float, float]:
    reach: list[float] = []
    steepest = 0.0
    below = 1.0
    for layer in network.layers:
        bound = spectral_bound(layer.weights) * below + (reach[layer.skip] if layer.skip >= 0 else 0.0)
        if layer.functions is not None:
            most = float(np.abs(layer.functions.slopes()).max())
            steepest, bound = max(steepest, most), bound * most
        reach.append(bound * ROUNDED_UP)
        below = reach[-1]
    return below, steepest


def _common_bound(network: FloatNetwork) -> float:
    # Every product of (middle + deviation) over layers is a sum over which layers deviate. reach[i] bounds what comes
    # out of layer i as a deviation; between two deviations lies one matrix through the middles of layers.
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
        total = 0.0
        for i in range(j + 1):
            a = chain[i] if i == 0 else chain[i] * into[i - 1][1]
            for l in range(i, j):
                a = multiply(chain[l + 1] * middles[l], a)
            if j < len(into):
                a = into[j][0][:, None] * a
            total += reach[i] * spectral_bound(a)
        reach.append(total)
    return reach[-1] * ROUNDED_UP


def _in_order(layer: FloatLayer) -> Array:
    # weights of the inputs as they come, without a gather
    if layer.gather is None:
        return layer.weights
    out = np.zeros_like(layer.weights)
    out[layer.gather] = layer.weights
    return out


def _rounding(modules: tuple[Module, ...], network: FloatNetwork) -> float:
    # how far each number is from what it would be without rounding at the modules' ends
    off: list[Array] = []
    below = np.zeros(len(network.layers[0].weights))
    for m, layer in zip(modules, network.layers, strict=True):
        below = below if m.gather is None else below[m.gather]
        acc = multiply(below[None], np.abs(layer.weights))[0]
        if m.skip >= 0 and m.skip_shift is not None:
            half = np.ldexp(1.0, -(m.fraction + 1).astype(np.int32))
            acc = acc + off[m.skip] + np.where(m.skip_shift > 0, half, 0.0)
        if isinstance(m.after, Output):
            return float(np.sqrt(multiply(acc[None], acc[:, None])[0, 0]))
        assert isinstance(m.after, Spline) and layer.functions is not None
        steepest = np.abs(layer.functions.slopes()).max(1)
        shift = m.fraction - m.after.spacing + m.after.knot_fraction - m.after.fraction
        below = acc * steepest + np.where(shift > 0, np.ldexp(1.0, -(m.after.fraction + 1)), 0.0)
        off.append(below)
    return 0.0
