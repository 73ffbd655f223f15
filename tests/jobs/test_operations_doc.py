"""The operator's page says what the code does: every setting, metric, event, exit code, path and variable."""

from __future__ import annotations

import ast
import json
import re
from itertools import dropwhile, takewhile
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel

from streamnn_jobs.logs import LOG_EVENTS
from streamnn_jobs.metrics import FAMILIES
from streamnn_jobs.outputs.dead_letters import REASON_WORDS
from streamnn_jobs.process.exits import EXIT_CODES
from streamnn_jobs.spec.job import JobSpec

DOC = Path(__file__).parents[2] / "docs" / "operations.md"


def settings() -> list[str]:
    """Rows of the table of settings."""
    rows = []
    for section, field in JobSpec.model_fields.items():
        # of an optional section the one that is not None
        (kind,) = [k for k in get_args(field.annotation) or (field.annotation,) if k is not NoneType]
        assert isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, setting in kind.model_fields.items():
            rows.append(f"| `{section}.{name}` | {_default(setting.default)} | {setting.description} |")
    return rows


def metrics() -> list[str]:
    return [f"| `{f.name}` | {f.kind} | {', '.join(f.labels) or '-'} | {f.help} |" for f in FAMILIES]


def events() -> list[str]:
    return [f"| `{name}` | {level} | {words} |" for name, (level, words) in LOG_EVENTS.items()]


def exits() -> list[str]:
    return [f"| {code} | {words} |" for code, words in EXIT_CODES]


def _default(value: Any) -> str:
    if value in (None, [], {}):
        return "-"
    return f"`{json.dumps(value)}`"


def rows_of(heading: str) -> list[str]:
    """Rows of the first table under a heading, without its head."""
    text = DOC.read_text("utf-8")
    part = re.split(r"^## ", text, flags=re.M)
    (found,) = [p for p in part if p.startswith(heading)]
    lines = found.splitlines()
    table = list(
        takewhile(lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), lines))
    )
    return table[2:]


def test_every_setting_is_listed_as_it_is() -> None:
    assert rows_of("Settings") == settings()


def test_every_metric_is_listed_as_it_is() -> None:
    assert rows_of("Metrics") == metrics()


def test_every_event_is_listed_as_it_is() -> None:
    assert rows_of("Log") == events()


def test_every_exit_code_is_listed_as_it_is() -> None:
    assert rows_of("Exit codes") == exits()


def test_reasons_of_dead_letters_are_listed() -> None:
    text = DOC.read_text("utf-8")
    assert [w for w in REASON_WORDS if f"`{w}`" not in text] == []


def test_every_path_of_a_job_is_listed() -> None:
    from streamnn_jobs.http.access import Access
    from streamnn_jobs.http.routes import Routes
    from streamnn_jobs.live import JobMonitor
    from streamnn_jobs.live.page import LivePage
    from streamnn_jobs.run.control import Control

    watch, control = JobMonitor(), Control()
    routes = Routes(watch, control, LivePage(watch, control, "t"), Access("127.0.0.1", None))
    listed = {re.match(r"\| `(?:GET|POST) (/\w*)`", row)[1] for row in rows_of("HTTP")}  # type: ignore[index]
    assert listed == {*routes._get, *routes._post}


def test_every_alert_and_every_variable_of_compose_is_listed() -> None:
    text, root = DOC.read_text("utf-8"), DOC.parents[1]
    alerts = re.findall(r"alert: (\w+)", (root / "compose" / "alerts.yml").read_text("utf-8"))
    variables = re.findall(r"\$\{(\w+)", (root / "docker-compose.yml").read_text("utf-8"))
    assert len(alerts) > 5 and len(variables) > 4
    assert [name for name in [*alerts, *variables] if f"`{name}`" not in text] == []


def test_every_event_of_the_code_is_in_the_table_and_the_other_way_round() -> None:
    told = set()
    for path in (DOC.parents[1] / "jobs" / "streamnn_jobs").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "event"
            ):
                told |= {n.value for n in ast.walk(call.args[0]) if isinstance(n, ast.Constant)}
    assert told == set(LOG_EVENTS)
