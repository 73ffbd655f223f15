"""How every kernel is compiled: cached, without fastmath (sums keep their order), IEEE division."""

from __future__ import annotations

njit_options = {"cache": True, "error_model": "numpy", "boundscheck": False}
leaf_options = {**njit_options, "_nrt": False}
"""For functions that a kernel calls at every event and that make no array: without this each call counts references
to every array it is given, which cost a 64-unit network half its time."""
