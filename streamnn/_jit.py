"""How every kernel is compiled: cached, without fastmath (sums keep their order), IEEE division."""

from __future__ import annotations

njit_options = {"cache": True, "error_model": "numpy", "boundscheck": False}
