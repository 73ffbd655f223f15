"""The command line. Heavy imports stay inside the commands, so that ``--help`` is quick."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from streamnn import errors

from ..process.exits import EXIT_CODES, LOGGED, exit_code
from .control import checkpoints, pause, resume, status
from .dead_letters import dlq
from .export import export
from .feed import feed
from .options import Json, Stream

_EPILOG = "Exit codes: " + "; ".join(f"{code} {text}" for code, text in EXIT_CODES) + "."

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
    help="A neural network that learns from every event of a stream, once, as it passes.",
)

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any field of the job spec, such as learner.seed=3."),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="DIR",
        help="Save the state here, a folder or s3://bucket/prefix, and go on from it when it is there.",
    ),
]
Until = Annotated[
    int | None,
    typer.Option(
        "--until", metavar="N", min=0, help="Stop after N records from the beginning of the stream."
    ),
]
Http = Annotated[
    str | None,
    typer.Option(
        "--http",
        metavar="HOST:PORT",
        help="Serve metrics, status and the live page while the job runs, as on 127.0.0.1:8321.",
    ),
]
Log = Annotated[
    str | None, typer.Option("--log", metavar="plain|text|json", help="How the job logs on standard error.")
]


@app.command(epilog=_EPILOG)
def replay(
    target: Stream,
    label: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; told from the labels by default.")
    ] = None,
    until: Until = None,
    delay: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="A label is known N events later; by default at once, or at its label time.",
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records between checkpoints.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="DIR_OR_FILE", help="Predictions (.jsonl, .csv or .parquet), dead letters and alarms."
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="COLUMN",
            help="A column of the records to write beside predictions; repeatable.",
        ),
    ] = None,
    report: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where the HTML report goes; 'none' for no report.")
    ] = None,
    hindsight: Annotated[
        bool, typer.Option("--hindsight", help="Compare with the best fixed linear model, fitted afterwards.")
    ] = False,
    edge: Annotated[
        bool,
        typer.Option(
            "--edge", help="Learn what `streamnn export` takes to a device, beside the pool; see [edge]."
        ),
    ] = False,
    torch: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Learn with a torch network of your own, which this function makes, instead of the pool.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the learner.")] = None,
    http: Http = None,
    log: Log = None,
    json: Json = False,
    set_: Set = None,
) -> None:
    """Learn a recorded stream from its beginning, or from where a checkpoint stands."""
    from .run import replay_spec, run_job

    spec = replay_spec(
        target,
        {
            "label.column": label,
            "label.delay_events": delay,
            "learner.task": task,
            "learner.seed": seed,
            "learner.kind": None if torch is None else "torch",
            "learner.make": torch,
            "edge": {} if edge else None,
            "run.until_records": until,
            "checkpoint.directory": checkpoint,
            "checkpoint.every_events": checkpoint_every,
            "report.path": None if report == "none" else report,
            "report.hindsight": hindsight or None,
            "http.address": http,
            "log.format": log,
        },
        output,
        set_ or [],
        default_report=report is None,
        keep=keep,
    )
    raise typer.Exit(run_job(spec, as_json=json))


@app.command(epilog=_EPILOG)
def run(
    spec: Annotated[Path, typer.Argument(help="A job spec in TOML.")],
    until: Until = None,
    checkpoint: Checkpoint = None,
    http: Http = None,
    log: Log = None,
    json: Json = False,
    set_: Set = None,
) -> None:
    """Run a job spec."""
    from ..spec.load import load_spec
    from .run import changes_of, run_job

    changes = changes_of(
        {
            "run.until_records": until,
            "checkpoint.directory": checkpoint,
            "http.address": http,
            "log.format": log,
        }
    )
    raise typer.Exit(run_job(load_spec(spec, changes + (set_ or [])), as_json=json, title=spec.stem))


@app.command(epilog=_EPILOG)
def check(
    spec: Annotated[Path, typer.Argument(help="A job spec in TOML.")],
    json: Json = False,
    set_: Set = None,
) -> None:
    """Validate a job spec without running it: fields, source, columns, learner options."""
    from ..spec.load import load_spec
    from .check import check_spec

    check_spec(load_spec(spec, set_ or []), str(spec), as_json=json)


@app.command(epilog=_EPILOG)
def predict(
    target: Annotated[str, typer.Argument(help="A .parquet, .csv or .jsonl file, or a dataset.")],
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", metavar="DIR", help="Folder of the checkpoints of a job.")
    ],
    output: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A .jsonl, .csv or .parquet file; standard output by default."),
    ] = None,
    until: Until = None,
    json: Json = False,
) -> None:
    """Score records with a frozen model; nothing is learnt and the checkpoint is not touched."""
    from .check import predict_file

    raise typer.Exit(predict_file(target, checkpoint, output, until, as_json=json))


@app.command(epilog=_EPILOG)
def datasets(json: Json = False) -> None:
    """List what can be replayed by name."""
    from .datasets import list_datasets

    list_datasets(as_json=json)


app.command(epilog=_EPILOG)(feed)
app.command(epilog=_EPILOG)(export)
for command in (status, pause, resume):
    app.command(epilog=_EPILOG)(command)
app.add_typer(checkpoints, name="checkpoint", epilog=_EPILOG)
app.add_typer(dlq, name="dlq", epilog=_EPILOG)


def _version(wanted: bool) -> None:
    if wanted:
        from ..version import VERSION

        typer.echo(f"streamnn {VERSION}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of all commands."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; never a traceback for what a user or a file did wrong.

    Parameters
    ----------
    argv : list of str, optional
        Arguments, those of the process by default.

    Returns
    -------
    int
        The exit code. ``STREAMNN_DEBUG=1`` in the environment shows tracebacks.
    """
    try:
        app(args=argv, prog_name="streamnn")
    except SystemExit as e:
        return _as_code(e.code)
    except KeyboardInterrupt:
        return 130
    except Exception as e:
        if os.environ.get("STREAMNN_DEBUG"):
            traceback.print_exc()
        elif getattr(e, LOGGED, False):
            pass
        elif isinstance(e, errors.StreamnnError):
            print(f"streamnn: {e}", file=sys.stderr)
        else:
            print(
                f"streamnn: internal error: {type(e).__name__}: {e}\nThis is a bug. STREAMNN_DEBUG=1 shows "
                "where; please report it with what it prints.",
                file=sys.stderr,
            )
        return exit_code(e)
    return 0


def _as_code(code: Any) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else 1
