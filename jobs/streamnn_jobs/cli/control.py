"""The operator's commands: ``status``, ``pause``, ``resume``, ``checkpoint``."""

from __future__ import annotations

import json as jsons
import sys
from typing import Annotated, Any

import typer

from .options import Json

_Target = Annotated[str, typer.Argument(help="Address of a running job, such as http://127.0.0.1:8321.")]

checkpoints = typer.Typer(no_args_is_help=True, help="Look into a checkpoint, or have one written now.")


def status(
    target: Annotated[
        str,
        typer.Argument(help="Address of a running job, or a checkpoint (file or folder) of one that is not."),
    ],
    json: Json = False,
) -> None:
    """How a job stands: place, rate, lag, scores, pending events, alarms, checkpoint."""
    from ..http.client import status_lines, status_of

    found = status_of(target, _say)
    _show(found, status_lines(found), json)


def pause(target: _Target, json: Json = False) -> None:
    """Have a running job read nothing more until it is told to go on."""
    _ask(target, "pause", json)


def resume(target: _Target, json: Json = False) -> None:
    """Have a paused job go on."""
    _ask(target, "resume", json)


@checkpoints.command("inspect")
def inspect(
    target: Annotated[str, typer.Argument(metavar="FILE_OR_DIR", help="A checkpoint, or a folder of them.")],
    json: Json = False,
) -> None:
    """What is in a checkpoint: place, counts, columns, spec, arrays; says so when it is damaged."""
    from ..ask.checkpoints import describe, lines, open_checkpoint

    about = describe(*open_checkpoint(target, _say))
    _show(about, lines(about), json)


@checkpoints.command("now")
def now(target: _Target, json: Json = False) -> None:
    """Have a running job write a checkpoint, and wait until it is there."""
    from ..http.client import SAVE_ANSWER_TIMEOUT_S, call_job

    found = call_job(target, "checkpoint", "POST", SAVE_ANSWER_TIMEOUT_S)
    words = [
        f"partition {name}: {path or 'outputs are safe; it has no checkpoint folder'}"
        for name, path in found.items()
    ]
    _show(found, words, json)


def _ask(target: str, what: str, json: bool) -> None:
    from ..http.client import call_job

    found = call_job(target, what, "POST")
    _show(found, [found["state"]], json)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _show(data: dict[str, Any], lines: list[str], json: bool) -> None:
    from ..process.exits import quiet_pipe

    with quiet_pipe():
        print(jsons.dumps(data, allow_nan=False, default=str) if json else "\n".join(lines))
