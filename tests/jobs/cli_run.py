"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]
"""Takes arguments; gives the exit code, standard output and standard error."""


def good(path: Path, n: int = 300) -> str:
    path.write_text("".join(f'{{"x": {i % 17}, "y": {i % 17 % 2}}}\n' for i in range(n)))
    return str(path)
