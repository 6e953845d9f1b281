"""Reusable snapshots: taken while a machine goes on, the beginning of any number of others."""

from counting import count_of, counts_on, start_counting, stop_counting
from harness import RUN, case, create, mine, refused
from nullspace import ConflictError, Machine, MachineStatus, NotFoundError, Snapshot

SMALL = {"vcpus": 1, "memory_mb": 256}


@case
def snapshot_with_two_children():
    source = create(**SMALL, metadata={"run": RUN, "role": "source"}, envs={"KEPT": "yes"})
    start_counting(source)
    before = count_of(source)
    snapshot = source.create_snapshot()
    assert (snapshot.machine_id, snapshot.metadata) == (source.id, {"run": RUN, "role": "source"})
    assert snapshot.size_bytes > 0
    counts_on(source, before)
    source.kill()
    first, second = (create_from(snapshot) for _ in range(2))
    assert len({source.id, first.id, second.id}) == 3
    at = counts_on(first, before)
    stop_counting(first)
    first.commands.run("echo first > /tmp/mark", shell=True)
    counts_on(second, max(before, at))
    assert second.commands.run("cat", ["/tmp/mark"]).exit_code != 0
    assert second.commands.run("printenv", ["KEPT"]).stdout == "yes\n"
    info = second.get_info()
    assert (info.config.vcpus, info.config.memory_mb, info.template) == (1, 256, "base")
    assert info.status is MachineStatus.RUNNING
    Snapshot.delete(snapshot.id)
    refused(lambda: create_from(snapshot), "snapshot_not_found", NotFoundError)
    counts_on(second, count_of(second))
    first.kill()
    second.kill()


@case
def snapshots_are_listed_read_and_deleted():
    machine = create(**SMALL, metadata={"run": RUN, "role": "listed"})
    key = f"{RUN}-snapshot"
    first = machine.create_snapshot(idempotency_key=key)
    assert machine.create_snapshot(idempotency_key=key).id == first.id
    second = machine.create_snapshot()
    assert [one.id for one in Snapshot.list(machine_id=machine.id)] == [second.id, first.id]
    assert {one.id for one in Snapshot.list(metadata={"run": RUN, "role": "listed"})} == {first.id, second.id}
    assert Snapshot.list(metadata={"run": RUN, "role": "other"}) == []
    assert Snapshot.list(machine_id="mch_aaaaaaaaaaaaaaaaaaaa") == []
    assert {first.id, second.id} <= {one.id for one in Snapshot.list()}
    read = Snapshot.get(first.id)
    assert (read.id, read.machine_id, read.size_bytes) == (first.id, machine.id, first.size_bytes)
    Snapshot.delete(first.id)
    assert [one.id for one in Snapshot.list(machine_id=machine.id)] == [second.id]
    for call in (lambda: Snapshot.get(first.id), lambda: Snapshot.delete(first.id), lambda: Snapshot.get("nonsense")):
        refused(call, "snapshot_not_found", NotFoundError)
    machine.kill()
    assert Snapshot.get(second.id).machine_id == machine.id
    Snapshot.delete(second.id)


@case
def a_paused_machine_holds_its_snapshot_and_can_be_taken_one_of():
    machine = create(**SMALL, metadata={"run": RUN})
    start_counting(machine)
    before = count_of(machine)
    held = machine.pause()
    refused(lambda: Snapshot.delete(held.id), "snapshot_in_use", ConflictError)
    snapshot = machine.create_snapshot()
    assert snapshot.id != held.id
    assert machine.get_info().status is MachineStatus.PAUSED
    child = create_from(snapshot)
    counts_on(child, before)
    child.kill()
    counts_on(Machine.resume(machine.id), before)
    machine.kill()
    Snapshot.delete(snapshot.id)


@case
def create_from_no_snapshot():
    for snapshot_id in ("snap_aaaaaaaaaaaaaaaaaaaa", "nonsense"):
        call = lambda snapshot_id=snapshot_id: Machine.create(snapshot_id=snapshot_id)  # noqa: E731
        refused(call, "snapshot_not_found", NotFoundError)


def create_from(snapshot):
    return mine(Machine.create(snapshot_id=snapshot.id, timeout=600, metadata={"run": RUN, "role": "child"}))
