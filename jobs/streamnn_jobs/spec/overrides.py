"""The options of a source, checked by what the source takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from streamnn.errors import SpecError
from streamnn_connectors.table import NO_KINDS
from streamnn_connectors.wanted import EVERYTHING

from .load import shown, suggest


def check_options(source: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Compare options with the parameters of a source: their names, and their types by the defaults.

    Raises
    ------
    SpecError
        Names the option, what is wrong with it and what is allowed.

    Examples
    --------
    >>> from streamnn_connectors import CsvSource
    >>> check_options(CsvSource, {"delimiter": ";"})
    >>> check_options(CsvSource, {"max_record_bytes": "abc"})
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: source.options.max_record_bytes: is 'abc'; allowed: a whole number, 1 or more
    """
    parameters = inspect.signature(source).parameters.values()
    annotation = {p.name: p.annotation for p in parameters}
    own = (inspect.Parameter.empty, EVERYTHING, NO_KINDS)  # what is no option of a person
    known = {p.name: p.default for p in parameters if all(p.default is not other for other in own)}
    for name, value in options.items():
        if name not in known:
            raise SpecError(f"source.options.{name}: is not known; {suggest(name, list(known))}")
        if "bool" in str(annotation[name]):
            fits, allowed = isinstance(value, bool) or value == known[name], "true or false"
        elif isinstance(known[name], int):
            fits = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            allowed = "a whole number, 1 or more"
        elif isinstance(known[name], str):
            fits, allowed = isinstance(value, str), "a text"
        else:
            fits = isinstance(value, list) and all(isinstance(v, str) for v in value)
            allowed = 'a list of texts, such as ["a", "b"]'
        if not fits:
            raise SpecError(f"source.options.{name}: is {shown(value)}; allowed: {allowed}")
