"""An artefact's C on this machine: compiled with its compiler, and called from Python."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ..errors import MissingCompiler, StateError
from .artefact import Artefact
from .c import emit_c, write_host
from .model import Model
from .saving import from_bytes

ARTEFACT_FILE = "artefact.safetensors"
COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-std=c99", "-O2", "-shared", "-fPIC")


def load(source: str | Path | bytes | Artefact, **options: Any) -> Model:
    """Run an artefact here, by the very C that devices run.

    Parameters
    ----------
    source : path, bytes or Artefact
        A folder that an export wrote, whose C is taken; a file that was published; or what
        :func:`streamnn.edge.saving.to_bytes` gave.
    **options
        Of :func:`streamnn.edge.c.emit_c`, where the source is no folder with C: there it is as it was written.

    Returns
    -------
    Model

    Raises
    ------
    StateError
        When there is no artefact, it is damaged, its C can't be compiled, or a folder has the C of more than one.
    SpecError
        When the artefact can't be written as C.
    MissingCompiler
        When this machine has no C compiler: :class:`streamnn.edge.Device` gives the same integers without one.

    Examples
    --------
    ::

        m = streamnn.edge.load("edge/")
        m.predict({"speed": [1.5, 2.25], "gear": ["low", "high"]})
    """
    if isinstance(source, Artefact):
        return _compiled(source, emit_c(source, vectors=0, **options), "model")
    if isinstance(source, bytes):
        artefact = from_bytes(source)
        return _compiled(artefact, emit_c(artefact, vectors=0, **options), "model")
    folder = Path(source)
    if folder.is_file():
        return load(from_bytes(folder.read_bytes(), str(folder)), **options)
    file = folder / ARTEFACT_FILE
    if not file.is_file():
        raise StateError(f"{file} is not there: give a folder that `streamnn export` wrote")
    artefact = from_bytes(file.read_bytes(), str(file))
    headers = [p for p in sorted(folder.glob("*.h")) if p.with_suffix(".c").is_file()]
    names = [p.stem for p in headers if f"{p.stem}_step(" in p.read_text()]
    if not names:
        return _compiled(artefact, emit_c(artefact, vectors=0, **options), "model")
    if len(names) > 1:
        raise StateError(
            f"{folder} has the C of more than one model ({', '.join(names)}): export each into a folder of its own"
        )
    wanted = [f"{names[0]}.h", f"{names[0]}.c", "tables.bin"]
    files = {n: (folder / n).read_bytes() for n in wanted if (folder / n).is_file()}
    return _compiled(artefact, files, names[0])


def _compiled(artefact: Artefact, files: dict[str, bytes], name: str) -> Model:
    compiler = next((c for c in COMPILERS if shutil.which(c)), None)
    if compiler is None:
        raise MissingCompiler(
            f"this machine has no C compiler ({', '.join(COMPILERS)}): install one, such as by apt-get install gcc "
            "libc6-dev; streamnn.edge.Device gives the same integers without one"
        )
    header = files[f"{name}.h"].decode()
    loads = f"#define {name.upper()}_LOADS" in header
    with tempfile.TemporaryDirectory(prefix="streamnn-edge-") as place:
        folder = Path(place)
        for file in (f"{name}.h", f"{name}.c"):
            (folder / file).write_bytes(files[file])
        (folder / "host.c").write_text(write_host(name))
        command = [compiler, *_FLAGS, f"{name}.c", "host.c", "-o", "model.so"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise StateError(f"{compiler} can't compile {name}.c: {done.stderr.strip()[-2000:]}")
        # it stays in memory when the file is gone
        library = ctypes.CDLL(str(folder / "model.so"))
    return Model(artefact, library, name, header, files["tables.bin"] if loads else None)
