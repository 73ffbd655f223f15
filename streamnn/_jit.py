"""How every kernel is compiled: cached, without fastmath (sums keep their order), IEEE division."""

from __future__ import annotations

njit_options = {"cache": True, "error_model": "numpy", "boundscheck": False}
leaf_options = {
    "error_model": "numpy",
    "boundscheck": False,
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
"""For what only kernels call and what makes no array. The kernel is cached and holds it. Without `_nrt` off, each
call would count references to every array it is given, which cost a 64-unit network half its time."""
