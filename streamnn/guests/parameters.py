"""A module's parameters, as operations of its plan take them. Imports torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ..lowered.plan import Plan
from .not_lowered import NotLowered


class Parameters:
    """Which operation has which parameter; each may have one.

    Parameters
    ----------
    module : Module
    """

    def __init__(self, module: nn.Module) -> None:
        self._names = {id(p): name for name, p in module.named_parameters()}
        self._used: set[str] = set()
        self._leaves: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._layers = 0

    def taken(self, parameters: dict[str, Tensor | None]) -> tuple[str, dict[str, Any]]:
        """A name for an operation, and its parameters as arrays.

        Raises
        ------
        NotLowered
            Where one is no parameter of its own; the text is to be read after the layer's name.
        """
        name, self._layers = f"layer{self._layers}", self._layers + 1
        arrays: dict[str, Any] = {}
        for key, p in parameters.items():
            arrays[key] = None
            if p is None:
                continue
            own = self._names.get(id(p))
            if own is None:
                how = "is computed from others" if p.requires_grad else "is not learnt"
                raise NotLowered(f"has a {key} that {how}, which the compiled kernel does not know")
            if own in self._used:
                raise NotLowered(
                    f"uses the parameter '{own}' once more: the compiled kernel knows no shared ones"
                )
            if not p.requires_grad:
                raise NotLowered(f"has the frozen parameter '{own}', and the compiled kernel learns all")
            self._used.add(own)
            self._leaves[f"{name}.{key}"] = own, tuple(p.shape)
            arrays[key] = p.detach().numpy()
        return name, arrays

    def named(self, plan: Plan) -> Plan:
        """The plan, its parameters with the names, shapes and order of the module.

        Raises
        ------
        NotLowered
            Where it lacks one.
        """
        order = list(self._names.values())
        for name in order:
            if name not in self._used:
                raise NotLowered(f"parameter '{name}' takes no part in what the module gives")
        leaves = []
        for leaf in plan.leaves:
            own, shape = self._leaves[leaf.name]
            leaves.append(leaf._replace(name=own, shape=shape))
        return replace(plan, leaves=tuple(sorted(leaves, key=lambda leaf: order.index(leaf.name))))
