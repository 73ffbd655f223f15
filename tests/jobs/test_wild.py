"""Files as other programs write them: each is learnt as well as the plain file, or refused in words that show the way."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from streamnn.errors import StreamnnError
from streamnn_jobs.outputs.dropped import in_words
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.load import make_spec, set_field


def _corpus() -> ModuleType:
    where = Path(__file__).parents[1] / "wild" / "make.py"
    spec = importlib.util.spec_from_file_location("wild_files", where)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wild_files"] = module
    spec.loader.exec_module(module)
    return module


wild = _corpus()
_MISSING = (
    "not_available",
    "question_marks",
    "null_in_capitals",
    "a_token_of_its_own",
    "words_among_numbers",
)
"""Files that lack some of the values."""
_OTHER = ("amounts_that_look_like_classes", "folders_that_are_columns")
"""Files of which the figure is another: noise, and the records in another order."""


def replayed(name: str, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The figures of a replay, and what was said."""
    want, said = wild.CORPUS[name], []
    target = wild.make_one(name, folder)
    data: dict[str, Any] = {
        "source": {"path": target},
        "label": {"column": want.label},
        "learner": {"alarms": False},
    }
    for field, value in want.spec.items():
        section, _, rest = field.partition(".")
        data.setdefault(section, {})[rest] = value
    job = Job(make_spec(data), say=said.append)
    result = job.run()
    c = result.worker.counters
    return {
        "accuracy": result.worker.learner.scores()["accuracy"],
        "labelled": c.learnt,
        "dead": c.dead,
    }, [*said, in_words(result.worker.dropped.counts)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> float:
    figures, _ = replayed("plain", tmp_path_factory.mktemp("plain"))
    assert (figures["labelled"], figures["dead"]) == (wild.RECORDS, 0) and figures["accuracy"] > 0.8
    return float(figures["accuracy"])


def test_there_are_many_kinds_of_trouble() -> None:
    assert len(wild.CORPUS) >= 60


@pytest.mark.parametrize("name", wild.CORPUS)
def test_a_wild_file_is_learnt_as_the_plain_one(name: str, plain: float, tmp_path: Path) -> None:
    want = wild.CORPUS[name]
    if want.refused:
        with pytest.raises(StreamnnError) as caught:
            replayed(name, tmp_path)
        assert want.said in str(caught.value)
        return
    figures, said = replayed(name, tmp_path)
    assert (figures["labelled"], figures["dead"]) == (want.records, want.dead), said
    assert want.said in "\n".join(said)
    if name not in _OTHER:
        # a price that is missing in four of 400 records costs a little
        assert figures["accuracy"] >= plain - (0.02 if name in _MISSING else 0.01)
    elif name == "folders_that_are_columns":
        assert figures["accuracy"] > 0.85


@pytest.mark.parametrize(
    "name", ["latin_1", "utf_16", "zstandard", "a_folder_of_tables", "a_pattern", "blank_lines"]
)
def test_a_wild_file_is_gone_on_with(name: str, tmp_path: Path) -> None:
    target = wild.make_one(name, tmp_path)
    data = {
        "source": {"path": target},
        "label": {"column": "bought"},
        "learner": {"alarms": False},
        "run": {"batch_records": 64},
    }
    whole = Job(make_spec(data)).run()
    for change in (f"checkpoint.directory={tmp_path / 'state'}", "run.until_records=137"):
        set_field(data, change)
    Job(make_spec(data)).run()
    del data["run"]["until_records"]
    rest = Job(make_spec(data)).run()
    assert rest.resumed_at == 137 and rest.events == wild.RECORDS - 137
    assert rest.worker.learner.state_hash() == whole.worker.learner.state_hash()


def test_labels_and_columns_to_keep_stand_beside_predictions(tmp_path: Path) -> None:
    target = wild.make_one("plain", tmp_path)
    data = {
        "source": {"path": target},
        "label": {"column": "bought", "delay_events": 50},
        "learner": {"alarms": False},
        "features": {"ignore": ["city"]},
        "output": {"predictions": str(tmp_path / "p.csv"), "keep": ["city", "price"], "probabilities": True},
    }
    Job(make_spec(data)).run()
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    truth = wild.orders()
    assert [row["city"] for row in found] == truth["city"]
    assert [float(row["price"]) for row in found] == truth["price"]
    assert [int(row["label"]) for row in found] == truth["bought"]
    last = json.loads(found[-1]["probabilities"])
    assert set(last) == {"0", "1"} and abs(sum(last.values()) - 1.0) < 1e-5
