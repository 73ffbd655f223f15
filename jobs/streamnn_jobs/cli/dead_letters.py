"""The options of ``streamnn dlq``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Bootstrap

dlq = typer.Typer(
    no_args_is_help=True, help="Dead letters of a topic or of a dead_letters.jsonl: list, show, send again."
)

Target = Annotated[str, typer.Argument(help="A dead-letter topic, or a dead_letters.jsonl.")]
Stage = Annotated[str | None, typer.Option(help="Only those found at this stage: decode, schema or label.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Only those with this text in the reason.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="TOPIC/PARTITION/OFFSET", help="Only this record; may come several times."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON as the last line of standard output.")]


@dlq.command("list")
def list_(
    target: Target,
    bootstrap: Bootstrap = None,
    stage: Stage = None,
    reason: Reason = None,
    where: Where = None,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="Letters listed one by one.")] = 20,
    json: Json = False,
) -> None:
    """How many there are of which kind, and the first of them."""
    from ..kafka.dead_letters import keeper, list_letters
    from ..kafka.feed import settings_of

    keep = keeper(stage, reason, where or [])
    raise typer.Exit(list_letters(target, settings_of(bootstrap), keep, limit, json))


@dlq.command()
def show(
    target: Target,
    where: Annotated[
        list[str], typer.Argument(metavar="WHERE...", help="topic/partition/offset, or the offset alone.")
    ],
    bootstrap: Bootstrap = None,
    raw: Annotated[bool, typer.Option("--raw", help="The original bytes and nothing else.")] = False,
    json: Json = False,
) -> None:
    """All that is known of a letter, with the original record."""
    from ..kafka.dead_letters import keeper, show_letters
    from ..kafka.feed import settings_of

    raise typer.Exit(show_letters(target, settings_of(bootstrap), keeper(None, None, where), raw, json))


@dlq.command()
def replay(
    target: Target,
    bootstrap: Bootstrap = None,
    stage: Stage = None,
    reason: Reason = None,
    where: Where = None,
    to: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Topic to send to; by default where each came from.")
    ] = None,
    to_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Or a new file, a record a line.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="From the first letter on, whatever was sent before.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many there are; send nothing.")] = False,
    json: Json = False,
) -> None:
    """Send the original records again, with key and headers.

    From a topic each is sent once: the next replay with the same choice and target begins behind the last.
    """
    from ..kafka.dead_letters import keeper, replay_letters
    from ..kafka.feed import settings_of

    choice = [stage, reason, sorted(where or [])]
    count, goal = replay_letters(
        target, settings_of(bootstrap), keeper(stage, reason, where or []), repr(choice), to, to_file,
        again=again, dry=dry_run,
    )  # fmt: skip
    if json:
        import json as text

        typer.echo(text.dumps({"replayed": 0 if dry_run else count, "found": count, "to": goal}))
    else:
        typer.echo(f"{target}: {count:,} {'would be sent' if dry_run else 'sent'} to {goal}")
