"""A running job's metrics, by the conventions of Prometheus. Needs prometheus-client."""

from .families import FAMILIES, Family
from .registry import make_registry

__all__ = ["FAMILIES", "Family", "make_registry"]
