"""Hardware: an integer network and its requantisers as Verilog-2005."""

from .bench import Port, emit_test_bench
from .network import category_rows, emit_verilog, id_bits
from .requantisers import Requantiser, requantisers

__all__ = [
    "Port",
    "Requantiser",
    "category_rows",
    "emit_test_bench",
    "emit_verilog",
    "id_bits",
    "requantisers",
]
