"""Evaluates the Verilog that streamnn writes, for tests without a simulator: wires with their widths, tables, one assign."""

from __future__ import annotations

import re

_WIRE = re.compile(r"wire (signed )?(?:\[(\d+):0\] )?(\w+) =\s*(.*?);", re.DOTALL)
_FUNCTION = re.compile(
    r"function (signed )?\[(\d+):0\] (\w+);\s*input (?:signed )?\[\d+:0\] (\w+);(.*?)endfunction", re.DOTALL
)
_CASE = re.compile(r"(default|\d+'s?d\d+): \w+ = (-?\d+'s?d\d+);")
_ASSIGN = re.compile(r"assign logits\[\d+:\d+\] = (\w+);")


def evaluate(text: str, ports: dict[str, list[int]]) -> list[int]:
    """The 32-bit logits of a module that :func:`streamnn.edge.verilog.emit_verilog` wrote.

    Parameters
    ----------
    text : str
    ports : dict of str to (list of int, bits)
        Numbers of each input port, the first in the lowest bits.
    """
    text = re.sub(r"//.*", "", text)
    names: dict[str, object] = {"bits": _bits, "where": lambda c, a, b: a if c else b}
    for name, (values, width) in ports.items():
        names[name] = sum((v % (1 << width)) << (width * k) for k, v in enumerate(values))
    for signed, top, name, _, body in _FUNCTION.findall(text):
        table = {key: _wrapped(_number(v), int(top) + 1, bool(signed)) for key, v in _CASE.findall(body)}
        other = table.pop("default")
        rows = {_number(key): v for key, v in table.items()}
        names[name] = lambda at, rows=rows, other=other: rows.get(at, other)
    for signed, top, name, expression in _WIRE.findall(
        re.sub(r"function.*?endfunction", "", text, flags=re.DOTALL)
    ):
        value = eval(_python(" ".join(expression.split())), {}, names)
        names[name] = _wrapped(int(value), int(top or 0) + 1, bool(signed))
    return [int(names[name]) for name in _ASSIGN.findall(text)]


def _bits(v: int, high: int, low: int) -> int:
    return (v >> low) & ((1 << (high - low + 1)) - 1)


def _wrapped(v: int, bits: int, signed: bool) -> int:
    v %= 1 << bits
    return v - (1 << bits) if signed and v >> (bits - 1) else v


def _number(literal: str) -> int:
    return int(re.sub(r"\d+'s?d", "", literal))


def _python(e: str) -> str:
    e = re.sub(r"\$signed\(\{1'b0, (\w+), 1'b0\}\)", r"(\1 << 1)", e)
    e = re.sub(r"\$signed\(\{1'b0, (\w+), (\d+)'d0\}\)", r"(\1 << \2)", e)
    e = re.sub(r"\$signed\(\{1'b0, (\w+)\}\)", r"\1", e)
    e = re.sub(r"\d+'s?d(\d+)", r"\1", e)
    e = re.sub(r"(\w+)\[(\d+):(\d+)\]", r"bits(\1, \2, \3)", e)
    e = e.replace("<<<", "<<").replace(">>>", ">>")
    e = re.sub(r"!(\w+)", r"(1 - \1)", e)
    e = re.sub(r"\((\w+) \? (-?\d+) : (-?\d+)\)", r"where(\1, \2, \3)", e)
    return _chosen(e)


def _chosen(e: str) -> str:
    condition, mark, rest = e.partition(" ? ")
    if not mark:
        return e
    one, _, other = rest.partition(" : ")
    return f"where({condition}, {one}, {_chosen(other)})"
