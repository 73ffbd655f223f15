"""Bytes of code and stack of exported C, as compilers on this machine make it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMPILE_TIMEOUT_S = 60.0
_TARGETS_OF_CODE = (
    ("Cortex-M0", ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"]),
    ("Cortex-M4", ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"]),
    ("this machine", ["gcc"]),
)
"""Name of the core, and the compiler; all with -Os."""


@dataclass(frozen=True, slots=True)
class CodeSize:
    """Of one core.

    Parameters
    ----------
    core : str
    code_bytes : int
        Of functions alone, tables apart.
    stack_bytes : int
        No call needs more: the frames of all functions together.
    """

    core: str
    code_bytes: int
    stack_bytes: int


def code_sizes(files: Mapping[str, bytes], name: str) -> list[CodeSize]:
    """Compile a model whose tables are apart, for each core that there is a compiler for; none, none.

    Parameters
    ----------
    files : mapping of str to bytes
        What :func:`streamnn.edge.c.emit_c` gave with ``tables="bin"``.
    name : str
        Of the model.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for each, data in files.items():
            Path(folder, each).write_bytes(data)
        for core, compiler in _TARGETS_OF_CODE:
            if shutil.which(compiler[0]) is not None and (size := _size(compiler, folder, name)) is not None:
                found.append(CodeSize(core, *size))
    return found


def _size(compiler: list[str], folder: str, name: str) -> tuple[int, int] | None:
    flags = ["-std=c99", "-Os", "-ffunction-sections", "-fstack-usage", "-c", f"{name}.c", "-o", "model.o"]
    prefix = compiler[0].removesuffix("gcc")
    try:
        subprocess.run(
            [*compiler, *flags], cwd=folder, check=True, capture_output=True, timeout=COMPILE_TIMEOUT_S
        )
        told = subprocess.run(
            [f"{prefix}size", "-A", "model.o"], cwd=folder, check=True, capture_output=True, text=True,
            timeout=COMPILE_TIMEOUT_S,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None  # a compiler of another kind: the figure is left out
    code = sum(int(n) for n in re.findall(r"^\.text\S*\s+(\d+)", told, re.M))
    frames = [
        int(line.split("\t")[1])
        for path in Path(folder).glob("*.su")
        for line in path.read_text().splitlines()
    ]
    return code, sum(frames)
