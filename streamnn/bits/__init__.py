"""Networks of signs at hardware speed: packed bits, XNOR products, and learning that touches bits alone."""

from __future__ import annotations

from .network import BitNetwork
from .packing import pack, transposed, unpack
from .spec import BitSpec
from .xnor import xnor_product

__all__ = ["BitNetwork", "BitSpec", "pack", "transposed", "unpack", "xnor_product"]
