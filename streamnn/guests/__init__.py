"""Networks that a user brings: how one is made, which road it takes, and how it becomes a member of a pool."""

from __future__ import annotations

from .guest import Guest

__all__ = ["Guest"]
