"""Options and arguments that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object as the last line of standard output.")]
Stream = Annotated[
    str,
    typer.Argument(
        help="A dataset (see `streamnn datasets`), a file, a folder, a pattern in quotes, a URL, or - for standard input."
    ),
]
Bootstrap = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Brokers; by default $STREAMNN_KAFKA, else localhost:9092."),
]
