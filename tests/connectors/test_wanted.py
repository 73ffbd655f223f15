"""A projection of columns: what a name covers, and who wins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamnn_connectors.wanted import Wanted

NAMES = st.lists(st.sampled_from(["a", "b", ".a", ".b", "[0]", "[1]"]), min_size=1, max_size=4).map("".join)


def below(name: str, above: str) -> bool:
    return name == above or (name.startswith(above) and name[len(above)] in ".[")


@given(
    name=NAMES,
    include=st.none() | st.lists(NAMES, max_size=2),
    ignore=st.lists(NAMES, max_size=2),
    always=st.lists(NAMES, max_size=2),
)
def test_takes_is_what_its_words_say(
    name: str, include: list[str] | None, ignore: list[str], always: list[str]
) -> None:
    wanted = Wanted(include, ignore, always)
    included = include is None or any(below(name, given) for given in include)
    ignored = any(below(name, given) for given in ignore)
    assert wanted.takes(name) == (name in always or (included and not ignored))
    assert wanted.takes(name) == wanted.takes(name)  # the second answer is remembered


@given(
    name=NAMES,
    rest=st.lists(st.sampled_from([".a", ".b", "[0]"]), max_size=3).map("".join),
    include=st.none() | st.lists(NAMES, max_size=2),
    ignore=st.lists(NAMES, max_size=2),
    always=st.lists(NAMES, max_size=2),
)
def test_what_is_wanted_can_be_reached(
    name: str, rest: str, include: list[str] | None, ignore: list[str], always: list[str]
) -> None:
    wanted = Wanted(include, ignore, always)
    if wanted.takes(name + rest):
        assert wanted.enters(name)


def test_names_that_match_nothing_are_known() -> None:
    wanted = Wanted(ignore=["notte", "meta"], always=["y"])
    for name in ("a", "meta.trace", "y", "note"):
        wanted.takes(name)
    assert wanted.unmatched() == ["notte"]


def test_a_name_is_not_covered_by_its_beginning() -> None:
    assert Wanted(ignore=["meta"]).takes("metal") and Wanted(ignore=["x"]).takes("x1")
