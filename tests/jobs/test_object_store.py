"""Checkpoints in an object store that stands in for a real one: leases, zombies, lost replies, no answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_learner import make_fake
from hypothesis import given
from hypothesis import strategies as st
from script import late_spec, stream
from stand_in import Clock, MemoryBucket

from streamnn.errors import StateError
from streamnn_connectors import ScriptedSource
from streamnn_jobs.ask.checkpoints import describe, open_checkpoint
from streamnn_jobs.run.checkpoint import CheckpointStore, read_checkpoint
from streamnn_jobs.run.result import Result
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.worker import Worker
from streamnn_jobs.stores import opening
from streamnn_jobs.stores.bucket import StoreError
from streamnn_jobs.stores.lease import Lease, LeaseLost
from streamnn_jobs.stores.objects import ObjectStore

ARRAYS = {"a": np.arange(3.0)}
URL = "s3://bucket/job"


class Writer:
    """One job's view of the store, without a thread; its clock stands until it waits."""

    def __init__(self, bucket: MemoryBucket, lease_s: float = 30.0, keep: int = 2) -> None:
        self.said: list[str] = []
        self.clock = Clock()
        self.lease = Lease(bucket, lease_s, self.said.append, self.clock, self.clock.sleep)
        self.store = ObjectStore(bucket, self.said.append, lease_s, self.lease)
        self.checkpoints = CheckpointStore(self.store, keep, self.said.append)

    def take(self, at_once: bool = False, stopping: Callable[[], bool] = lambda: False) -> Writer:
        self.store._take(at_once, stopping)
        return self

    def save(self, position: int) -> str:
        return self.checkpoints.save(position, ARRAYS, {"position": position}).name

    @property
    def newest(self) -> int | None:
        found = self.checkpoints.load()
        return None if found is None else int(found[1]["position"])


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


def names(bucket: MemoryBucket) -> list[str]:
    return sorted(name for name in bucket.objects if name != "owner.json")


def test_what_is_written_is_read_and_older_ones_go(bucket: MemoryBucket) -> None:
    writer = Writer(bucket).take()
    assert writer.newest is None
    for position in (10, 20, 20, 10_000_000_000_000):
        writer.save(position)
    assert names(bucket) == [
        "checkpoint-000000000020.1-3.safetensors",
        "checkpoint-10000000000000.1-4.safetensors",
    ]
    reader = Writer(bucket)  # needs no lease
    assert reader.newest == 10_000_000_000_000
    assert [saved.position for saved in reader.checkpoints.files()] == [10_000_000_000_000, 20]


@pytest.mark.parametrize("keep", [1, 2])
def test_later_ones_do_not_count_and_do_not_go(bucket: MemoryBucket, keep: int) -> None:
    writer = Writer(bucket, keep=keep).take()
    for position in (2000, 1500, 1600, 1700):
        writer.save(position)
    found = [saved.position for saved in writer.checkpoints.files()]
    assert found == [2000, 1700, 1600][: keep + 1] and len(names(bucket)) == keep + 1
    writer.save(2100)
    assert [saved.position for saved in writer.checkpoints.files()] == [2100, 2000][:keep]


def test_what_can_not_be_used_is_set_aside_and_saving_goes_on(bucket: MemoryBucket) -> None:
    first = Writer(bucket).take()
    first.save(1000)
    bad = first.save(2000)
    first.store.release()
    bucket.objects[bad] = (b"bad", 0)
    writer = Writer(bucket, keep=1).take()
    assert writer.newest == 1000
    held = dict(bucket.objects)
    assert Writer(bucket).newest == 1000 and bucket.objects == held  # who only reads changes nothing
    for position in (1500, 1600):
        name = writer.save(position)
        assert names(bucket) == sorted([name, f"{bad}.unusable"])
        assert writer.newest == position
    assert bucket.objects[f"{bad}.unusable"][0] == b"bad"
    assert sum(f"{bad} can't be used and is set aside as {bad}.unusable" in text for text in writer.said) == 1
    assert Writer(bucket).newest == 1600
    writer.store.release()
    Writer(bucket).take().save(1700)
    assert f"{bad}.unusable" in names(bucket)  # not swept away by later owners


def test_one_that_is_gone_can_not_be_set_aside(bucket: MemoryBucket) -> None:
    writer = Writer(bucket).take()
    writer.save(1000)
    del bucket.objects[writer.save(2000)]
    assert writer.newest == 1000
    name = writer.save(1500)
    assert writer.newest == 1500 and name in names(bucket) and len(names(bucket)) == 2


def test_each_is_put_once_and_named_by_the_owner_object(bucket: MemoryBucket) -> None:
    writer = Writer(bucket).take()
    bucket.asked.clear()
    writer.save(10)
    writer.save(20)
    assert bucket.asked == ["put checkpoint-000000000010.1-1.safetensors", "put owner.json", "list",
                            "put checkpoint-000000000020.1-2.safetensors", "put owner.json"]  # fmt: skip
    assert json.loads(bucket.objects["owner.json"][0])["checkpoints"] == names(bucket)[::-1]


def test_nobody_writes_without_being_the_owner(bucket: MemoryBucket) -> None:
    with pytest.raises(StateError, match="written by their owner only"):
        Writer(bucket).save(10)
    assert not bucket.objects


def test_a_living_owner_is_left_in_peace(bucket: MemoryBucket) -> None:
    first, second = Writer(bucket).take(), Writer(bucket)
    second.clock.on_sleep = first.lease.renew
    with pytest.raises(StateError, match=r"another job is writing its checkpoints here \(.+ process \d+ "):
        second.take()
    assert second.clock.now - 1000 <= 3
    assert first.save(10) in bucket.objects


def test_a_released_store_is_taken_at_once(bucket: MemoryBucket) -> None:
    first = Writer(bucket).take()
    first.save(10)
    first.store.release()
    second = Writer(bucket).take()
    assert second.clock.now == 1000 and second.newest == 10 and not second.said


def test_one_that_releases_while_another_waits(bucket: MemoryBucket) -> None:
    first, second = Writer(bucket).take(), Writer(bucket)
    second.clock.on_sleep = first.store.release
    second.take()
    assert second.clock.now - 1000 <= 3
    second.save(10)


def test_told_to_stop_while_it_waits(bucket: MemoryBucket) -> None:
    Writer(bucket).take()
    held = dict(bucket.objects)
    with pytest.raises(StateError, match=r"told to stop while waiting for .+ process"):
        Writer(bucket).take(stopping=lambda: True)
    assert bucket.objects == held


@pytest.mark.parametrize("lease_s", [1.0, 30.0, 600.0])
def test_an_owner_without_a_sign_of_life_for_its_lease_is_gone(bucket: MemoryBucket, lease_s: float) -> None:
    Writer(bucket, lease_s).take().save(10)
    second = Writer(bucket, lease_s=2.0).take()  # what counts is the time of the one that holds it
    assert lease_s <= second.clock.now - 1000 <= lease_s * 1.11
    assert second.newest == 10 and "if it gives no sign of life" in second.said[0]


def test_a_zombie_writes_nothing_that_counts(bucket: MemoryBucket) -> None:
    zombie = Writer(bucket).take()
    zombie.save(10)
    zombie.save(20)
    heir = Writer(bucket).take()
    assert heir.newest == 20
    with pytest.raises(LeaseLost, match=r"by now: this job stood still for longer than its lease of 30 s"):
        zombie.save(30)  # its object is there: only the owner object says that it counts for nothing
    assert "checkpoint-000000000030.1-3.safetensors" in bucket.objects
    assert heir.newest == 20 and Writer(bucket).newest == 20
    asked = len(bucket.asked)
    for act in (lambda: zombie.save(40), zombie.lease.renew, zombie.store.check):
        with pytest.raises(LeaseLost):
            act()
    zombie.store.release()
    assert len(bucket.asked) == asked  # it does not even ask any more
    heir.save(30)  # its own, of another name
    assert names(bucket) == [
        "checkpoint-000000000020.1-2.safetensors",
        "checkpoint-000000000030.2-1.safetensors",
    ]


def test_a_zombie_whose_put_arrives_when_the_next_has_gone_on(bucket: MemoryBucket) -> None:
    zombie, heir = Writer(bucket).take(), Writer(bucket)
    zombie.save(10)

    def meanwhile(what: str, name: str) -> None:
        if what == "put" and "000020.1-2" in name:
            bucket.before = lambda what, name: None
            heir.take()
            heir.save(15)

    bucket.before = meanwhile
    with pytest.raises(LeaseLost):
        zombie.save(20)
    assert heir.newest == 15
    third = Writer(bucket).take()
    assert third.newest == 15
    third.save(17)
    assert [n[:23] for n in names(bucket)] == ["checkpoint-000000000015", "checkpoint-000000000017"]


def test_a_zombie_that_sweeps_leaves_the_next_owners_alone(bucket: MemoryBucket) -> None:
    zombie, heir = Writer(bucket).take(), Writer(bucket)

    def meanwhile(what: str, name: str) -> None:
        if what == "list":  # after its checkpoint counts, before it sweeps
            bucket.before = lambda what, name: None
            heir.take()
            heir.save(5)

    bucket.before = meanwhile
    zombie.save(10)
    assert heir.newest == 10
    assert names(bucket) == [
        "checkpoint-000000000005.2-1.safetensors",
        "checkpoint-000000000010.1-1.safetensors",
    ]


def test_who_is_fenced_elsewhere_is_not_waited_for(bucket: MemoryBucket) -> None:
    first = Writer(bucket).take(at_once=True)
    first.save(10)
    second = Writer(bucket).take(at_once=True)
    assert second.clock.now == 1000 and second.newest == 10
    with pytest.raises(LeaseLost):
        first.save(20)
    first.take(at_once=True)  # the partition came back
    assert first.newest == 10
    assert first.save(20) == "checkpoint-000000000020.3-3.safetensors"


@pytest.mark.parametrize("name", ["owner.json", "checkpoint-000000000020.1-2.safetensors"])
def test_a_reply_that_is_lost(bucket: MemoryBucket, name: str) -> None:
    """The store did it, the client tried again: the second try meets the first."""
    writer = Writer(bucket).take()
    writer.save(10)
    put = bucket.put

    def twice(what: str, done: str) -> None:
        if done == name:
            bucket.after = lambda what, name: None
            data, _ = bucket.objects[name]
            put(name, data, None if name != "owner.json" else {"e_tag": "0"})

    bucket.after = twice
    assert writer.save(20) == "checkpoint-000000000020.1-2.safetensors"
    assert Writer(bucket).newest == 20
    writer.save(30)


def test_a_reply_that_is_lost_at_the_start(bucket: MemoryBucket) -> None:
    put = bucket.put

    def twice(what: str, done: str) -> None:
        bucket.after = lambda what, name: None
        put(done, bucket.objects[done][0], None)

    bucket.after = twice
    Writer(bucket).take().save(10)


def test_a_change_of_unknown_outcome_came_through_after_all(bucket: MemoryBucket) -> None:
    writer = Writer(bucket).take()

    def lost(what: str, name: str) -> None:
        bucket.after = lambda what, name: None
        raise StoreError("no answer")

    bucket.after = lost
    with pytest.raises(StoreError):
        writer.lease.renew()
    writer.save(10)
    assert Writer(bucket).newest == 10


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["take", "save", "renew", "release"])), max_size=40)
)
def test_whoever_acts_when_the_newest_is_the_last_that_was_confirmed(acts: list[tuple[int, str]]) -> None:
    bucket = MemoryBucket()
    writers = [Writer(bucket, keep=1) for _ in range(3)]
    confirmed = None
    for position, (who, what) in enumerate(acts):
        try:
            if what == "take":
                writers[who].take(at_once=True)
            elif what == "save":
                writers[who].save(position)
                confirmed = position
            elif what == "renew":
                writers[who].lease.renew()
            else:
                writers[who].store.release()
        except StateError:
            pass
        assert Writer(bucket).newest == confirmed


@pytest.mark.parametrize("heeds", ["nothing", "create"])
def test_a_store_that_ignores_conditions_is_refused(bucket: MemoryBucket, heeds: str) -> None:
    put = bucket.put

    def careless(name: str, data: bytes, match: object) -> object:
        bucket.heeds_conditions = heeds == "create" and match is None
        return put(name, data, match)  # type: ignore[arg-type]

    bucket.put = careless  # type: ignore[method-assign,assignment]
    with pytest.raises(StateError, match="ignores the condition of a put"):
        Writer(bucket).take()


def test_copied_from_a_folder_all_count(bucket: MemoryBucket, tmp_path: Path) -> None:
    local = CheckpointStore(tmp_path)
    for position in (10, 20):
        saved = local.save(position, ARRAYS, {"position": position})
        bucket.put(saved.name, Path(saved.path).read_bytes(), None)
    writer = Writer(bucket)
    assert writer.newest == 20
    assert writer.take().newest == 20
    writer.save(30)
    assert names(bucket) == ["checkpoint-000000000020.safetensors", "checkpoint-000000000030.1-1.safetensors"]


def test_a_missing_owner_object(bucket: MemoryBucket) -> None:
    writer = Writer(bucket).take()
    writer.save(10)
    del bucket.objects["owner.json"]
    with pytest.raises(LeaseLost, match="was removed"):
        writer.save(20)
    heir = Writer(bucket).take()
    assert heir.newest == 20  # nothing says any more which count
    assert heir.save(30) == "checkpoint-000000000030.2-1.safetensors"  # names go on


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 2}'])
def test_a_damaged_owner_object(bucket: MemoryBucket, data: bytes) -> None:
    bucket.put("owner.json", data, None)
    with pytest.raises(StateError, match=r"owner\.json: (damaged|format 2 is not 1)"):
        Writer(bucket).take()
    with pytest.raises(StateError, match=r"owner\.json: (damaged|format 2 is not 1)"):
        Writer(bucket).newest  # noqa: B018


def test_damaged_and_missing_ones(bucket: MemoryBucket) -> None:
    writer = Writer(bucket, keep=3).take()
    whole = [writer.save(position) for position in (10, 20, 30)]
    bucket.objects[whole[2]] = (bucket.objects[whole[2]][0][:-3], 0)
    del bucket.objects[whole[1]]
    writer.said.clear()
    assert writer.newest == 10
    assert len(writer.said) == 2 and all("the one before it" in text for text in writer.said)
    del bucket.objects[whole[0]]
    with pytest.raises(StateError, match="no checkpoint can be used"):
        writer.newest  # noqa: B018


def test_a_store_that_does_not_answer_is_not_an_older_checkpoint(bucket: MemoryBucket) -> None:
    writer = Writer(bucket).take()
    writer.save(10)
    newest = writer.save(20)

    def gone(what: str, name: str) -> None:
        if name == newest:
            raise StoreError(f"{name}: no connection")

    bucket.before = gone
    with pytest.raises(StoreError, match="no connection"):
        writer.newest  # noqa: B018


def test_renewed_from_a_thread_until_released(bucket: MemoryBucket) -> None:
    lease = Lease(bucket, 0.003)
    store = ObjectStore(bucket, lease=lease)
    with store.own():
        beat = lease.ledger.beat
        while lease.ledger.beat < beat + 3:
            pass
    asked = len(bucket.asked)
    assert json.loads(bucket.objects["owner.json"][0])["owner"] is None
    assert len(bucket.asked) == asked


def test_no_answer_for_longer_than_the_lease_ends_the_job(bucket: MemoryBucket) -> None:
    writer = Writer(bucket)
    with pytest.raises(StoreError, match=r"lasts for more than the lease of 30 s"), writer.store.own():
        bucket.dead = True
        with pytest.raises(StoreError):
            writer.lease.renew()
        writer.store.check()  # another may not have come yet
        writer.clock.now += 31
        writer.store.check()


# whole jobs


def job(bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch, until: int | None = None) -> Result:
    monkeypatch.setattr(opening, "open_bucket", lambda url, timeout_s: bucket)
    spec = late_spec(URL, until_records=until)
    return Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake).run()


@pytest.fixture(scope="module")
def end(tmp_path_factory: pytest.TempPathFactory) -> str:
    """State of a job that keeps its checkpoints in a folder."""
    spec = late_spec(str(tmp_path_factory.mktemp("c")))
    return (
        Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake).run().worker.learner.state_hash()
    )


def test_a_job_goes_on_to_the_same_state(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    first = job(bucket, monkeypatch, 140)
    assert first.checkpoint is not None and first.checkpoint.startswith(f"{URL}/checkpoint-000000000140.1-")
    second = job(bucket, monkeypatch)
    assert second.resumed_at == 140 and second.worker.learner.state_hash() == end


def test_a_file_and_an_object_have_the_same_bytes(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job(bucket, monkeypatch, 140)
    spec = late_spec(str(tmp_path), until_records=140)
    Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake).run()
    here = CheckpointStore(tmp_path).files()[0]
    there = CheckpointStore(URL).files()[0]
    assert Path(here.path).read_bytes() == bucket.objects[there.name][0]


def test_looked_into_by_place_or_name(bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    result = job(bucket, monkeypatch, 140)
    for target in (URL, result.checkpoint):
        about = describe(*open_checkpoint(target, print))
        assert about["position"] == 140 and about["path"] == result.checkpoint
        assert about["bytes"] == len(bucket.objects[result.checkpoint.rpartition("/")[2]][0])
    assert read_checkpoint(result.checkpoint)[1]["resume"]["position"] == 140
    with pytest.raises(StateError, match="can't be read: no such object"):
        open_checkpoint(f"{URL}/none.safetensors", print)


@pytest.mark.parametrize("at", ["get", "list", "put owner.json", "put checkpoint-0000000001", "delete"])
def test_a_store_that_stops_answering(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch, end: str, at: str
) -> None:
    """Ends with clear words; once the store answers, the job goes on to the same state."""
    job(bucket, monkeypatch, 100)

    def die(what: str, name: str) -> None:
        bucket.dead = bucket.dead or f"{what} {name}".startswith(at)

    bucket.before = die
    with pytest.raises(StoreError, match="no connection"):
        job(bucket, monkeypatch)
    assert bucket.refused == 1 + (at == "delete")  # each time costs a time-out: not asked again at the end
    bucket.dead, bucket.before = False, lambda what, name: None
    fast_lease(bucket)
    assert job(bucket, monkeypatch).worker.learner.state_hash() == end


def fast_lease(bucket: MemoryBucket) -> None:
    """As if the lease had been short: nobody waits for half a minute in a test."""
    data = json.loads(bucket.objects["owner.json"][0])
    bucket.objects["owner.json"] = (
        json.dumps(data | {"lease_s": 0.01}).encode(),
        bucket.objects["owner.json"][1],
    )


def test_a_job_that_lost_its_lease_ends(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    heir = Writer(bucket, lease_s=1.0)  # which it does not release
    taken: list[int] = []

    def steal(what: str, name: str) -> None:
        if "checkpoint-0000000001" in name and what == "put" and not taken:
            taken.append(1)
            heir.take(at_once=True)

    bucket.before = steal
    with pytest.raises(LeaseLost, match="by now: this job stood still"):
        job(bucket, monkeypatch)
    held = dict(bucket.objects)
    assert heir.checkpoints.files()[0].position == 84
    heir.store.release()
    assert held.keys() == bucket.objects.keys()
    assert job(bucket, monkeypatch).worker.learner.state_hash() == end


def test_a_job_that_lost_its_lease_ends_before_its_next_checkpoint(
    bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_bucket", lambda url, timeout_s: bucket)
    records: list[int] = []

    def progress(plan: object, worker: Worker) -> None:
        records.append(worker.counters.records)
        if len(records) == 3:
            Writer(bucket).take(at_once=True)
            with pytest.raises(LeaseLost):
                running._store.store._lease.renew()  # type: ignore[union-attr]

    spec = late_spec(URL, every_events=10_000)
    running = Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake, progress=progress)
    with pytest.raises(LeaseLost):
        running.run()
    assert records == [7, 14, 21]


def test_two_jobs_one_of_them_is_refused(bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Writer(bucket).take()
    looked: list[str] = []

    def alive(what: str, name: str) -> None:
        if what == "get" and not looked:
            looked.append(name)
        elif what == "get" and len(looked) == 1:
            looked.append(name)
            first.lease.renew()

    bucket.before = alive
    with pytest.raises(StateError, match="another job is writing its checkpoints here"):
        job(bucket, monkeypatch)


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(StateError.__mro__[1], match=r"obstore.*pip install 'streamnn\[s3\]'"):
        CheckpointStore(URL)
