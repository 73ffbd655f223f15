"""What an operator asks of a running job, from another process; and how a job that is not running stands."""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from streamnn.errors import JobError

from ..ask.checkpoints import checkpoint_folders, open_checkpoint, open_worker
from ..live.partition_monitor import PartitionMonitor
from ..live.status import partition_status
from ..run.summary import edge_lines, number, plain
from .access import TOKEN

_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}/?|\[[0-9a-fA-F:]+\]:\d{1,5}/?")
CALL_TIMEOUT_S = 10.0
"""Seconds that a running job is given for an answer, unless told otherwise."""
SAVE_ANSWER_TIMEOUT_S = 40.0
"""Seconds an answer is waited for when a checkpoint is asked for: longer than the server tries."""


def as_url(target: str) -> str | None:
    """The URL of a running job, with a slash at its end; None for what is a path.

    Examples
    --------
    >>> as_url("http://a:1"), as_url("localhost:8321"), as_url("out/checkpoints")
    ('http://a:1/', 'http://localhost:8321/', None)
    """
    if target.startswith(("http://", "https://")):
        return target.rstrip("/") + "/"
    return f"http://{target.rstrip('/')}/" if _ADDRESS.fullmatch(target) else None


def call_job(target: str, path: str, method: str = "GET", timeout_s: float = CALL_TIMEOUT_S) -> Any:
    """Ask a running job, with the token of the environment.

    Raises
    ------
    JobError
        When it can't be reached, or refuses.
    """
    url = as_url(target)
    if url is None:
        raise JobError(f"{target}: is no address of a running job, such as http://127.0.0.1:8321")
    headers = {"Authorization": f"Bearer {os.environ[TOKEN]}"} if os.environ.get(TOKEN) else {}
    request = urllib.request.Request(url + path, method=method, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(request, timeout=timeout_s) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as e:
        with e:
            words = e.read(1000).decode("utf-8", "replace").strip()
        more = f". Set {TOKEN} to the token of the job" if e.code == 401 else ""
        raise JobError(f"{url}: refused ({e.code}): {words}{more}") from e
    except (OSError, http.client.HTTPException) as e:
        reason = getattr(e, "reason", e)
        raise JobError(
            f"{url}: can't be reached: {getattr(reason, 'strerror', None) or reason}. Is the job running, "
            "with --http at this address?"
        ) from e
    except ValueError as e:
        raise _no_job(url) from e


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the job it is meant for and nowhere else."""

    def redirect_request(self, *args: Any) -> None:
        return None


def _no_job(where: str) -> JobError:
    return JobError(f"{where}: what answers there is no streamnn job")


def status_of(target: str, say: Callable[[str], None]) -> dict[str, Any]:
    """How a job stands: a running one by its address, another by its checkpoint."""
    if as_url(target) is not None:
        found = call_job(target, "status")
        if not isinstance(found, dict) or "partitions" not in found:
            raise _no_job(target)
        return found
    found = [_saved(path, say) for path in checkpoint_folders(target)]
    return {"state": "not running", "outcome": None, "partitions": found}


def _saved(target: str, say: Callable[[str], None]) -> dict[str, Any]:
    arrays, manifest, path = open_checkpoint(target, say)
    worker = open_worker(arrays, manifest)
    view = PartitionMonitor(worker, int(manifest["resume"]["position"]), 0.0).view
    alarms = worker.alarms.recent
    more = {
        "last_alarm": alarms[-1] if alarms else None,
        "checkpoint": str(path),
        "version": manifest.get("version"),
    }
    out: dict[str, Any] = plain(partition_status(view) | more | {"state_bytes": path.size_bytes})
    return out


def status_lines(status: dict[str, Any]) -> list[str]:
    """The same for a person."""
    up = status.get("up_s")
    head = status["state"] if status["outcome"] is None else f"{status['state']}, {status['outcome']}"
    version = f"; streamnn {status['version']}" if "version" in status else ""
    out = [head + version + (f", up {up:,.0f} s" if up is not None else "")]
    for p in status["partitions"]:
        rate, lag = p["records_per_s"], p["lag"]
        flow = "" if rate is None else f", {rate:,.0f} a second"
        flow += "" if lag is None else f", {lag:,} not read yet"
        out += [
            f"{p['source']}, partition {p['partition']}: position {p['position']:,}{flow}",
            f"  records {p['records']:,}: learnt {p['learnt']:,}, pending {p['pending']:,}, "
            f"expired {p['expired']:,}, without label {p['unlabelled']:,}; dead letters "
            f"{p['dead'] + p['label_dead']:,}",
        ]
        scores = p["scores"]
        shown = [
            f"{words} {number(scores[key])}"
            for key, words in (("accuracy", "accuracy"), ("log_loss", "log loss"), ("mae", "MAE"), ("rmse", "RMSE"),
                               ("regret_per_event", "regret per event"))
            if isinstance(scores.get(key), (int, float))
        ]  # fmt: skip
        last = p.get("last_alarm")
        alarm = f"; the last at position {last['position']:,}: {last['cause']}" if last else ""
        out.append(f"  {', '.join([*shown, ''])}alarms {p['alarms']:,}{alarm}")
        if p.get("edge"):
            out += [f"  {line}" for line in edge_lines(p["edge"])]
        if p.get("checkpoint"):
            age = p.get("checkpoint_age_s")
            ago = "" if age is None else f", {age:,.0f} s ago"
            out.append(f"  checkpoint {p['checkpoint']}, {p['state_bytes'] or 0:,} bytes{ago}")
    return out
