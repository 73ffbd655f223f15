"""Names and raw values in, encoded rows out."""

from .layout import Layout
from .schema import Schema

__all__ = ["Layout", "Schema"]
