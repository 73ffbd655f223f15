"""The joint power-of-two quantiser (Geng et al. 2019): a float network becomes integer modules.

Module by module in the order of the data, each on the integers that its quantised predecessors give: the fraction
bits of weights, category rows, knots and activations are chosen together, by the error of what comes out. The only
rounding of a module is at its end.
"""

from __future__ import annotations

import numpy as np

from ..errors import SpecError
from .bits import Bits
from .candidates import pre_activations
from .float_network import FloatLayer, FloatNetwork
from .integers import INPUT_FRACTION, INPUT_TOP
from .joint_search import Inflow, JointSearch
from .modules import Module, Spline

Array = np.ndarray
PER_LN2 = 1.4426950408889634
"""Natural logits times this are base-2 logits."""
_EIGHT = Bits()


def quantise(
    network: FloatNetwork,
    x: Array,
    ids: Array,
    fractions: Array,
    options: Bits = _EIGHT,
    *,
    classify: bool = True,
    slope: float = 0.0,
) -> tuple[Module, ...]:
    """An integer network that does what a float network does.

    The same modules on every machine. Whatever comes in, no integer on the way leaves 32 bits: where the fraction
    bits that fit the weights would break this, a unit gets fewer (see :func:`streamnn.edge.bounds.overflow_bounds`).

    Parameters
    ----------
    network : FloatNetwork
    x : ndarray of int32, shape (n, inputs)
        Integer inputs of a reservoir of events, at most 127 in size.
    ids : ndarray of int32, shape (n, k)
        Their category rows, -1 for none.
    fractions : ndarray of int, shape (inputs,)
        Fraction bits of each input.
    options : Bits
    classify : bool
        Whether the outputs are logits, which the modules give to the base 2.
    slope : float
        Largest slope of a dequantised activation, in size; 0 is no limit. Activations that are steeper are cut.

    Returns
    -------
    tuple of Module
        In the order of the data; the last has an :class:`~streamnn.edge.modules.Output`.

    Raises
    ------
    SpecError
        When an activation's knots do not lie on a grid whose spacing is a power of two, or the reservoir is empty or
        does not fit the network.
    LimitError
        When weights or biases are so large that no fraction bits fit 32 bits.

    Notes
    -----
    Geng et al., Dataflow-based Joint Quantization of Weights and Activations for Deep Neural Networks, 2019. Shifts
    a unit, error feedback, biases that take up the mean error, category rows and splines are ours. So is this: what a
    unit gives may be less by a constant than in the float network, so that it lies around 0 and all integers are of
    use (those of ReLU otherwise are not); the next bias takes it up.

    Examples
    --------
    >>> from streamnn.edge.float_network import FloatLayer, FloatNetwork
    >>> from streamnn.edge.modules import run_modules
    >>> layer = FloatLayer(np.array([[0.5, -0.25]]), np.array([0.0, 1.0]), None)
    >>> x, ids = np.array([[-32], [0], [32], [64]]), np.zeros((4, 0), np.int32)
    >>> modules = quantise(FloatNetwork((layer,)), x, ids, np.array([5]), classify=False)
    >>> fraction = modules[0].fraction + modules[0].after.align
    >>> (run_modules(modules, x, ids)[0] / 2.0**fraction).tolist()
    [[-0.5, 1.25], [0.0, 1.0], [0.5, 0.75], [1.0, 0.5]]
    """
    _check(network, x, fractions)
    if classify:
        network = network.scaled(PER_LN2)
    n, m = len(x), min(len(x), options.rows)
    every = np.ascontiguousarray(x, np.int64), np.ascontiguousarray(ids, np.int32)
    compared = np.arange(m) * n // m
    ints, ids = every[0][compared], every[1][compared]
    bits = np.asarray(fractions, np.int32)
    floats, scale = np.ldexp(ints.astype(np.float64), -bits), np.ldexp(1.0, INPUT_FRACTION - bits)
    modules: list[Module] = []
    wanted: list[Array] = []
    through: list[Array] = []
    for l, layer in enumerate(network.layers):
        if layer.table is None:
            ids, every = ids[:, :0], (every[0], every[1][:, :0])
        pre = _pre_activations(layer, floats, ids, wanted)
        post = pre if layer.functions is None else layer.functions.at(pre)[0]
        order = np.arange(len(layer.weights)) if layer.gather is None else layer.gather
        inflow = _inflow(layer, ints[:, order], ids, (every[0][:, order], every[1]), modules, through)
        search = JointSearch(
            layer, layer.weights * scale[order, None], inflow, pre, post, options, f"layer {l}"
        )
        modules.append(search.output() if layer.functions is None else search.spline(slope))
        ints = modules[-1](ints, ids, inflow.skipped)
        through.append(ints)
        wanted.append(post)
        every, floats, scale = (ints, ids), post, np.ones(modules[-1].units)
    return tuple(modules)


def _check(network: FloatNetwork, x: Array, fractions: Array) -> None:
    if not len(x):
        raise SpecError("quantise: the reservoir has no rows: give it at least one, better some hundreds")
    wanted = len(network.layers[0].weights)
    if x.shape[1] != wanted or len(fractions) != wanted:
        raise SpecError(
            f"quantise: the network reads {wanted} inputs, the reservoir has {x.shape[1]} and there are fraction bits "
            f"for {len(fractions)}: give it the stage's inputs and their fraction bits"
        )
    if np.abs(x).max() > INPUT_TOP:
        raise SpecError(
            f"quantise: an input is {np.abs(x).max()} in size: the stage's inputs are at most {INPUT_TOP}"
        )


def _pre_activations(layer: FloatLayer, x: Array, ids: Array, post: list[Array]) -> Array:
    if layer.gather is not None:
        x = x[:, layer.gather]
    out = np.zeros((len(x), layer.weights.shape[1]))
    table = np.zeros((0, out.shape[1])) if layer.table is None else layer.table
    pre_activations(
        np.ascontiguousarray(x), np.ascontiguousarray(layer.weights, np.float64), layer.bias.astype(np.float64),
        np.ascontiguousarray(table, np.float64), np.ascontiguousarray(ids), out,
    )  # fmt: skip
    return out + post[layer.skip] if layer.skip >= 0 else out


def _inflow(
    layer: FloatLayer,
    x: Array,
    ids: Array,
    every: tuple[Array, Array],
    modules: list[Module],
    through: list[Array],
) -> Inflow:
    fraction, low, high = INPUT_FRACTION, -INPUT_TOP, INPUT_TOP
    if modules:
        fraction, top = _fraction_and_top(modules[-1])
        low, high = -top, top - 1
    if layer.skip < 0:
        return Inflow(x, ids, every, fraction, low, high)
    return Inflow(
        x, ids, every, fraction, low, high, through[layer.skip], *_fraction_and_top(modules[layer.skip])
    )


def _fraction_and_top(module: Module) -> tuple[int, int]:
    assert isinstance(module.after, Spline)
    return module.after.fraction, 1 << (module.after.bits - 1)
