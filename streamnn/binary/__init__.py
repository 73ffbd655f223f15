"""Binarised networks that learn event by event, and their folding to integers."""

from .folding import fold
from .network import BinaryNetwork
from .spec import BinarySpec

__all__ = ["BinaryNetwork", "BinarySpec", "fold"]
