"""A running job, looked at: views made between two batches, and the live page drawn from them."""

from .view import View
from .watch import Watch

__all__ = ["View", "Watch"]
