"""Secrets are never shown, options reach the client, and the client is optional."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from streamnn.errors import MissingPackage, SpecError
from streamnn_connectors.kafka import KafkaSettings
from streamnn_connectors.kafka._client import client
from streamnn_jobs.cli.app import main


def test_secrets_are_masked_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", "s3cret-of-env")
    settings = KafkaSettings(
        bootstrap_servers=["a:1", "b:2"],
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="job",
        sasl_password="env:BROKER_PASSWORD",
        ssl_password="s3cret",
        options={"fetch_max_wait_ms": 7},
    )
    shown = repr(settings) + str(settings) + str(settings.model_dump()) + settings.model_dump_json()
    assert "s3cret" not in shown and settings.where == "a:1,b:2"
    made = settings.client_options()
    assert made["sasl_plain_password"] == "s3cret-of-env" and made["ssl_password"] == "s3cret"
    assert made["sasl_plain_username"] == "job" and made["fetch_max_wait_ms"] == 7
    assert made["ssl_check_hostname"] is True


def test_a_wrong_secret_is_not_shown_in_the_complaint() -> None:
    with pytest.raises(ValidationError) as caught:
        KafkaSettings(sasl_password=12345678)  # type: ignore[arg-type]
    assert "12345678" not in str(caught.value)
    with pytest.raises(ValidationError, match="give it as sasl_password") as caught:
        KafkaSettings(options={"sasl_plain_password": "s3cret"})
    assert "s3cret" not in str(caught.value)


def test_settings_from_the_environment() -> None:
    environment = {
        "STREAMNN_KAFKA": "k:9",
        "STREAMNN_KAFKA_SASL_PASSWORD": "pw",
        "STREAMNN_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "STREAMNN_KAFKA_UNRELATED": "x",
    }
    settings = KafkaSettings.from_environment(environment)
    assert settings.bootstrap_servers == "k:9" and settings.security_protocol == "SASL_PLAINTEXT"
    assert settings.sasl_password is not None and settings.sasl_password.get_secret_value() == "pw"
    assert KafkaSettings.from_environment({}) == KafkaSettings()
    with pytest.raises(
        SpecError, match="STREAMNN_KAFKA_SECURITY_PROTOCOL in the environment: Input"
    ) as caught:
        KafkaSettings.from_environment({"STREAMNN_KAFKA_SECURITY_PROTOCOL": "s3cret"})
    assert "s3cret" not in str(caught.value)


def test_importing_needs_no_client_and_does_not_load_it() -> None:
    code = (
        "import sys; sys.modules['kafka'] = None\n"
        "import streamnn_connectors, streamnn_connectors.kafka as k\n"
        "from streamnn.errors import MissingPackage\n"
        "try: k.KafkaSource(k.KafkaSettings(), 't')\n"
        "except MissingPackage as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'streamnn[kafka]'" in done.stdout
    code = "import streamnn_connectors.kafka, sys; print('kafka' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_option_nobody_knows_is_refused() -> None:
    try:
        client()
    except MissingPackage as error:
        pytest.skip(str(error))
    from streamnn_connectors.kafka._client import make_consumer

    settings = KafkaSettings(bootstrap_servers="localhost:1", options={"fetch_max_weight": 1})
    with pytest.raises(SpecError, match="fetch_max_weight"):
        make_consumer(settings)


def test_a_failing_job_shows_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        client()
    except MissingPackage as error:
        pytest.skip(str(error))
    monkeypatch.setenv("STREAMNN_DEBUG", "1")  # tracebacks and all
    monkeypatch.setenv("STREAMNN_KAFKA_SASL_PASSWORD", "98765432")
    path = tmp_path / "job.toml"
    path.write_text(
        """
        [source]
        topic = "events"
        [label]
        column = "y"
        [learner]
        task = "classification"
        [kafka.connection]
        bootstrap_servers = "localhost:1"
        security_protocol = "SASL_PLAINTEXT"
        sasl_mechanism = "PLAIN"
        sasl_username = "me"
        sasl_password = "hunter2"
        connect_timeout_s = 0.3
        """
    )
    assert main(["check", str(path)]) == 3
    assert main(["feed", "flights", "--bootstrap", "localhost:1"]) == 3
    out, err = capsys.readouterr()
    assert "no Kafka broker answered at localhost:1" in err
    assert "hunter2" not in out + err and "98765432" not in out + err
