"""A real S3 server for a test, and the environment that leads to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SECRET = "do-not-show-this-anywhere"


@contextmanager
def serving() -> Iterator[str]:
    """Endpoint of a server with one bucket, named bucket; skips where its packages are missing."""
    pytest.importorskip("obstore", reason="needs obstore: pip install 'streamnn[s3]'")
    pytest.importorskip("moto.moto_server.werkzeug_app", reason="needs moto[s3], flask and flask-cors")
    child = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("s3_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()


def environment(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """For this process and its children."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
