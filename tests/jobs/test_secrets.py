"""No secret of a job spec is ever printed, rightly or wrongly given."""

from __future__ import annotations

from typing import Any

import pytest

from streamnn.errors import SpecError
from streamnn_jobs.spec.fingerprint import learning_fields
from streamnn_jobs.spec.load import make_spec


def spec(**connection: Any) -> Any:
    return make_spec({
        "source": {"topic": "events"},
        "label": {"column": "y"},
        "learner": {"task": "classification"},
        "kafka": {"connection": connection},
    })  # fmt: skip


def test_a_spec_shows_none() -> None:
    made = spec(sasl_username="me", sasl_password="hunter2", ssl_password="hunter2")
    shown = (
        repr(made) + str(made) + str(made.model_dump()) + made.model_dump_json() + str(learning_fields(made))
    )
    assert "hunter2" not in shown and "me" in shown


@pytest.mark.parametrize(
    "connection",
    [
        {"sasl_password": 98765432},
        {"sasl_password": ["98765432"]},
        {"ssl_password": {"a": "98765432"}},
        {"sasl_password": "98765432", "security_protocol": "SAFE"},
        {"sasl_password": "98765432", "sasl_pasword": "98765432"},
        {"options": {"sasl_plain_password": "98765432"}},
    ],
)
def test_complaints_show_none(connection: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"kafka\.connection") as caught:
        spec(**connection)
    assert "98765432" not in str(caught.value)


def test_unknown_fields_of_a_connection_are_told_from_those_there_are() -> None:
    with pytest.raises(SpecError, match="sasl_pasword: is not known; did you mean sasl_password"):
        spec(sasl_pasword="x")
