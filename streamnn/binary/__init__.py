"""Binarised networks that learn event by event, and their folding to integers."""

from .network import BinaryNetwork
from .spec import BinarySpec

__all__ = ["BinaryNetwork", "BinarySpec"]
