"""Tables as one block of bytes, so that an update over the air swaps data and not code.

::

    0   "SNNT"
    4   uint16 version, uint16 number of tables
    8   uint32 length of the block
    12  uint32 shape: CRC-32 of the integers that the code depends on
    16  uint32 CRC-32 of all that follows
    20  uint32 where each table begins
    ..  tables, each at a multiple of four

Numbers have their little end first.
"""

from __future__ import annotations

import zlib

import numpy as np

from .program import Program

MAGIC = b"SNNT"
BLOCK_VERSION = 1
_HEAD = 20


def shape_of(p: Program) -> int:
    """CRC-32 of all that the code depends on."""
    kinds = ",".join(f"{t.name}:{t.kind}" for t in p.all_tables())
    return zlib.crc32(np.array(p.shape, "<i4").tobytes() + kinds.encode())


def write_block(p: Program) -> bytes:
    """The tables of a program that loads them."""
    tables = p.all_tables()
    at = _HEAD + 4 * len(tables)
    places, data = [], b""
    for t in tables:
        places.append(at + len(data))
        data += t.data + bytes(-len(t.data) % 4)
    rest = np.array(places, "<u4").tobytes() + data
    head = MAGIC + np.array([BLOCK_VERSION, len(tables)], "<u2").tobytes()
    return head + np.array([_HEAD + len(rest), shape_of(p), zlib.crc32(rest)], "<u4").tobytes() + rest


def write_load(p: Program) -> None:
    """Append the function that takes such a block."""
    magic = int.from_bytes(MAGIC, "little")
    text = f"""  uint32_t crc = 0xffffffffu;
  if (length < {_HEAD} || uint32_at(tables, 0) != 0x{magic:x}u || uint32_at(tables, 2) != length) return 1;
  if ((uint32_at(tables, 1) & 0xffffu) != {BLOCK_VERSION}) return 2;
  if (uint32_at(tables, 3) != 0x{shape_of(p):x}u || uint32_at(tables, 1) >> 16 != {len(p.all_tables())}) return 3;
  for (uint32_t i = {_HEAD}; i < length; i++) {{
    crc ^= tables[i];
    for (int k = 0; k < 8; k++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }}
  if (~crc != uint32_at(tables, 4)) return 4;
  block = tables;
  return 0;
"""
    p.function(f"int {p.name}_load(const uint8_t *tables, uint32_t length)", text)
