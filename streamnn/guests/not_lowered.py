"""Why a network can't be a compiled step."""

from __future__ import annotations

from ..errors import SpecError


class NotLowered(SpecError):
    """A module, optimiser or loss that compiled kernels do not know; the text is the reason, for a user to read."""
