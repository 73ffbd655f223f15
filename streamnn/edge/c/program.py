"""A C program as it is put together: tables, numbers, functions, and of the helpers those that are called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from .helpers import HELPERS
from .storage import KINDS, Table

_BYTES = ("int8", "uint8")


@dataclass(slots=True)
class Program:
    """Text of functions, and the constants that they read.

    Parameters
    ----------
    name : str
        What public names begin with.
    loads : bool
        Whether constants lie in a block of bytes that is handed over at run time; else they are part of the source.
    """

    name: str
    loads: bool
    tables: list[Table] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    shape: list[int] = field(default_factory=list)
    functions: list[tuple[str, str]] = field(default_factory=list)

    def table(self, name: str, kind: str, values: np.ndarray) -> str:
        """Constants to be read with :meth:`at` and, if they are bytes, by their name."""
        self.tables.append(Table(name, kind, np.asarray(values, np.int64).ravel()))
        return name

    def kind(self, name: str) -> str:
        """Kind of a table."""
        return next(t.kind for t in self.tables if t.name == name)

    def at(self, name: str, index: str) -> str:
        """One constant."""
        kind = self.kind(name)
        if self.loads and kind not in _BYTES:
            return f"{kind}_at({name}, {index})"
        return f"{name}[{index}]"

    def number(self, name: str, value: int) -> str:
        """A constant that another publication may have otherwise."""
        if not self.loads:
            return f"({value})" if value < 0 else str(value)
        self.numbers[name] = value
        return f"int32_at(numbers, {list(self.numbers).index(name)})"

    def baked(self, *values: int) -> None:
        """Integers that the code depends on: tables made for others do not fit it."""
        self.shape += [int(v) for v in values]

    def function(self, head: str, body: str) -> None:
        """A function; constants that its body reads are found."""
        self.functions.append((head, body))

    def _whole(self, head: str, body: str) -> str:
        lines = ""
        for i, t in enumerate(self.all_tables() if self.loads else ()):
            if re.search(rf"\b{t.name}\b", body):
                kind, cast = ("int8_t", "(const int8_t *)") if t.kind == "int8" else ("uint8_t", "")
                lines += f"  const {kind} *const {t.name} = {cast}table_at({i});\n"
        return f"{head} {{\n{lines}{body}}}\n"

    def text(self) -> str:
        """Tables, helpers and functions, each before who needs it."""
        code = "\n".join(self._whole(*f) for f in self.functions)
        called, more = [], True
        while more:
            seen = code + "".join(HELPERS[h] for h in called)
            found = [h for h in HELPERS if h not in called and re.search(rf"\b{h}\(", seen)]
            called += found
            more = bool(found)
        helpers = "".join(HELPERS[h] for h in HELPERS if h in called)
        tables = "" if self.loads else "".join(_array(t) for t in self.tables)
        return f"{tables}\n{helpers}\n{code}"

    def all_tables(self) -> list[Table]:
        """In the order of the block of bytes: the numbers first, if there are any."""
        if not self.numbers:
            return self.tables
        return [Table("numbers", "int32", np.array(list(self.numbers.values()), np.int64)), *self.tables]


def _array(t: Table) -> str:
    assert t.kind in KINDS
    end = "u" if t.kind == "uint32" else ""
    v = [f"{x}{end}" for x in t.values.tolist()] or ["0"]
    lines = ",\n  ".join(", ".join(v[i : i + 16]) for i in range(0, len(v), 16))
    return f"static const {t.kind}_t {t.name}[{len(v)}] = {{\n  {lines}}};\n"
