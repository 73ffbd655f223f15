"""An artefact as C99: header, source, a test of itself with vectors, and tables apart if wanted."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from ...errors import SpecError
from ..artefact import Artefact
from .blocks import write_block, write_load
from .header import write_header
from .network import Options, write_network
from .plan import write_plan
from .program import Program
from .selftest import write_test


def emit_c(
    artefact: Artefact,
    name: str = "model",
    tables: Literal["source", "bin"] = "source",
    *,
    probabilities: bool = False,
    surprise: bool | None = None,
    radius: bool | None = None,
    decide: float = 0.5,
    vectors: int = 64,
) -> dict[str, bytes]:
    """C99 that does what the artefact does, integer for integer.

    Integers only: no heap, no division, no library, nothing undefined for sensors of 15 bits. Only what the artefact
    needs is written.

    Parameters
    ----------
    artefact : Artefact
    name : str
        What public names and files begin with.
    tables : {"source", "bin"}
        Tables in the source, or in ``tables.bin``, which the device loads and an update over the air replaces;
        ``plan.json`` says what they mean, for :mod:`streamnn.edge.micropython`.
    probabilities : bool
        Whether events hold probabilities; always so where the device learns.
    surprise, radius : bool, optional
        Whether events hold them; where the artefact can say, if left out.
    decide : float
        Of two classes: how probable the second must be to be chosen.
    vectors : int
        Events of the test; 0 for no test.

    Returns
    -------
    dict of str to bytes
        File names and their content: header, source, and a test of itself with its vectors.

    Raises
    ------
    SpecError
        Where the artefact can't be written so: what leaves 32 bits, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn.edge import InputStage, Module, Output, Sensor
    >>> i = lambda *v: np.array(v, np.int64)
    >>> stage = InputStage((), i(0), i(11), np.ones(1, bool), i(0, 0), i(), i())
    >>> last = Module(np.array([[3, -3]]), 8, i(7, 0), i(9, 9), Output(i(0, 0)))
    >>> files = emit_c(Artefact((Sensor("speed"),), stage, (last,), ("no", "yes")))
    >>> list(files)
    ['model.h', 'model.c', 'model_test.c', 'vectors.h']
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise SpecError(f"name {name!r}: small letters, digits and underscores, a letter first")
    if tables not in ("source", "bin"):
        raise SpecError(f"tables {tables!r}: 'source' or 'bin'")
    if not 0.0 < decide < 1.0:
        raise SpecError(f"decide {decide}: a probability between 0 and 1")
    if not artefact.classes:  # a number is predicted: nothing is learnt, nothing is certain
        artefact = replace(artefact, learning="off", surprise=None, bound=0.0)
    if artefact.learning == "layer" and len(artefact.modules) < 2:
        raise SpecError("learning 'layer' of a network of one module: there is no hidden layer, use 'bias'")
    classes = len(artefact.classes)
    if classes and classes != artefact.outputs:
        raise SpecError(f"{classes} classes, but {artefact.outputs} outputs")
    can = artefact.surprise is not None and len(artefact.modules) > 1 and classes > 0
    safe = artefact.bound > 0.0 and classes > 1
    options = Options(
        probabilities=classes > 0 and (probabilities or artefact.learning != "off"),
        surprise=can if surprise is None else surprise and can,
        radius=safe if radius is None else radius and safe,
        decide=decide,
    )
    loads = tables == "bin"
    p = Program(name, loads)
    write_network(p, artefact, options)
    files = {}
    if loads:
        files["tables.bin"] = write_block(p)
        write_load(p)
        files["plan.json"] = write_plan(p, artefact, options)
    files[f"{name}.h"] = write_header(name, artefact, options, loads).encode()
    files[f"{name}.c"] = f'#include "{name}.h"\n\n{p.text()}'.encode()
    if vectors:
        files |= write_test(name, artefact, options, files.get("tables.bin"), vectors)
    return files
