"""The float network that an integer network's numbers stand for: what certificates and reports are made of."""

from __future__ import annotations

import numpy as np

from ..errors import SpecError
from ..network.functions import Functions
from .float_network import FloatLayer, FloatNetwork
from .integers import INPUT_FRACTION
from .modules import Module, Output, Spline


def dequantise(modules: tuple[Module, ...], fractions: np.ndarray) -> FloatNetwork:
    """A network of the same function as the modules, but for what they round and clip at each module's end.

    Parameters
    ----------
    modules : tuple of Module
    fractions : ndarray of int, shape (inputs,)
        Fraction bits of each input.

    Returns
    -------
    FloatNetwork
        Its outputs are to the base of the modules' logits.

    Raises
    ------
    SpecError
        When a module has binary activations, which have no slope.

    Examples
    --------
    >>> i = lambda *v: np.array(v, np.int64)
    >>> last = Module(np.array([[3, -5]]), 8, i(64, 0), i(6, 7), Output(i(1, 0)))
    >>> network = dequantise((last,), i(5))
    >>> network(np.array([[1.0]]), np.zeros((1, 0), np.int32)).tolist()
    [[2.5, -1.25]]
    """
    layers = []
    scale = np.ldexp(1.0, np.asarray(fractions, np.int32) - INPUT_FRACTION)
    fraction = INPUT_FRACTION
    for l, m in enumerate(modules):
        if not isinstance(m.after, Spline | Output):
            raise SpecError(f"module {l} has binary activations: there is no slope to certify")
        unit = np.ldexp(1.0, (fraction - m.fraction).astype(np.int32))
        scale = scale if m.gather is None else scale[m.gather]
        table = None
        if m.table is not None and m.table_shift is not None:
            table = np.ldexp(m.table.astype(np.float64), -(m.fraction + m.table_shift).astype(np.int32))
        layers.append(
            FloatLayer(
                m.weights * unit * scale[:, None],
                np.ldexp(m.bias.astype(np.float64), -m.fraction.astype(np.int32)),
                dequantised_functions(m.after) if isinstance(m.after, Spline) else None,
                table,
                m.gather,
                m.skip,
                m.groups,
            )
        )
        if isinstance(m.after, Spline):
            fraction = m.after.fraction
        scale = np.ones(m.units)
    return FloatNetwork(tuple(layers))


def dequantised_functions(spline: Spline) -> Functions:
    """The activations that knots stand for."""
    units = len(spline.knots)
    return Functions(
        np.full(units, -float(spline.reach)),
        np.full(units, np.ldexp(1.0, -spline.spacing)),
        np.ldexp(spline.knots.astype(np.float64), -spline.knot_fraction[:, None].astype(np.int32)),
    )
