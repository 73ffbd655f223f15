"""``streamnn export``: what was learnt, as files for a device."""

from __future__ import annotations

import json as jsons
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamnn.errors import SpecError

from .options import Json

if TYPE_CHECKING:
    from ..edge.export_facts import ExportFacts


def export(
    checkpoint: Annotated[
        str, typer.Argument(metavar="CKPT", help="A checkpoint of a job with [edge], or a folder of them.")
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")],
    name: Annotated[str, typer.Option(help="What files and functions are called.")] = "model",
    bits: Annotated[
        int | None,
        typer.Option(metavar="N", min=3, max=8, help="All in N bits: weights, activations and their tables."),
    ] = None,
    weights: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=3, max=8, help="Weights in N bits, the rest in 8; by default as published."
        ),
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Only if it is an 8-bit first layer with signs.")
    ] = False,
    ternary: Annotated[
        bool, typer.Option("--ternary", help="Only if it is a network of -1, 0 and 1.")
    ] = False,
    binary: Annotated[bool, typer.Option("--binary", help="Only if it is a network of -1 and 1.")] = False,
    verilog: Annotated[bool, typer.Option("--verilog", help="Verilog, too.")] = False,
    qonnx: Annotated[bool, typer.Option("--qonnx", help="QONNX, too; needs the package onnx.")] = False,
    json: Json = False,
) -> None:
    """Write C, tables, test vectors, a page on the cost and a certificate of what a job's student last published."""
    from ..edge.export import Wish
    from ..edge.export import export as write
    from ..process.exits import quiet_pipe
    from ..run.summary import plain

    kinds = [k for k, wanted in (("sign", sign), ("ternary", ternary), ("binary", binary)) if wanted]
    if len(kinds) + (bits is not None) + (weights is not None) > 1:
        raise SpecError("export: give one of --bits, --weights, --sign, --ternary and --binary")
    wish = Wish(name, weights, bits, kinds[0] if kinds else None, verilog, qonnx)
    facts = write(checkpoint, to, wish, lambda text: print(text, file=sys.stderr))
    with quiet_pipe():
        print(
            jsons.dumps(plain(_figures(facts, to)), allow_nan=False) if json else "\n".join(_lines(facts, to))
        )


def _figures(facts: ExportFacts, to: Path) -> dict[str, Any]:
    return {
        "folder": str(to),
        "files": {name: len(data) for name, data in facts.files.items()},
        "exported": facts.chosen.name,
        "recommended": {"width": facts.recommended.name, "learning": facts.best_learning},
        "variants": [v.to_dict() for v in facts.variants],
        "float": facts.float_scores,
        "held_out": {"events": facts.held.events, "fresh": facts.held.fresh},
        "certificate": facts.certificate,
    }


def _lines(facts: ExportFacts, to: Path) -> list[str]:
    """The same for a person."""
    from ..run.summary import number

    out = [
        f"{to}: {len(facts.files) + 2} files of the artefact published after "
        f"{facts.certificate['published_after_labels']:,} labels, {facts.chosen.name}, {facts.chosen.bytes:,} bytes of "
        "tables"
    ]
    for v in facts.variants:
        scores = ", ".join(f"{k.replace('_', ' ')} {number(x)}" for k, x in v.scores.items())
        mark = " (published)" if v.published else ""
        out.append(f"  {v.name}{mark}: {scores}, {v.bytes:,} bytes")
    scores = ", ".join(f"{k.replace('_', ' ')} {number(x)}" for k, x in facts.float_scores.items())
    out.append(f"  float network: {scores}")
    out.append(f"scored on {facts.held.words}")
    out.append(f"recommended: {facts.recommended.name}. {facts.learning_words}".rstrip())
    out.append(f"report {to / 'report.html'}")
    return out
