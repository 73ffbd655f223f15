"""From evidence to a cause: what else moved decides."""

from __future__ import annotations

import pytest

from streamnn.alarms._cause import IMPROVEMENT, cause, moved, reviewed
from streamnn.alarms._evidence import NOTHING, Evidence

NAMES = (
    "surprise", "entropy", "loss", "label", "feature place", "feature spread", "feature pairs", "feature worst",
)  # fmt: skip


def seen(**what):
    """Evidence of all eight signals; of those named, place, before and after."""
    of = dict.fromkeys(NAMES, NOTHING)
    for name, (place, before, after) in what.items():
        of[name.replace("_", " ")] = Evidence(place, 0.0, before, after, after, 0)
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
