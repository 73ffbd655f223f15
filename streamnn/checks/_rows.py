"""Properties of the conformance suite that are about rows."""

from __future__ import annotations

import math

import numpy as np

from ._data import CLASSES, Subject, about, columns, is_finite, same, teach


def a_row_is_left_as_it_was(s: Subject) -> None:
    """A row is left as it was."""
    rows, labels = s.stream(20)
    learner, x = s.make(), dict(rows[0])
    before = dict(x)
    learner.learn_one(x, labels[0])
    s.answer(learner, x)
    same(x, before, "the row")


def order_of_fields(s: Subject) -> None:
    """The order of a row's fields does not matter."""
    rows, labels = s.stream(60)
    turned = [dict(reversed(x.items())) for x in rows]
    plain, other = teach(s.make(), rows, labels), s.make()
    other.learn_one(rows[0], labels[0])  # the first row says in which order columns are kept
    teach(other, turned[1:], labels[1:])
    same(s.answers(other, turned[:5]), s.answers(plain, rows[:5]), "answers")


def the_same_again(s: Subject) -> None:
    """The same events give the same bits again."""
    rows, _ = s.stream(10, 9)
    same(s.answers(s.taught(), rows), s.answers(s.taught(), rows), "answers of two runs")


def missing_values(s: Subject) -> None:
    """A value that is None, NaN or left out counts the same."""
    learner = s.taught()
    x = s.stream(1, 5)[0][0]
    absent = {k: v for k, v in x.items() if k != "a"}
    want = s.answer(learner, absent)
    assert is_finite(want), f"without a field: {want!r}"
    for hole in (None, math.nan):
        same(s.answer(learner, {**x, "a": hole}), want, f"a field that is {hole}")


def hostile_numbers(s: Subject) -> None:
    """Infinite and huge numbers do no harm, then or later."""
    rows, labels = s.stream(80)
    learner = s.make()
    for i, (x, y) in enumerate(zip(rows, labels, strict=True)):
        v = (math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324, 10**400)[i % 7] if i % 3 == 0 else x["a"]
        learner.learn_one({**x, "a": v}, y)
        answer = s.answer(learner, {**x, "a": v})
        assert is_finite(answer), f"after a field of {v!r}: {answer!r}"


def an_empty_row(s: Subject) -> None:
    """An empty row is an event like any other."""
    learner = s.taught()
    assert is_finite(s.answer(learner, {})), "no finite answer"
    learner.learn_one({}, s.stream(1)[1][0])
    assert is_finite(s.answer(learner, {})), "no finite answer after learning it"


def an_unknown_field(s: Subject) -> None:
    """A field never seen changes no prediction."""
    learner = s.taught()
    x = s.stream(1, 5)[0][0]
    same(s.answer(learner, {**x, "new": 3.0}), s.answer(learner, x), "with the field")


def a_look_at_an_unknown_field(s: Subject) -> None:
    """A mere look at a row with a field never seen changes no later prediction."""
    learner = s.taught()
    rows = s.stream(9, 5)[0]
    before = s.answers(learner, rows)
    for name in ("A first", "z last"):  # whoever sorts fields moves all others
        s.answer(learner, {**rows[0], name: 3.0})
    same(s.answers(learner, rows), before, "answers after the look")


def an_unknown_name(s: Subject) -> None:
    """A category never seen is answered."""
    learner = s.taught()
    answer = s.answer(learner, {**s.stream(1, 5)[0][0], "name": "never seen"})
    assert is_finite(answer), repr(answer)


def a_field_that_comes_later(s: Subject) -> None:
    """A field may come later and go again."""
    rows, labels = s.stream(90)
    learner = teach(s.make(), rows[:30], labels[:30])
    teach(learner, [{**x, "late": x["b"]} for x in rows[30:60]], labels[30:60])
    teach(learner, [{"b": x["b"]} for x in rows[60:]], labels[60:])
    assert all(map(is_finite, s.answers(learner, rows[:5]))), "no finite answer"


def it_learns(s: Subject) -> None:
    """It learns what is there to learn."""
    rows, labels = s.stream(1500)
    learner, right, err, base = s.make(), 0, 0.0, 0.0
    for i, (x, y) in enumerate(zip(rows, labels, strict=True)):
        if i >= 1000:
            said = learner.predict_one(x)
            if s.classify:
                right += said == y
            else:
                err, base = err + abs(said - y), base + abs(y - 0.25)
        learner.learn_one(x, y)
    if s.classify:
        assert right >= 425, f"{right} of the last 500 labels right, asked are 425"
    else:
        assert err <= 0.5 * base, f"mean error {err / 500:.3f}, asked is {0.5 * base / 500:.3f}"


def shuffled_labels(s: Subject) -> None:
    """Nothing leaks: shuffled labels are predicted no better than by the majority."""
    rows, labels = s.stream(1500)
    mixed = [labels[i] for i in np.random.default_rng(3).permutation(len(labels))]
    learner, gain = s.make(), 0.0
    centre = float(np.mean([y for y in mixed if not s.classify] or [0.0]))
    for i, (x, y) in enumerate(zip(rows, mixed, strict=True)):
        if i >= 500:
            if s.classify:
                gain += (learner.predict_one(x) == y) - max(mixed.count("yes"), mixed.count("no")) / len(
                    mixed
                )
            else:
                gain += (y - centre) ** 2 - (learner.predict_one(x) - y) ** 2
        learner.learn_one(x, y)
    assert gain <= 70, f"{gain:.1f} better than the majority over 1000 events: five deviations are 70"


@about(needs=("learn_many",))
def many_at_once(s: Subject) -> None:
    """Learning many gives the bits of the loop, however they are cut."""
    rows, labels = s.stream(90)
    # a column without a value so far is one that is not there yet
    rows = [{**x, "late": math.nan if i < 40 else x["b"] + 2.0} for i, x in enumerate(rows)]
    loop = teach(s.make(), rows, labels)
    for size in (1, 7, 90):
        many = s.make()
        for a in range(0, 90, size):
            many.learn_many(columns(rows[a : a + size]), labels[a : a + size])
        same(s.answers(many, rows[:9]), s.answers(loop, rows[:9]), f"answers after batches of {size}")


@about(needs=("learn_many", "predict_many"))
def many_predictions(s: Subject) -> None:
    """Predicting many gives the answers of the loop."""
    learner = s.taught()
    rows, _ = s.stream(25, 4)
    got = list(learner.predict_many(columns(rows)))
    same(got, [learner.predict_one(x) for x in rows], "answers")


@about(needs=("predict_proba_many",), tasks=(CLASSES,))
def many_probabilities(s: Subject) -> None:
    """Probabilities of many rows are those of each."""
    learner = s.taught()
    rows, _ = s.stream(25, 4)
    got = learner.predict_proba_many(columns(rows))
    want = [list(learner.predict_proba_one(x).values()) for x in rows]
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)
