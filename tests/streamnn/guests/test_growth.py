"""Growth: old numbers keep their places, whatever the network is made of."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.guests.growth import Axis, Step, find_rule


def shapes(d: int, c: int) -> dict[str, tuple[int, ...]]:
    return {
        "read.weight": (6, d),
        "read.bias": (6,),
        "flat.weight": (4, 3 * d),
        "conv.weight": (5, d, 3),
        "scale": (),
        "say.weight": (c, 6),
        "say.bias": (c,),
        "gates": (4 * c, c),
    }


def arrays(d: int, c: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {k: rng.normal(size=s).astype(np.float32) for k, s in shapes(d, c).items()}


def test_the_rule_is_found() -> None:
    rule = find_rule(shapes, 4, 3)
    assert (rule.columns, rule.classes) == ("", "")
    assert rule.axes["flat.weight"] == (Axis("fixed", 4), Axis("inputs", 3))
    assert rule.axes["gates"] == (Axis("outputs", 4), Axis("outputs", 1))
    assert rule.axes["scale"] == ()
    assert rule.shapes(7, 5) == shapes(7, 5)


@pytest.mark.parametrize("d", [1, 2, 3, 6])  # where numbers happen to be equal
def test_equal_numbers_are_told_apart(d: int) -> None:
    rule = find_rule(shapes, d, d)
    assert rule.shapes(d + 2, d + 5) == shapes(d + 2, d + 5)


@st.composite
def paths(draw):
    """Widths of three times, and the places of the inputs from each to the next."""
    d = sorted(draw(st.lists(st.integers(1, 9), min_size=3, max_size=3)))
    places = [
        np.array(sorted(draw(st.permutations(range(wide)))[:narrow]), np.int64)
        for narrow, wide in pairwise(d)
    ]
    return d, sorted(draw(st.lists(st.integers(2, 5), min_size=3, max_size=3))), places


@given(paths())
def test_two_steps_are_one(path) -> None:
    d, c, (first, second) = path
    rule, old = find_rule(shapes, d[0], c[0]), arrays(d[0], c[0])
    twice = Step(second, d[2], c[1], c[2]).moments(Step(first, d[1], c[0], c[1]).moments(old, rule), rule)
    once = Step(second[first], d[2], c[0], c[2]).moments(old, rule)
    for name in old:
        np.testing.assert_array_equal(twice[name], once[name])
        assert np.count_nonzero(once[name]) == np.count_nonzero(old[name])


@given(paths())
def test_an_old_row_is_read_as_before(path) -> None:
    d, c, (places, _) = path
    rule, old = find_rule(shapes, d[0], c[0]), arrays(d[0], c[0])
    new = Step(places, d[1], c[0], c[1]).weights(old, rule)
    rows = np.random.default_rng(1).normal(size=(3, d[0]))
    wide = np.zeros((3, d[1]))
    wide[:, places] = rows
    np.testing.assert_allclose(
        new["read.weight"] @ wide[0], old["read.weight"] @ rows[0], rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(  # a window laid flat
        new["flat.weight"] @ wide.ravel(), old["flat.weight"] @ rows.ravel(), rtol=1e-6, atol=1e-7
    )
    np.testing.assert_array_equal(new["say.weight"][: c[0]], old["say.weight"])
    np.testing.assert_array_equal(new["say.bias"][c[0] :], old["say.bias"].min() - 2)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda d, c: {"norm": (d,), "say": (c, d)}, "'norm' has a unit for each"),
        (lambda d, c: {"hidden": (2 * d, d), "say": (c, 2 * d)}, "'hidden' has a unit for each"),
        (lambda d, c: {"read": (8, d + 3)}, "axis 1 of parameter 'read'"),
        (lambda d, c: {"read": (8, d // 2 + 1)}, "axis 1 of parameter 'read'"),
        (lambda d, c: {"read": (8, d) if d < 6 else (8, d, 1)}, "has more axes"),
        (lambda d, c: {f"layer{i}": (8, 8) for i in range(d)}, "is there for some numbers"),
    ],
)
def test_what_does_not_only_read_takes_no_more_columns(made, why: str) -> None:
    rule = find_rule(made, 4, 2)
    assert why in rule.columns and not rule.classes
    old = {k: np.zeros(s, np.float32) for k, s in made(4, 2).items()}
    with pytest.raises(SpecError, match="takes no more columns"):
        Step(np.arange(4), 5, 2, 2).weights(old, rule)
    same = Step(np.arange(4), 4, 2, 2).weights(old, rule)
    assert same.keys() == old.keys()


def test_fixed_outputs_take_no_more_classes() -> None:
    rule = find_rule(lambda d, c: {"say.bias": (c + 1,)}, 4, 2)
    with pytest.raises(SpecError, match="takes no more classes"):
        Step(np.arange(4), 4, 2, 3).weights({"say.bias": np.zeros(3, np.float32)}, rule)


def test_outputs_that_mirror_inputs_grow_with_them() -> None:
    rule = find_rule(
        lambda d, c: {"read": (3, d), "say": (d, 3), "say.bias": (d,)}, 4, 1, classify=False, mirrors=True
    )
    assert not rule.columns
    old = {"read": np.ones((3, 4)), "say": np.ones((4, 3)), "say.bias": np.ones(4)}
    assert Step(np.arange(4), 5, 1, 1).weights(old, rule)["say.bias"].tolist() == [1, 1, 1, 1, 0]


def test_an_array_of_another_shape_is_refused() -> None:
    with pytest.raises(SpecError, match="'say' has shape"):
        Step(np.arange(4), 5, 2, 2).weights(
            {"say": np.zeros((2, 7))}, find_rule(lambda d, c: {"say": (c, d)}, 4, 2)
        )


def test_a_network_that_is_made_for_one_number_of_inputs_takes_no_more() -> None:
    def made(d: int, c: int) -> dict[str, tuple[int, ...]]:
        if d != 4:
            raise ValueError("no square image")
        return {"say": (c, 9)}

    rule = find_rule(made, 4, 2)
    assert rule.columns == "it can't be made for 5 inputs: no square image" and not rule.classes
    weights = Step(np.arange(4), 4, 2, 3).weights({"say": np.ones((2, 9), np.float32)}, rule)
    assert weights["say"].shape == (3, 9)
