"""A job in a process of its own, to be killed, stopped and continued.

Run as ``python kafka_job_child.py SPEC POLICY LEARNER``: a TOML or JSON spec; ``time`` or ``chance``; ``fake`` or
``pool``. Says on its error output what the job says, and on its output, at a clean end, how it ended.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from kafka_job_helpers import by_chance
from kafka_job_helpers import make_fake as fake

from streamnn_jobs.kafka.inputs import by_time
from streamnn_jobs.kafka.job import KafkaJob
from streamnn_jobs.spec.load import make_spec


def main(spec: str, policy: str, learner: str) -> None:
    job = KafkaJob(
        make_spec(json.loads(Path(spec).read_text())),
        make=fake if learner == "fake" else None,
        policy=by_time if policy == "time" else by_chance(),
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    signal.signal(signal.SIGTERM, lambda number, frame: job.stop())
    print(json.dumps(job.run().summary()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
