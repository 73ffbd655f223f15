"""The commands in docs/kafka.md exist, with the options and the settings they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from streamnn_jobs.cli.app import app
from streamnn_jobs.spec.kafka import KafkaSpec
from streamnn_jobs.spec.load import load_spec

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "kafka.md").read_text()
COMMANDS = [line.partition("#")[0].strip() for line in re.findall(r"^    (streamnn .*)$", TEXT, re.M)]


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 12 and {c.split()[1] for c in COMMANDS} == {"feed", "run", "dlq"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command: str) -> None:
    group = typer.main.get_command(app)
    args = shlex.split(command)[1:]
    while hasattr(group, "commands"):
        group = group.commands[args.pop(0)]
    # parsed with all it has, and not called
    group.make_context("streamnn", args)


def test_settings_and_defaults_are_as_written() -> None:
    part = TEXT[TEXT.index("| setting of") : TEXT.index("## What is guaranteed")]
    table = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ", part, re.M)
    assert len(table) >= 9
    for name, default in table:
        field = KafkaSpec.model_fields[name]
        if field.default is not None:
            written = default.strip().strip("`").replace(",", "")
            assert written == str(field.default).removesuffix(".0"), name


def test_each_row_of_the_faults_has_a_test() -> None:
    part = TEXT[TEXT.index("| what happens") : TEXT.index("## Measured")]
    rows = [line for line in part.splitlines()[2:] if line.startswith("|")]
    named = [row.rpartition("| `")[2].removesuffix("` |") for row in rows]
    files = [
        p.read_text()
        for folder in ("broker", "jobs")
        for p in (ROOT / "tests" / folder).glob("test_kafka*.py")
    ]
    assert len(rows) >= 17
    for name in named:
        assert any(f"def test_{name}(" in text for text in files), name


def test_the_shipped_job_uses_the_topics_that_a_feed_makes() -> None:
    spec = load_spec(ROOT / "jobs" / "kafka.toml")
    named = {
        spec.source.topic,
        spec.label.topic,
        spec.kafka.predictions,
        spec.kafka.dead_letters,
        spec.kafka.merge_log,
    }
    assert named == set(re.findall(r"^\| `(flights-\w+)` \|", TEXT, re.M))
