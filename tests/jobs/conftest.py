"""The command line with a quick learner, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_run import Run
from fake_learner import make_fake

from streamnn_jobs.cli.app import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr("streamnn_jobs.run.learner.make_learner", make_fake)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STREAMNN_DEBUG", raising=False)

    def call(*args: str) -> tuple[int, str, str]:
        code = main(list(args))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call
