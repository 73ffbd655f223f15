"""A process to be killed or stopped: reads a topic, answers each message, commits; told what to do on its input.

Run as ``python kafka_child.py SERVERS EVENTS OUTPUTS GROUP ID MODE``; says on its output what it has done.
"""

from __future__ import annotations

import sys

from streamnn_connectors.kafka import KafkaSettings, KafkaSource, KafkaTransaction, Place, TransactionFailed


def main(servers: str, events: str, outputs: str, group: str, identity: str, mode: str) -> None:
    settings = KafkaSettings(bootstrap_servers=servers)
    source = KafkaSource(settings, events, group, managed=mode == "member", session_timeout_s=2)
    name = "0"
    if mode == "member":
        while not (found := [c for c in source.changes() if c.kind == "assigned"]):
            source.wait(1)
        name = found[0].partitions[0]
    output = KafkaTransaction(settings, identity, timeout_s=10)
    partition = source.open(name, {"position": 0})
    say("ready")
    for line in sys.stdin:
        word = line.strip()
        try:
            if word == "send":
                batch = partition.next_batch(10)
                while batch is None or not len(batch.position):
                    partition.wait(1)
                    batch = partition.next_batch(10)
                output.begin()
                output.send(outputs, [b"%d" % p for p in batch.position], partition=0)
                say(f"sent {len(batch.position)}")
            elif word == "commit":
                at = {Place(events, int(name)): partition.offset(partition.resume)}
                output.commit(at, partition.membership())
                say("committed")
        except TransactionFailed as error:
            say(type(error).__name__)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
