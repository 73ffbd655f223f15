"""Functions that a spec names: found in installed packages, or in the folder that a job is started in."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable
from functools import reduce
from types import ModuleType
from typing import Any

from streamnn.errors import SpecError

from ..spec.load import suggest

_FORM = "package.module:function, such as my_nets:mlp"


def named_function(text: str, field: str) -> Callable[..., Any]:
    """What ``package.module:function`` names.

    The module is imported, so whatever stands in it is run. The current folder can be imported from, as if Python were
    started there.

    Parameters
    ----------
    text : str
    field : str
        Of the spec, for messages.

    Raises
    ------
    SpecError
        Names the field, the module or the attribute that is wrong, and what to do.

    Examples
    --------
    >>> named_function("math:hypot", "learner.make")(3, 4)
    5.0
    >>> named_function("math:hypto", "learner.make")
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: learner.make: module 'math' has no 'hypto'; did you mean hypot?
    """
    name, colon, attribute = text.partition(":")
    if not (colon and all(name.split(".")) and all(attribute.split("."))):
        raise SpecError(f"{field}: is {text!r}; write it as {_FORM}")
    module = _imported(name, field)
    try:
        found = reduce(getattr, attribute.split("."), module)
    except AttributeError:
        near = suggest(attribute, [n for n, v in vars(module).items() if callable(v) and n[0] != "_"])
        raise SpecError(f"{field}: module {name!r} has no {attribute!r}; {near}") from None
    if not callable(found):
        raise SpecError(f"{field}: {text} is of type {type(found).__name__}; name a function")
    return found


def _imported(name: str, field: str) -> ModuleType:
    folder = os.getcwd()
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)  # for good: what is imported may import more when it is called
    importlib.invalidate_caches()  # the file may be younger than the folder's listing
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is the command's own: JSON, say
            return importlib.import_module(name)
    except ModuleNotFoundError as e:
        missing = e.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise SpecError(
                f"{field}: there is no module {missing!r}, neither installed nor in {folder}: start the job in the folder "
                "that holds it, or install it"
            ) from None
        extra = "run pip install 'streamnn[torch]'" if missing == "torch" else "install it"
        raise SpecError(f"{field}: module {name!r} needs {missing!r}, which is not installed: {extra}") from e
    except (Exception, SystemExit) as e:  # a script that is no module ends the process
        raise SpecError(f"{field}: module {name!r} can't be imported: {type(e).__name__}: {e}") from e
