"""Topics as sources: the contract, what messages carry, and every way an offset can go missing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from kafka_helpers import batches, committed_run, eventually, produce, read, rows

from streamnn.errors import SourceError, SpecError
from streamnn_connectors import check_source
from streamnn_connectors.kafka import (
    KafkaAdmin,
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    LivePartition,
    MessageFields,
    SharedSource,
)

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Close = Callable[[Any], Any]

ROWS: list[dict[str, Any]] = [
    {"x": 1.5, "w": "a"},
    {"x": None, "w": "b"},
    {"x": -2.0},
    {"w": "é", "late": 3.0},
]


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_json_keeps_the_contract_with_gaps_in_the_offsets(
    settings: KafkaSettings, topic: Make, name: Callable[[str], str], closing: Close
) -> None:
    where = topic()
    texts = [json.dumps(row).encode() for row in ROWS]
    output = closing(KafkaTransaction(settings, name("id")))
    # markers of transactions and what is aborted take offsets as well
    committed_run(output, where, [texts[0], b"{oops"], [texts[1]])
    output.begin()
    output.send(where, [b'{"x": "aborted"}'], partition=0)
    output.abort()
    produce(settings, where, [None, texts[2], texts[3]], keys=[b"k", None, None])
    committed_run(output, where, texts)
    source = closing(KafkaSource(settings, where, until_end=True))
    assert isinstance(source, SharedSource)
    check_source(lambda: source, [*ROWS, *ROWS])
    partition = source.open("0")
    assert isinstance(partition, LivePartition)
    found = batches(partition, 10)
    offsets = [message.offset for message in read(settings, where)]
    assert len(offsets) == 10 and offsets[-1] >= 11
    assert found[-1].resume["position"] == offsets[-1] + 1 and partition.next_batch(9) is None
    assert [b.stage for batch in found for b in batch.bad] == ["decode", "decode"]


def test_arrays_keep_the_contract(settings: KafkaSettings, topic: Make, closing: Close) -> None:
    where = topic()
    produce(settings, where, [b"[%d,null]" % i for i in range(4)] + [b"[1]", b'[4,"w"]'])
    source = closing(KafkaSource(settings, where, until_end=True, columns=["x", "w"]))
    expected = [{"x": float(i)} for i in range(4)] + [{"x": 4.0, "w": "w"}]
    check_source(lambda: source, expected, limits=(1, 4, 100))


def test_arrow_keeps_the_contract_and_resumes_within_a_message(
    settings: KafkaSettings, topic: Make, closing: Close
) -> None:
    where = topic()
    tables = [pa.table({"x": [float(10 * m + i) for i in range(3)]}) for m in range(3)]
    other = pa.table({"x": [1.0], "new": ["a"]})
    produce(
        settings,
        where,
        [stream(tables[0]), b"no arrow", stream(other), *map(stream, tables[1:]), None],
        keys=[b"k"] * 6,
    )
    source = closing(KafkaSource(settings, where, until_end=True, format="arrow"))
    expected = [{"x": float(i)} for i in range(3)] + [{"x": 1.0, "new": "a"}]
    expected += [{"x": float(10 * m + i)} for m in (1, 2) for i in range(3)]
    check_source(lambda: source, expected, limits=(1, 2, 4, 100))
    partition = source.open("0")
    first = batches(partition, 2, limit=2)[0]
    assert partition.offset(first.resume) == (0, 2)
    original = partition.original(int(first.position[1]))
    assert original is not None and original.value == stream(tables[0])
    rest = batches(source.open("0", first.resume), 10)
    assert partition.offset(rest[-1].resume) == (6, 0)
    assert [b.reason for batch in rest for b in batch.bad][1].startswith("a tombstone")


def test_key_time_and_headers_become_columns(settings: KafkaSettings, topic: Make, closing: Close) -> None:
    where = topic()
    headers = [("trace", b"t1"), ("other", b"\xff")]
    produce(settings, where, [b'{"x":1}', None, b"{bad", b'{"x":2}'], [b"a", b"\xffb", b"c", None], headers)
    fields = MessageFields("id", "at_ms", {"trace": "trace", "none": "none"})
    source = closing(KafkaSource(settings, where, until_end=True, fields=fields, tombstones="row"))
    partition = source.open("0")
    found = batches(partition, 4)
    got = rows(found)
    assert [row["id"] for row in got] == ["a", "\\xffb", None]
    assert [row["x"] for row in got] == [1.0, None, 2.0]
    assert {row["trace"] for row in got} == {"t1"} and {row["none"] for row in got} == {None}
    assert all(abs(row["at_ms"] / 1000 - time.time()) < 60 for row in got)
    original = partition.original(2)
    assert original is not None
    assert (original.key, original.value, original.header("other")) == (b"c", b"{bad", b"\xff")
    assert partition.original(77) is None
    skipping = closing(KafkaSource(settings, where, until_end=True, tombstones="skip")).open("0")
    batches(skipping, 3)
    assert skipping.skipped == 1


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read_and_written(
    settings: KafkaSettings, topic: Make, name: Callable[[str], str], closing: Close, codec: str
) -> None:
    from kafka.codec import has_lz4, has_snappy, has_zstd

    if not {"gzip": lambda: True, "snappy": has_snappy, "lz4": has_lz4, "zstd": has_zstd}[codec]():
        pytest.skip(f"needs the package for {codec}: pip install 'kafka-python[{codec}]'")
    where = topic()
    output = closing(KafkaTransaction(settings, name("id"), compression=codec))
    committed_run(output, where, [b'{"x":%d}' % i for i in range(500)])
    source = closing(KafkaSource(settings, where, until_end=True))
    assert [row["x"] for row in rows(batches(source.open("0"), 500))] == list(range(500))


def test_reading_never_blocks_and_is_bounded(settings: KafkaSettings, topic: Make, closing: Close) -> None:
    where = topic()
    source = closing(KafkaSource(settings, where, buffer_records=1000))
    partition = source.open("0")
    longest = 0.0
    for _ in range(200):
        began = time.perf_counter()
        batch = partition.next_batch(10)
        longest = max(longest, time.perf_counter() - began)
        assert batch is not None and not len(batch.position)
        time.sleep(0.001)
    assert longest < 0.1
    assert not partition.wait(0.05)
    produce(settings, where, [b'{"x":%d}' % i for i in range(6000)])
    assert partition.wait(10)
    time.sleep(0.5)
    assert 1000 <= partition._slot.count <= 1500
    assert [row["x"] for row in rows(batches(partition, 6000, limit=700))] == list(range(6000))
    assert partition.lag() == 0


def test_an_open_transaction_is_waited_for(
    settings: KafkaSettings, topic: Make, name: Callable[[str], str], closing: Close
) -> None:
    where = topic()
    output = closing(KafkaTransaction(settings, name("id")))
    output.begin()
    output.send(where, [b'{"x":1}'] * 3, partition=0)
    partition = closing(KafkaSource(settings, where)).open("0")
    dirty = closing(KafkaSource(settings, where, isolation="read_uncommitted")).open("0")
    assert len(rows(batches(dirty, 3))) == 3
    batch = partition.next_batch(10)
    assert batch is not None and not len(batch.position)
    output.commit()
    assert len(rows(batches(partition, 3))) == 3


def test_expired_offsets_are_an_error_and_never_a_jump(
    settings: KafkaSettings, admin: KafkaAdmin, topic: Make, closing: Close
) -> None:
    where = topic()
    produce(settings, where, [b'{"x":%d}' % i for i in range(50)])
    source = closing(KafkaSource(settings, where))
    partition = source.open("0")
    found = batches(partition, 10)
    partition.close()
    admin.delete_before(where, 0, 30)
    again = source.open("0", found[-1].resume)
    with pytest.raises(SourceError, match="offset 10 of partition 0 is not there"):
        batches(again, 1)
    with pytest.raises(SourceError, match="offset 10"):
        again.next_batch(1)
    # the beginning is what there is, and beyond the end there is nothing either
    assert rows(batches(source.open("0"), 20))[0] == {"x": 30.0}
    with pytest.raises(SourceError, match="offset 99"):
        batches(source.open("0", {"position": 99}), 1)


def test_a_topic_that_goes_is_an_error_within_the_stated_time(
    settings: KafkaSettings, admin: KafkaAdmin, topic: Make, closing: Close
) -> None:
    gone, anew = topic("gone"), topic("anew")
    opened = {}
    for where in (gone, anew):
        produce(settings, where, [b'{"x":1}'])
        opened[where] = closing(KafkaSource(settings, where, check_s=0.5)).open("0")
        batches(opened[where], 1)
        admin.delete(where)
    eventually(lambda: admin.find(anew) is None)
    admin.create(anew, 1)

    def complaint(where: str) -> str:
        try:
            opened[where].next_batch(1)
        except SourceError as error:
            return str(error)
        return ""

    began = time.monotonic()
    assert "deleted" in eventually(lambda: complaint(gone))
    assert "made anew" in eventually(lambda: complaint(anew))
    assert time.monotonic() - began < 5


def test_more_partitions_are_an_error(
    settings: KafkaSettings, admin: KafkaAdmin, topic: Make, closing: Close
) -> None:
    where = topic()
    partition = closing(KafkaSource(settings, where, check_s=0.3)).open("0")
    admin._admin.create_partitions({where: 3})

    def complains() -> bool:
        try:
            partition.next_batch(1)
        except SourceError as error:
            return "3 partitions now, 1 when" in str(error)
        return False

    eventually(complains)


def test_several_partitions_with_one_consumer(settings: KafkaSettings, topic: Make, closing: Close) -> None:
    where = topic(partitions=3)
    for p in range(3):
        produce(settings, where, [b'{"x":%d}' % (100 * p + i) for i in range(20)], partition=p)
    source = closing(KafkaSource(settings, where, start="earliest"))
    assert source.partitions() == ["0", "1", "2"] and source.info().metadata["partitions"] == 3
    opened = [source.open(p) for p in source.partitions()]
    for p, partition in enumerate(opened):
        assert [row["x"] for row in rows(batches(partition, 20))] == [100 * p + i for i in range(20)]
    opened[1].close()
    opened[1].close()
    with pytest.raises(SourceError, match="closed"):
        opened[1].next_batch(1)
    produce(settings, where, [b'{"x":7}'], partition=2)
    assert source.wait(10) and rows(batches(opened[2], 1)) == [{"x": 7.0}]
    latest = closing(KafkaSource(settings, where, start="latest")).open("0")
    assert latest.resume == {"position": 20, "kinds": []}


class _NoText(str):
    def encode(self, *_: Any) -> bytes:
        return b"\xff"


def test_a_message_the_client_cannot_read_is_an_error(
    settings: KafkaSettings, topic: Make, closing: Close
) -> None:
    where = topic()
    produce(settings, where, [b'{"x":1}'])
    produce(settings, where, [b'{"x":2}'], headers=[(_NoText("h"), b"v")])
    partition = closing(KafkaSource(settings, where)).open("0")
    assert rows(batches(partition, 1)) == [{"x": 1.0}]
    with pytest.raises(SourceError, match=r"one of \{0: 1\} is damaged, or the name of a header"):
        batches(partition, 1)


def test_mistakes_are_named(settings: KafkaSettings, topic: Make, closing: Close) -> None:
    where = topic()
    with pytest.raises(SourceError, match="is not there"):
        KafkaSource(settings, where + "-none")
    with pytest.raises(SourceError, match="no Kafka broker answered at localhost:1:"):
        KafkaSource(KafkaSettings(bootstrap_servers="localhost:1", connect_timeout_s=0.5), where)
    with pytest.raises(SpecError, match="name of a group"):
        KafkaSource(settings, where, managed=True)
    with pytest.raises(SpecError, match="go with JSON"):
        KafkaSource(settings, where, format="arrow", columns=["x"])
    source = closing(KafkaSource(settings, where))
    with pytest.raises(SourceError, match="has no partition '1'"):
        source.open("1")
    with pytest.raises(SourceError, match="has no position"):
        source.open("0", {"kinds": []})


def test_admin_describes_and_compares(settings: KafkaSettings, admin: KafkaAdmin, topic: Make) -> None:
    events, labels, few = topic(partitions=2, retention_ms=60000), topic(partitions=2), topic()
    assert admin.require_alike(events, labels) == 2
    with pytest.raises(SpecError, match=r"has 2 partitions, .* 1: the label"):
        admin.require_alike(events, few)
    limits = admin.limits(events)
    assert limits.retention_s == 60 and limits.cleanup == "delete" and (limits.message_bytes or 0) > 1_000_000
    with pytest.raises(SpecError, match="is there already"):
        admin.create(events)
    assert admin.create(events, exist_ok=True) is False


def test_partitions_that_are_opened_at_once_share_a_consumer(
    settings: KafkaSettings, topic: Make, closing: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamnn_connectors.kafka import source as module

    made: list[Any] = []

    def make_consumer(*args: Any, **options: Any) -> Any:
        made.append(plain(*args, **options))
        return made[-1]

    plain = module.make_consumer
    monkeypatch.setattr(module, "make_consumer", make_consumer)
    source = closing(KafkaSource(settings, topic(partitions=4)))
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(source.open, "0123"))
    assert len(opened) == 4 and len(made) == 1
