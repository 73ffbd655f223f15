"""TOML to a job spec, and every complaint in people's words."""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from streamnn.errors import SpecError

from .job import JobSpec

_WRONG = {
    "missing": "is missing",
    "int_type": "is {got}, not a whole number",
    "int_from_float": "is {got}, not a whole number",
    "float_type": "is {got}, not a number",
    "string_type": "is {got}, not a text",
    "bool_type": "is {got}, not true or false",
    "list_type": "is {got}, not a list",
    "dict_type": "is {got}, not a table",
    "model_type": "is {got}, not a table",
    "model_attributes_type": "is {got}, not a table",
    "literal_error": "is {got}, which is not one of the choices",
}


def load_spec(path: str | Path, changes: list[str] | None = None) -> JobSpec:
    """Read and check a job spec.

    Parameters
    ----------
    path : path
        A TOML file.
    changes : list of str, optional
        Settings that replace those of the file, each like ``"label.delay_events=48"``.

    Raises
    ------
    SpecError
        Names the file, the field, what is wrong with it and what is allowed.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode()
    except OSError as e:
        raise SpecError(f"{path}: can't be read: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise SpecError(f"{path}: is not UTF-8 text, so no TOML file") from e
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise SpecError(f"{path}: no valid TOML: {e}") from e
    return make_spec(data, changes, where=str(path))


def make_spec(data: dict[str, Any], changes: list[str] | None = None, where: str = "job") -> JobSpec:
    """A checked spec of plain data.

    Raises
    ------
    SpecError
        One line a mistake.

    Examples
    --------
    >>> make_spec({"source": {"dataset": "flights"}, "label": {"delay_event": 3}})
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: job: label.delay_event: is not known; did you mean delay_events?
    """
    for change in changes or []:
        set_field(data, change)
    try:
        return JobSpec.model_validate(data)
    except ValidationError as e:
        lines = list(dict.fromkeys(_in_words(error) for error in e.errors()))
        raise SpecError("\n".join(f"{where}: {line}" if where else line for line in lines)) from None


def set_field(data: dict[str, Any], change: str) -> None:
    """Apply ``key.key=value`` to plain data; the value is read as TOML or a JSON object, else as text.

    Where a list is wanted, text with commas is one.

    Examples
    --------
    >>> data = {}
    >>> set_field(data, "learner.preset=large"); set_field(data, "checkpoint.keep=3")
    >>> set_field(data, "features.ignore=city,price")
    >>> data
    {'learner': {'preset': 'large'}, 'checkpoint': {'keep': 3}, 'features': {'ignore': ['city', 'price']}}
    """
    key, equals, text = change.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise SpecError(f"--set {change!r}: write it as section.field=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = _json_object(text)
        if value is None:
            value = text.strip() or text  # a tab is a delimiter
    if _wants_list(names) and not isinstance(value, list):
        value = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    for i, name in enumerate(names[:-1]):
        data = data.setdefault(name, {})
        if not isinstance(data, dict):
            raise SpecError(f"--set {change!r}: {'.'.join(names[: i + 1])} is not a table")
    data[names[-1]] = value


def _json_object(text: str) -> dict[str, Any] | None:
    """The object that is written as JSON, as TOML would have it; None where it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def suggest(name: str, known: list[str]) -> str:
    """``"did you mean x?"``, or what there is."""
    near = [k for k in known if k.startswith(name)][:1] or difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known) or 'none'}"


def _in_words(error: Any) -> str:
    loc = [
        p for p in error["loc"] if not isinstance(p, str) or not p.startswith(("constrained", "function-"))
    ]
    names = [p for p in loc if isinstance(p, str) and p not in ("int", "float", "str", "bool", "list[str]")]
    field = ".".join(names)
    if error["type"] == "value_error":
        text = str(error["ctx"]["error"])
        return f"{field}: {text}" if field else text
    model, description = _field(names)
    if error["type"] == "extra_forbidden":
        return f"{field}: is not known; {suggest(names[-1], list(model.model_fields))}"
    # whatever stands where a secret belongs may be one
    got = "(not shown)" if _secret(model, names) else shown(error["input"])
    wrong = _WRONG.get(error["type"], "is {got}, which is out of range").format(got=got)
    allowed = f"; allowed: {description}" if description else ""
    return f"{field}: {wrong}{allowed}"


def _field(names: list[str]) -> tuple[type[BaseModel], str]:
    """The section a field lies in, and what is allowed there."""
    model: type[BaseModel] = JobSpec
    description = ""
    for name in names:
        field = model.model_fields.get(name)
        if field is None:
            return model, ""
        description = field.description or ""
        kinds = [field.annotation, *get_args(field.annotation)]
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), model)
    return model, description


def _wants_list(names: list[str]) -> bool:
    model, _ = _field(names[:-1])
    field = model.model_fields.get(names[-1])
    kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
    return str not in kinds and any(get_origin(kind) is list for kind in kinds)


def _secret(model: type[BaseModel], names: list[str]) -> bool:
    field = model.model_fields.get(names[-1]) if names else None
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def shown(value: Any) -> str:
    """A value of a spec, for a person."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
