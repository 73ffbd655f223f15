"""A pool's networks as they were at one moment, to be looked at while it learns on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SpecError
from ..network import Network


class NetworkSnapshot:
    """Copies of networks: quick to make, and any thread may take its time over them.

    Parameters
    ----------
    networks : sequence of Network
    spans : sequence of (int, int)
        Columns of `rows` that each network reads.
    rows : ndarray of float32, shape (n, inputs)
        Places at which a steep slope is looked for.
    others : mapping of str to callable
        Of certified members that are no such networks: what gives their slopes, by name.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        spans: Sequence[tuple[int, int]],
        rows: np.ndarray,
        others: Mapping[str, Callable[[], dict[str, Any]]],
    ):
        self._others = dict(others)
        self._rows = rows.copy()
        self._members: list[tuple[Network, bool, str, tuple[int, int]]] = []
        for network, span in zip(networks, spans, strict=True):
            frozen = copy.copy(network)
            frozen.s = {name: array.copy() for name, array in network.s.items()}
            for mean, name in enumerate(network.spec.members):
                self._members.append((frozen, bool(mean), name, span))

    def find(self, name: str) -> tuple[Network, bool, tuple[int, int]]:
        """The network of a member, whether the member is its averaged weights, and the columns of a row that it reads.

        Raises
        ------
        SpecError
            When no network has this name.
        """
        for network, mean, found, span in self._members:
            if found == name:
                return network, mean, span
        names = ", ".join(found for _, _, found, _ in self._members)
        raise SpecError(
            f"no network of the pool is named {name!r}: there are {names or 'none before an event'}"
        )

    def functions(self) -> list[dict[str, Any]]:
        """Name of every member, and its learnt activation functions where it is a spline network. Quick."""
        out = []
        for net, mean, name, _ in self._members:
            # how much the last layer's units count
            above = np.abs(net.s["mean_out" if mean else "out"]).sum(0)
            used = np.ones(len(net.s["bias"]))
            used[-len(above) :] = above
            functions = net.functions(mean)
            knots = functions.places()
            bends = net.bends(mean)
            out.append(
                {"name": name, "knots": knots, "splines": functions.on(knots), "bends": bends, "used": used}
            )
        return [*out, *({"name": name} for name in self._others)]

    def slopes(self) -> list[dict[str, Any]]:
        """Slope bound and the slope an attack found, of every member. Takes most of a second."""
        out = []
        for net, mean, _, (a, b) in self._members:
            c = net.certificate(self._rows[:, a:b], mean)
            out.append({"certified": c.bound, "attacked": c.attacked, "l1_bound": c.l1_bound})
        return [*out, *(work() for work in self._others.values())]
