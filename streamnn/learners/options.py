"""Checks of the options that all learners share."""

from __future__ import annotations

from typing import Any

from ..errors import SpecError


def check_options(
    seed: Any,
    max_columns: Any,
    max_pending: Any,
    events_per_false_alarm: Any,
    categories: Any,
    coverage: Any,
    p_values: Any,
    threads: Any,
    alarms: Any,
) -> None:
    """Refuse what is no option, naming it and what is allowed.

    Raises
    ------
    SpecError
    """
    for name, v, least in (
        ("max_columns", max_columns, 1),
        ("max_pending", max_pending, 1),
        ("seed", seed, 0),
        ("threads", threads, 1),
    ):
        if not isinstance(v, int) or isinstance(v, bool) or v < least:
            raise SpecError(f"learner option {name} is {v!r}: allowed is a whole number of at least {least}")
    if not isinstance(events_per_false_alarm, (int, float)):
        raise SpecError(
            f"learner option events_per_false_alarm is {events_per_false_alarm!r}: allowed is a number"
        )
    if isinstance(categories, str) or not isinstance(categories, (list, tuple, set, frozenset)):
        raise SpecError(f"learner option categories is {categories!r}: allowed is a list of column names")
    if not all(isinstance(c, str) for c in categories):
        raise SpecError(f"learner option categories is {categories!r}: allowed is a list of column names")
    if (
        isinstance(coverage, bool)
        or not isinstance(coverage, (int, float))
        or not (coverage == 0 or 0.5 <= coverage < 1)
    ):
        raise SpecError(
            f"learner option coverage is {coverage!r}: allowed is 0 for none, or a share from .5 to below 1"
        )
    for name, v in (("p_values", p_values), ("alarms", alarms)):
        if not isinstance(v, bool):
            raise SpecError(f"learner option {name} is {v!r}: allowed is true or false")
