"""What passes between the modules of a model in C: arrays on the stack."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(slots=True)
class Flow:
    """How a module's inputs lie in the C.

    Parameters
    ----------
    name : str
        Array of int8.
    width : int
    order : ndarray of int64, shape (width,), or None
        Entry i of the array is input order[i] of the artefact; None for as they are.
    signs : bool
        Whether all are -1 or 1.
    words : str
        Array of words with the same signs; empty if there is none.
    sparse : bool
        Whether many are 0, so that their rows are skipped.
    """

    name: str
    width: int
    order: np.ndarray | None = None
    signs: bool = False
    words: str = ""
    sparse: bool = False


@dataclass(slots=True)
class Body:
    """Statements, and the arrays on the stack that they need: type and name to length."""

    text: str = ""
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict)

    def array(self, kind: str, name: str, length: int) -> None:
        """Ask for an array at least so long."""
        self.arrays[name] = (kind, max(length, self.arrays.get(name, (kind, 0))[1]))

    def declarations(self) -> str:
        """As C."""
        return "".join(f"  {kind} {name}[{n}];\n" for name, (kind, n) in self.arrays.items())
