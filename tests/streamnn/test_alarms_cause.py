"""From evidence to a cause: what else moved decides."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from streamnn.alarms import CAUSES
from streamnn.alarms._cause import IMPROVEMENT, cause, moved, reviewed
from streamnn.alarms._evidence import NOTHING, Evidence
from streamnn.types import Alarm

DOCS = {path.name: path.read_text() for path in (Path(__file__).parents[2] / "docs").glob("*.md")}

NAMES = (
    "surprise", "entropy", "loss", "label", "feature place", "feature spread", "feature pairs", "feature worst",
)  # fmt: skip


def seen(**what):
    """Evidence of all eight signals; of those named, place, before and after."""
    of = dict.fromkeys(NAMES, NOTHING)
    for name, (location, before, after) in what.items():
        of[name.replace("_", " ")] = Evidence(location, 0.0, before, after, after, 0)
    return of


def why(fired, of):
    return cause(fired, of, moved(of, fired))[0]


@pytest.mark.parametrize(
    ("fired", "what", "said"),
    [
        ("loss", {"loss": (5, 0.2, 0.5)}, "new concept"),
        ("loss", {"loss": (-5, 0.5, 0.2)}, IMPROVEMENT),
        ("loss", {"loss": (3, 0.2, 0.21)}, IMPROVEMENT),
        ("loss", {"loss": (5, 0.2, 0.5), "feature_pairs": (6, 0.5, 0.9)}, "new inputs"),
        ("loss", {"loss": (4, 0.2, 0.5), "surprise": (9, 30, 60)}, "new inputs"),
        ("entropy", {"entropy": (5, 0.0, 0.001)}, IMPROVEMENT),
        ("entropy", {"entropy": (5, 0.0, 0.001), "loss": (1.5, 0.2, 0.3)}, "new concept"),
        ("entropy", {"entropy": (5, 0.1, 0.2)}, "more noise"),
        ("entropy", {"entropy": (-5, 0.2, 0.1)}, IMPROVEMENT),
        ("surprise", {"surprise": (5, 30, 50)}, "new inputs"),
        ("surprise", {"surprise": (-5, 50, 30)}, IMPROVEMENT),
        ("surprise", {"surprise": (5, 30, 50), "entropy": (6, 0.0, 0.1)}, "new concept"),
        (
            "surprise",
            {"surprise": (5, 30, 50), "entropy": (6, 0.0, 0.1), "feature_place": (2.5, 0, 1)},
            "new inputs",
        ),
        ("label", {"label": (6, 0.5, 0.9)}, "new label balance"),
        ("label", {"label": (6, 0.5, 0.9), "loss": (3, 0.2, 0.4)}, "new concept"),
        ("label", {"label": (4, 0.5, 0.9), "feature_place": (6, 0, 1)}, "new inputs"),
    ],
)
def test_what_else_moved_decides(fired, what, said):
    assert why(fired, seen(**what)) == said


def test_a_column_is_named():
    of = seen()
    for kind, said in ((1, "feature died"), (2, "feature changed unit"), (3, "new inputs")):
        of["feature worst"] = Evidence(4.0, 0.0, 0.1, 1.3, 1.3, 4 * 7 + kind)
        assert cause("feature worst", of, moved(of, "feature worst")) == (said, 7)
        assert cause("loss", of, moved(of, "loss"))[0] == said  # whichever signal was first


@pytest.mark.parametrize(("late", "said"), [(0.22, "new concept"), (0.5, "more noise")])
def test_a_review_tells_noise_from_concept(late, said):
    of = seen()
    of["loss"] = Evidence(6.0, 0.0, 0.2, 0.45, late, 0)
    assert reviewed("new concept", 0.3, of, "loss")[0] == said
    assert reviewed("new label balance", 0.3, of, "loss")[0] == "new label balance"


def test_a_review_believes_labels_that_moved_more_than_the_inputs():
    of = seen(label=(9, 0.5, 0.9), feature_place=(4, 0, 1))
    assert reviewed("new inputs", 0.0, of, "feature place")[0] == "new label balance"
    assert reviewed("new inputs", 0.0, seen(feature_place=(4, 0, 1)), "feature place")[0] == "new inputs"


def late(of, share):
    """The loss at the end is so many times the one before higher."""
    of["loss"] = of["loss"]._replace(late=of["loss"].before * (1 + share))
    return of


def test_a_review_tells_a_concept_by_latents_that_moved_more_than_the_loss():
    moved_more = {"surprise": (6, 30, 50), "entropy": (6, 0.1, 0.2), "loss": (2, 0.2, 0.3)}
    assert reviewed("new inputs", 0.1, late(seen(**moved_more), 0.3), "surprise")[0] == "new concept"
    assert reviewed("new concept", 0.1, late(seen(**moved_more), 0.3), "loss")[0] == "new concept"
    assert reviewed("new concept", 0.1, late(seen(**moved_more), 1.5), "loss")[0] == "more noise"
    moved_less = {**moved_more, "surprise": (1, 30, 31)}
    assert reviewed("new concept", 0.1, late(seen(**moved_less), 0.3), "loss")[0] == "more noise"


def test_without_scalars_of_the_inputs_a_surprise_stays_new_inputs():
    of = late(seen(surprise=(6, 30, 50), loss=(2, 0.2, 0.3)), 0.1)
    alone = {k: of[k] for k in ("surprise", "loss")}
    assert reviewed("new inputs", 0.1, alone, "surprise")[0] == "new inputs"


@pytest.mark.parametrize(
    ("apiece", "entropy", "said"),
    [(1.5, 0, "new concept"), (2.0, 0, "new inputs"), (2.0, 5, "new concept"), (3.0, 5, "new inputs")],
)
def test_inputs_that_all_moved_a_little_count_at_a_review(apiece, entropy, said):
    of = seen(
        loss=(3, 0.2, 0.3), entropy=(entropy, 0.1, 0.2), feature_place=(apiece, 0, 1),
        feature_spread=(apiece, 1, 2), feature_pairs=(apiece, 0, 1),
    )  # fmt: skip
    assert reviewed("new concept", 0.1, late(of, 0.0), "loss")[0] == said


def test_labels_that_moved_with_inputs_that_are_no_surprise_are_another_balance():
    what = {"label": (4, 0.5, 0.8), "feature_place": (6, 0, 1), "surprise": (0.5, 30, 31)}
    assert why("label", seen(**what)) == why("entropy", seen(**what, entropy=(3, 0.1, 0.2)))
    assert why("label", seen(**what)) == "new label balance"
    assert why("label", seen(**{**what, "surprise": (5, 30, 50)})) == "new inputs"
    assert why("label", seen(**{**what, "feature_place": (9, 0, 1)})) == "new inputs"
    assert reviewed("new inputs", 0.0, seen(**what), "feature place")[0] == "new label balance"


def test_another_unit_that_is_gone_by_the_review_was_something_else():
    of = seen(feature_pairs=(6, 0, 1))
    assert reviewed("feature changed unit", 0.0, of, "feature worst")[0] == "new inputs"
    assert reviewed("feature changed unit", 0.0, seen(), "feature worst")[0] == "feature changed unit"
    of["feature worst"] = Evidence(4.0, 0.0, 0.1, 1.3, 1.3, 4 * 7 + 1)
    assert reviewed("feature changed unit", 0.0, of, "feature worst") == ("feature died", 7)


def test_the_causes_are_those_that_occur():
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(4000):
        of = {}
        for name in NAMES:
            location, scale = rng.normal(0.0, rng.choice([1.0, 6.0]), 2)
            before, after, late = rng.normal(1.0, 0.5, 3)
            tag = int(rng.integers(0, 12)) if name == "feature worst" else 0
            of[name] = Evidence(location, scale, before, after, late, tag)
        fired = str(rng.choice(NAMES))
        found.add(why(fired, of))
        for first in CAUSES:
            found.add(reviewed(first, float(rng.normal()), of, fired)[0])
    assert found == {*CAUSES, IMPROVEMENT}


def test_documents_name_the_causes_there_are():
    table = DOCS["alarms.md"].split("| cause | what was seen")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE) == [*CAUSES, "change of ..."]
    listed = re.search(r"`cause` of alarms is one of (.*?)or `change of", DOCS["operations.md"], re.DOTALL)
    assert tuple(re.findall("`([^`]+)`", listed[1])) == CAUSES
    docstring = re.search(r"cause : str\n(.*?)or ``\"change of", Alarm.__doc__, re.DOTALL)
    assert tuple(re.findall('``"([^"]+)"``', docstring[1])) == CAUSES
