"""Networks of layers as compiled steps of one event: forward, backward and optimiser, without torch at run time."""

from __future__ import annotations

from .plan import Plan, PlanBuilder, Value

__all__ = ["Plan", "PlanBuilder", "Value"]
