"""Whether weights lie within the Lipschitz budget of a spec."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import StateError
from .functions import Functions
from .spec import NetworkSpec

_TOLERANCE = 1.0 + 1e-6  # a norm that was set to its budget may be off by this much


def check_budget(
    spec: NetworkSpec, weights: Mapping[str, np.ndarray], functions: Functions, advice: str
) -> None:
    """Refuse weights that are outside the budget; what is not a number is inside.

    Parameters
    ----------
    spec : NetworkSpec
    weights : mapping of str to ndarray
        Matrices by name: ``first`` and those that begin with ``hidden``, units in columns; ``out``, outputs in rows.
        Others are not looked at.
    functions : Functions
        Of all units.
    advice : str
        What to do, for the error.

    Raises
    ------
    StateError
        Names the network, the weights and the limit that they break.
    """
    found = {"activations": (np.abs(functions.slopes()).max(initial=0.0), "slope", spec.slope)}
    for name, w in weights.items():
        if name == "out" or name == "first" or name.startswith("hidden"):
            field, axis = ("out_norm", 1) if name == "out" else ("row_norm", 0)
            norms = np.sqrt((w.astype(np.float64) ** 2).sum(axis))
            found[name] = (norms.max(initial=0.0), field, getattr(spec, field))
    for name, (most, field, cap) in found.items():
        if cap > 0 and most > cap * _TOLERANCE:
            raise StateError(
                f"network {spec.name}: {name} reach {most:.6g} where the budget {field} is {cap:g}: {advice}"
            )
