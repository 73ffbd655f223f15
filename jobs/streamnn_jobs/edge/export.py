"""From a checkpoint to a folder of files for a device."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamnn.edge import Artefact
from streamnn.edge.c import emit_c
from streamnn.edge.load import ARTEFACT_FILE
from streamnn.edge.saving import to_bytes
from streamnn.edge.student.reservoir import readings
from streamnn.errors import SpecError, StateError

from ..outputs.folder import make_folder, write_files
from ..run.edge_figures import edge_figures, edge_windows
from ..run.summary import plain
from ..version import VERSION
from .code_size import code_sizes
from .cost_report import cost_report
from .export_facts import ExportFacts
from .held_out import HeldOut, float_score, hold_out, in_formats
from .recorded_test import recorded_test
from .saved_student import SavedStudent, open_student
from .variants import Variant, has_widths, measured, quantised, recommended, variants

RECORDED = 256
"""Last events that are written as a test."""
_TO = "--to"
_UPDATE = "update/"
"""Folder of the model that loads its tables."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported.

    Parameters
    ----------
    name : str
        Of files and functions.
    weights, bits : int or None
        Bits of weights alone, or of weights, activations and their tables; what was published where both are None.
    network : str or None
        Kind that the student must be of.
    verilog, qonnx : bool
        Whether these are written too.
    """

    name: str = "model"
    weights: int | None = None
    bits: int | None = None
    network: str | None = None
    verilog: bool = False
    qonnx: bool = False


def export(target: str, folder: Path, wish: Wish, say: Callable[[str], None]) -> ExportFacts:
    """Write what a device needs, and what tells whether it is any good.

    Parameters
    ----------
    target : str
        A checkpoint, or a folder of them.
    folder : Path
        Files that are there already are replaced one by one; others stay.
    wish : Wish
    say : callable
        Told, in words, what a person should know.

    Raises
    ------
    StateError
        When there is no checkpoint, it has no student, or nothing of it may leave.
    SpecError
        When the student is not what is wished for.
    SinkError
        When a file can't be written.
    """
    make_folder(folder, _TO)
    saved = open_student(target, say)
    _check_network(saved, wish)
    held = hold_out(saved.student)
    found = variants(saved.student, held)
    chosen = _chosen(saved, found, held, wish)
    if chosen not in found:
        found = [*found, chosen]
    if saved.refused and chosen.published:
        say(f"the newest publication was refused, {saved.refused}: this is the one before it")
    files = device_files(saved, chosen.artefact, wish)
    certificate = _certificate(saved, chosen, held, files)
    facts = ExportFacts(
        title=f"{saved.worker.source} on the edge",
        source=saved.worker.source,
        variants=found,
        chosen=chosen,
        recommended=recommended(found),
        float_scores=float_score(saved.student, held),
        held=held,
        field=edge_figures(saved.worker) or {},
        windows=edge_windows(saved.worker),
        files=files,
        certificate=certificate,
        sizes=code_sizes(
            {k.removeprefix(_UPDATE): v for k, v in files.items() if k.startswith(_UPDATE)}, wish.name
        ),
    )
    about = json.dumps(plain(certificate), indent=2).encode() + b"\n"
    # what says that all is there comes last
    write_files(folder, {**files, "report.html": cost_report(facts), "certificate.json": about}, _TO)
    return facts


def device_files(saved: SavedStudent, artefact: Artefact, wish: Wish) -> dict[str, bytes]:
    """Contents of all files but the page and the certificate, by their names."""
    student = saved.student
    at = student.reservoir.last(RECORDED)
    raw = readings(in_formats(student, artefact, student.reservoir.s["v"][at]))
    label = student.reservoir.s["label"][at]
    files = {ARTEFACT_FILE: to_bytes(artefact), **emit_c(artefact, wish.name)}
    # the same model whose tables an update over the air replaces
    files |= {f"{_UPDATE}{k}": v for k, v in emit_c(artefact, wish.name, "bin").items()}
    files |= recorded_test(artefact, raw, label).files(wish.name)
    if wish.verilog:
        from streamnn.edge.verilog import emit_verilog

        files |= {f"verilog/{k}": v for k, v in emit_verilog(artefact, wish.name).items()}
    if wish.qonnx:
        from streamnn.edge.qonnx import to_qonnx

        files[f"{wish.name}.onnx"] = to_qonnx(artefact)
    return files


def _check_network(saved: SavedStudent, wish: Wish) -> None:
    has = str(saved.spec.get("edge.network"))
    if wish.network is not None and wish.network != has:
        raise SpecError(
            f"{saved.path}: its student is a {has} network, and --{wish.network} was asked for. A network is learnt as "
            f"what it is: run the job from its beginning with --set edge.network={wish.network}"
        )


def _chosen(saved: SavedStudent, found: list[Variant], held: HeldOut, wish: Wish) -> Variant:
    if wish.weights is None and wish.bits is None:
        return next(v for v in found if v.published)
    weights, others = wish.bits or wish.weights or 8, wish.bits or 8
    student = saved.student
    if (student.options.weights, 8) == (weights, others):
        return next(v for v in found if v.published)
    if not has_widths(student):
        why = (
            f"the newest publication was refused, {saved.refused}, and of the one before it no float network is kept"
            if saved.refused
            else f"the weights of a {student.options.network} network have the width they were learnt with"
        )
        raise StateError(f"{saved.path}: can't be exported in {weights} bits: {why}. Leave the width out")
    same = [v for v in found if v.bits == weights and not v.published] if others == 8 else []
    return same[0] if same else measured(student, quantised(student, held, weights, others), held)


def _certificate(
    saved: SavedStudent, chosen: Variant, held: HeldOut, files: Mapping[str, bytes]
) -> dict[str, Any]:
    artefact = chosen.artefact
    rows = [r for r in edge_windows(saved.worker) if not r["refused"]]
    return {
        "streamnn": VERSION,
        "source": saved.worker.source,
        "checkpoint_sha256": saved.hash,
        "position": saved.position,
        "published_after_labels": artefact.about.get("learnt"),
        "reason": artefact.about.get("reason"),
        "network": saved.spec.get("edge.network"),
        "width": chosen.name,
        "as_published": chosen.published,
        "learning": artefact.learning,
        "slope_bound": artefact.bound or None,
        "rounding": artefact.rounding or None,
        "held_out": {**chosen.scores, "events": held.events, "fresh": held.fresh},
        "in_the_field": rows[-1]["arms"] if rows else {},
        "sensors": [
            {"name": s.name, "fraction": s.fraction, "codes": list(s.codes)} for s in artefact.sensors
        ],
        "classes": list(artefact.classes),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
