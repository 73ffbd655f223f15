"""Job specs: what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from streamnn.errors import SpecError
from streamnn_connectors.opening import FORMATS
from streamnn_jobs.data.files import SUFFIXES
from streamnn_jobs.run.plan import make_plan
from streamnn_jobs.spec.fingerprint import differences, learning_fields, spec_hash, spec_of_fields
from streamnn_jobs.spec.job import SourceSpec
from streamnn_jobs.spec.load import load_spec, make_spec, set_field

JOBS = Path(__file__).parents[2] / "jobs"
GOOD: dict[str, Any] = {"source": {"path": "a.csv"}, "label": {"column": "y"}}


def changed(**sections: Any) -> dict[str, Any]:
    return {**GOOD, **sections}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, ["source: is missing", "a table with dataset or path"]),
        ({"source": {}}, ["source: give either dataset", "or path"]),
        ({"source": {"path": "a.csv", "dataset": "flights"}}, ["source:", "exactly one"]),
        ({"source": "a.csv"}, ["source: is 'a.csv', not a table"]),
        ({"source": {"path": 3}}, ["source.path: is 3, not a text", "allowed: path of"]),
        (
            changed(source={"path": "a", "format": "xml"}),
            ["source.format: is 'xml'", "auto", "parquet, csv or jsonl"],
        ),
        (changed(source={"pth": "a"}), ["source.pth: is not known; did you mean path?"]),
        (changed(learner={"max_pending": 5}), ["learner: max_pending: is set by limits.pending"]),
        (changed(learner={"categories": ["a"]}), ["learner: categories: is set by features.categories"]),
        (changed(lable={}), ["lable: is not known; did you mean label?"]),
        (changed(zzz={}), ["zzz: is not known; known are source, label,"]),
        (changed(label={"delay": 3}), ["label.delay: is not known; did you mean delay_events?"]),
        (
            changed(label={"delay_events": -1}),
            ["label.delay_events: is -1, which is out of range", "0 or more"],
        ),
        (changed(label={"delay_events": 1.5}), ["label.delay_events: is 1.5, not a whole number"]),
        (changed(label={"delay_events": "3"}), ["label.delay_events: is '3', not a whole number"]),
        (changed(label={"delay_events": True}), ["label.delay_events: is true, not a whole number"]),
        (
            changed(label={"time": "t", "delay_events": 3}),
            ["label.time and label.delay_events", "not by both"],
        ),
        (
            changed(label={"delay_events": 3, "expire_after": 5.0}),
            ["label.expire_after: goes with label.time"],
        ),
        (changed(label={"expire_after": 0}), ["label.expire_after: is 0, which is out of range", "above 0"]),
        (
            changed(label={"delay_events": 200_000}),
            ["label.delay_events: 200000 is more than limits.pending"],
        ),
        (
            changed(features={"ignore": "x"}),
            ["features.ignore: is 'x', not a list", "a list of column names"],
        ),
        (changed(features={"ignore": [1]}), ["features.ignore: is 1, not a text"]),
        (
            changed(learner={"task": "ranking"}),
            ["learner.task: is 'ranking'", "classification or regression"],
        ),
        (changed(learner={"seed": -1}), ["learner.seed: is -1", "4294967295"]),
        (changed(checkpoint={"every_s": 0}), ["checkpoint.every_s: is 0", "seconds above 0"]),
        (changed(checkpoint={"keep": 0}), ["checkpoint.keep: is 0", "1 or more"]),
        (changed(output={"format": "avro"}), ["output.format: is 'avro'", "jsonl, csv or parquet"]),
        (changed(limits={"pending": 0}), ["limits.pending: is 0", "1 or more"]),
        (changed(limits={"classes": 1000}), ["limits.classes: is 1000", "from 2 to 256"]),
        (changed(run={"batch_records": 0}), ["run.batch_records: is 0", "from 1 to 1000000"]),
        (changed(report="r.html"), ["report: is 'r.html', not a table"]),
    ],
)
def test_a_bad_spec_is_refused_in_words(data: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SpecError) as e:
        make_spec(data)
    for word in words:
        assert word in str(e.value)
    assert "pydantic" not in str(e.value)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SpecError) as e:
        make_spec(changed(label={"delay": 3}, checkpoint={"keep": 0}))
    assert len(str(e.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[source\n", "at line 1"),
        (b'[source]\npath = "a.csv"\npath = "b.csv"\n', "line 3"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"", "source: is missing"),
    ],
)
def test_a_file_that_is_no_spec(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=words) as e:
        load_spec(path)
    assert str(path) in str(e.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        load_spec(tmp_path / "none.toml")
    with pytest.raises(SpecError, match="can't be read"):
        load_spec(tmp_path)


@pytest.mark.parametrize("change", ["seed", "=3", "learner.=3", "source.path.x=3"])
def test_settings_that_can_not_be_set(change: str) -> None:
    with pytest.raises(SpecError, match="--set"):
        set_field({"source": {"path": "a"}}, change)


@pytest.mark.parametrize("text", ['{ zip = "id" }', '{"zip": "id"}'])
def test_a_table_is_set_as_toml_or_json(text: str) -> None:
    data: dict[str, Any] = {}
    set_field(data, f"features.kinds={text}")
    assert data == {"features": {"kinds": {"zip": "id"}}}


@pytest.mark.parametrize("path", sorted(JOBS.glob("*.toml")), ids=lambda p: p.name)
def test_shipped_specs_are_valid(path: Path) -> None:
    spec = load_spec(path)
    if spec.source.dataset == "flights":
        plan = make_plan(spec)
        assert plan.task == "classification" and plan.total == 80_789
        assert plan.spec.source.event_time == "t_event_min"
        assert {"arr_delay", "dep_delay"} <= set(plan.spec.features.ignore or ())


def test_what_decides_the_state_is_in_the_hash_and_the_rest_is_not() -> None:
    base = make_spec(GOOD)
    same = make_spec(
        GOOD | {"source": {"path": "/elsewhere/a.csv"}},
        [
            "checkpoint.keep=9",
            'report.path="r"',
            'output.directory="o"',
            "run.until_records=5",
            "run.batch_records=3",
        ],
    )
    assert spec_hash(base) == spec_hash(same)
    for change in (
        "label.delay_events=2", "learner.seed=7", "learner.other=1", 'features.ignore=["x"]', "limits.pending=5",
        'source.path="b.csv"', "label.missing=[0]", 'learner.task="regression"',
    ):  # fmt: skip
        other = make_spec({k: dict(v) for k, v in GOOD.items()}, [change])
        assert spec_hash(base) != spec_hash(other)
        (line,) = differences(learning_fields(base), learning_fields(other))
        assert line.startswith(change.partition("=")[0])
    assert spec_of_fields(learning_fields(base)) == base


def test_columns_of_a_message_differ_and_decide_what_is_learnt() -> None:
    base = {"source": {"topic": "e"}, "label": {"column": "y"}, "learner": {"task": "classification"}}
    plain = make_spec(base)
    more = make_spec(base | {"kafka": {"key": "id", "headers": {"trace": "t"}}})
    assert more.kafka.key == "id" and more.kafka.headers == {"trace": "t"}
    assert set(learning_fields(more)) - set(learning_fields(plain)) == {"kafka.key", "kafka.headers"}
    assert learning_fields(spec_of_fields(learning_fields(more))) == learning_fields(more)
    for bad in ({"key": "a", "timestamp": "a"}, {"headers": {"x": "a", "y": "a"}}):
        with pytest.raises(SpecError, match="two of them become column 'a'"):
            make_spec(base | {"kafka": bad})


def test_every_format_can_be_asked_for_and_completed() -> None:
    asked = get_args(SourceSpec.model_fields["format"].annotation)
    assert sorted(asked) == sorted(["auto", *FORMATS])
    assert sorted(SUFFIXES) == sorted(s for f in FORMATS.values() for s in f.suffixes)


def test_columns_may_come_late_in_json_lines_by_any_suffix(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps({"x": i} | ({"y": i % 2} if i else {})) + "\n" for i in range(9)))
    spec = make_spec(
        {"source": {"path": str(path)}, "label": {"column": "y"}, "learner": {"task": "classification"}}
    )
    assert make_plan(spec).task == "classification"
