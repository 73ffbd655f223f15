"""Binarised networks that learn event by event."""

from .network import BinaryNetwork
from .spec import BinarySpec

__all__ = ["BinaryNetwork", "BinarySpec"]
