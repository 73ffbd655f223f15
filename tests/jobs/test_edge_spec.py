"""The section [edge]: there or not, checked, and part of what decides the state."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamnn.errors import SpecError
from streamnn_jobs.cli.check import check_spec
from streamnn_jobs.run.student import make_student
from streamnn_jobs.spec.edge import EdgeSpec
from streamnn_jobs.spec.fingerprint import goes_on, learning_fields, spec_hash, spec_of_fields
from streamnn_jobs.spec.load import make_spec


def test_it_is_there_when_it_is_written_and_not_before() -> None:
    source = {"source": {"path": "a.csv"}}
    assert make_spec(source).edge is None
    assert make_spec({**source, "edge": {}}).edge == EdgeSpec()
    changed = make_spec(source, ["edge.every=500", 'edge.sensors={"price": 4}']).edge
    assert changed is not None and changed.every == 500 and changed.sensors == {"price": 4}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("edge.weights=9", "edge.weights: is 9, which is out of range; allowed: a whole number from 3 to 8"),
        ("edge.network=float", "edge.network: is 'float'"),
        ("edge.hidden=[0]", "edge.hidden"),
        ("edge.every=63", "edge.every"),
        ("edge.first=0", "edge.first"),
        ("edge.limit=0", "edge.limit"),
        ("edge.bits=4", "edge.bits: is not known"),
        ('edge.sensors={"x": 99}', "edge.sensors.x"),
    ],
)
def test_what_is_wrong_is_said(change: str, words: str) -> None:
    with pytest.raises(SpecError, match=words.replace("(", r"\(")):
        make_spec({"source": {"path": "a.csv"}}, [change])


def test_what_the_student_refuses_is_said_before_a_run(tmp_path: Path) -> None:
    spec = make_spec({"source": {"path": "a.csv"}, "edge": {"first": [64, 64]}})
    with pytest.raises(SpecError, match=r"edge\.first is \(64, 64\): allowed are rising numbers"):
        make_student(spec, "classification")
    (tmp_path / "a.csv").write_text("x,y\n" + "1,a\n2,b\n" * 9)
    with pytest.raises(SpecError, match=r"edge\.first"):
        check_spec(
            make_spec(
                {
                    "source": {"path": str(tmp_path / "a.csv")},
                    "label": {"column": "y"},
                    "edge": {"first": [2, 1]},
                }
            ),
            "s",
            False,
        )


def test_it_decides_what_is_learnt_but_for_the_folder() -> None:
    def fields(**edge: object) -> dict[str, object]:
        return learning_fields(make_spec({"source": {"path": "a.csv"}, "edge": edge}))

    without = make_spec({"source": {"path": "a.csv"}})
    assert not any(name.startswith("edge.") for name in learning_fields(without))
    assert fields() == fields(publish="out", keep=3) != fields(weights=4)
    saved = fields(weights=4, sensors={"a.b": 3})
    again = spec_of_fields(saved)
    assert again.edge is not None and again.edge.sensors == {"a.b": 3} and learning_fields(again) == saved
    assert spec_hash(again) != spec_hash(without)


def test_a_job_goes_on_with_a_student_more_or_less_but_not_with_another() -> None:
    with_it = learning_fields(make_spec({"source": {"path": "a.csv"}, "edge": {}}))
    other = learning_fields(make_spec({"source": {"path": "a.csv"}, "edge": {"every": 900}}))
    without = learning_fields(make_spec({"source": {"path": "a.csv"}}))
    assert goes_on(without, with_it, []) and goes_on(with_it, without, []) and goes_on(with_it, with_it, [])
    assert not goes_on(with_it, other, [])
    assert not goes_on(without | {"label.delay_events": 4}, with_it, [])
