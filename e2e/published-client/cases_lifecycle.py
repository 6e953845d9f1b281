"""Pause and resume, fork, the time of a machine, what it uses."""

import asyncio
from datetime import datetime, timedelta, timezone

from counting import count_of, counts_on, start_counting, stop_counting
from harness import RUN, case, create, mine, refused, shared, until
from nullspace import (
    AsyncMachine,
    AsyncSnapshot,
    ConflictError,
    Machine,
    MachineStatus,
    MachineTimeoutAction,
    NotFoundError,
)

SMALL = {"vcpus": 1, "memory_mb": 256, "metadata": {"run": RUN}}


@case
def pause_and_resume_go_on_in_memory():
    machine = create(**SMALL, envs={"KEPT": "yes"}, cwd="/tmp")
    start_counting(machine)
    before = count_of(machine)
    snapshot = machine.pause()
    assert snapshot.machine_id == machine.id
    assert snapshot.size_bytes > 0
    paused = Machine.get_info_by_id(machine.id)
    assert (paused.status, paused.snapshot_id) == (MachineStatus.PAUSED, snapshot.id)
    assert not machine.is_running()
    assert machine.id in {info.id for info in Machine.list(state="paused")}
    resumed = Machine.resume(machine.id)
    assert resumed.id == machine.id
    assert resumed.is_running()
    count = counts_on(resumed, before)
    assert resumed.commands.run("echo $KEPT; pwd", shell=True).stdout == "yes\n/tmp\n"
    # A second time, by the other names.
    machine.hibernate()
    connected = Machine.connect(machine.id)
    assert connected.get_info().status is MachineStatus.RUNNING
    counts_on(connected, count)
    assert connected.get_info().snapshot_id is None
    connected.kill()


@case
def the_clock_of_a_resumed_machine_is_right():
    machine = create(**SMALL)
    machine.pause()
    resumed = Machine.resume(machine.id)
    guest = datetime.fromtimestamp(float(resumed.commands.run("date", ["+%s.%N"]).stdout), timezone.utc)
    assert abs(guest - datetime.now(timezone.utc)) < timedelta(seconds=5), guest
    resumed.kill()


@case
def a_command_wakes_what_resumes_by_itself():
    machine = create(**SMALL, on_timeout="pause", auto_resume=True)
    start_counting(machine)
    before = count_of(machine)
    machine.pause()
    counts_on(machine, before)
    assert machine.is_running()
    error = refused(lambda: machine.set_timeout(60, timeout_action="destroy"), "invalid_request")
    assert "timeout_action" in str(error)
    machine.kill()


@case
def a_paused_machine_sleeps_otherwise():
    machine = create(**SMALL)
    machine.pause()
    for call in (lambda: machine.commands.run("true"), machine.fork, machine.pause, lambda: machine.set_timeout(60)):
        refused(call, "machine_not_ready", ConflictError)
    assert machine.get_info().status is MachineStatus.PAUSED
    machine.get_metrics()
    machine.list_lifecycle()
    assert machine.get_info().status is MachineStatus.PAUSED
    machine.kill()
    refused(lambda: Machine.resume(machine.id), "machine_not_found", NotFoundError)


@case
async def async_life():
    machine = await AsyncMachine.create(**SMALL, timeout=600)
    await machine.commands.run("echo kept > /dev/shm/mark", shell=True)
    snapshot = await machine.create_snapshot()
    await machine.pause()
    resumed = await AsyncMachine.connect(machine.id)
    child, other = await asyncio.gather(resumed.fork(), AsyncMachine.create(snapshot_id=snapshot.id, timeout=600))
    async with machine, resumed, child, other:
        marks = [await one.commands.run("cat", ["/dev/shm/mark"]) for one in (resumed, child, other)]
        assert [mark.stdout for mark in marks] == ["kept\n"] * 3
        assert (await other.set_timeout(120)).timeout_ms == 120_000
        await AsyncSnapshot.delete(snapshot.id)
        refusals = [AsyncSnapshot.get(snapshot.id), AsyncMachine.resume(child.id)]
        answers = await asyncio.gather(*refusals, return_exceptions=True)
        assert [answer.code for answer in answers] == ["snapshot_not_found", "machine_not_ready"], answers


@case
def what_runs_cannot_be_resumed():
    refused(lambda: Machine.resume(shared().id), "machine_not_ready", ConflictError)


@case
def pause_needs_a_machine():
    machine = Machine.connect(create(**SMALL).id)
    Machine.kill_by_id(machine.id)
    for call in (machine.pause, machine.fork, machine.create_snapshot, lambda: machine.set_timeout(60)):
        refused(call, "machine_not_found", NotFoundError)
    refused(lambda: Machine.resume("mch_aaaaaaaaaaaaaaaaaaaa"), "machine_not_found", NotFoundError)


@case
def fork_and_fork_of_a_fork_go_their_own_ways():
    parent = create(**SMALL, envs={"FAMILY": "ours"})
    start_counting(parent)
    child = mine(parent.fork())
    before = count_of(child)
    parent.commands.run("echo parent > /tmp/mark", shell=True)
    child.commands.run("echo child > /tmp/mark", shell=True)
    grandchild = mine(child.fork())
    family = (parent, child, grandchild)
    assert len({machine.id for machine in family}) == 3
    for machine in family:
        counts_on(machine, before)
    assert [machine.commands.run("cat", ["/tmp/mark"]).stdout for machine in family] == ["parent\n", "child\n", "child\n"]
    assert grandchild.commands.run("printenv", ["FAMILY"]).stdout == "ours\n"
    names = {machine.commands.run("hostname").stdout for machine in family}
    assert len(names) == 3, names
    # One that stops counting, and then goes, leaves the others as they are.
    stop_counting(child)
    counts_on(parent, count_of(parent))
    child.kill()
    counts_on(grandchild, count_of(grandchild))
    info = grandchild.get_info()
    assert (info.config.vcpus, info.config.memory_mb, info.template) == (1, 256, "base")
    assert info.metadata["run"] == RUN
    parent.kill()
    grandchild.kill()


@case
def fork_is_idempotent():
    parent = create(**SMALL)
    first, second = (mine(parent.fork(idempotency_key=f"{RUN}-fork")) for _ in range(2))
    assert first.id == second.id
    first.kill()
    parent.kill()


@case
def set_timeout_gives_the_lease():
    machine = create(**SMALL, timeout=60)
    lease = machine.set_timeout(120)
    assert (lease.timeout_ms, lease.timeout_action) == (120_000, MachineTimeoutAction.DESTROY)
    assert 0 < lease.remaining_ms <= 120_000
    assert timedelta(seconds=100) < lease.timeout_at - datetime.now(timezone.utc) <= timedelta(seconds=121)
    assert machine.set_timeout(90, timeout_action=MachineTimeoutAction.HIBERNATE).timeout_action == "hibernate"
    info = machine.get_info()
    assert (info.timeout_ms, info.timeout_action) == (90_000, MachineTimeoutAction.HIBERNATE)
    refused(lambda: machine.set_timeout(0), "invalid_request")
    with machine.keep_alive(timeout_secs=300, refresh_every_secs=1):
        until(lambda: machine.get_info().timeout_ms, lambda timeout_ms: timeout_ms == 300_000)
    assert Machine.connect(machine.id, timeout=77).get_info().timeout_ms == 77_000
    machine.kill()


@case
def time_that_is_up_pauses_then_destroys():
    machine = create(**SMALL, on_timeout="pause", timeout=2, auto_delete_after_ms=3_000)
    seen = until(lambda: states_of(machine), lambda states: "destroyed" in states)
    assert seen == ["paused", "destroyed"], seen


@case
def time_that_is_up_destroys_what_is_ephemeral():
    machine = create(**SMALL, ephemeral=True, timeout=2)
    assert machine.get_info().ephemeral
    until(lambda: machine.id not in {info.id for info in Machine.list()})


@case
def idle_time_pauses():
    machine = create(**SMALL, on_timeout="pause", inactivity_timeout_ms=1_500)
    assert machine.get_info().inactivity_timeout_ms == 1_500
    until(lambda: machine.get_info().status, lambda status: status is MachineStatus.PAUSED)
    machine.kill()


@case
def lifecycle_options_that_contradict_each_other():
    for options in (
        {"auto_resume": True},
        {"on_timeout": "pause", "timeout_action": "destroy"},
        {"ephemeral": True, "on_timeout": "pause", "auto_resume": True},
        {"inactivity_timeout_ms": 0},
    ):
        refused(lambda options=options: create(**SMALL, **options), "invalid_request")


@case
def metrics():
    machine = shared()
    machine.commands.run("true")
    sample = until(machine.get_metrics)[-1]
    assert sample.cpu_count == 2
    assert 0 < sample.mem_used_bytes < sample.mem_total_bytes <= 512 * 2**20
    assert 0 < sample.disk_used_bytes < sample.disk_total_bytes
    assert 0 <= sample.cpu_percent <= 100
    assert sample.network_rx_bytes >= 0 <= sample.network_tx_bytes
    assert isinstance(sample.timestamp, datetime)
    assert Machine.get_metrics_by_id(machine.id)
    refused(lambda: Machine.get_metrics_by_id("mch_aaaaaaaaaaaaaaaaaaaa"), "machine_not_found", NotFoundError)


def states_of(machine, seen={}):
    """The states it was seen in besides running, in order, one more look each time; gone is destroyed."""
    states = seen.setdefault(machine.id, [])
    state = {info.id: str(info.status.value) for info in Machine.list()}.get(machine.id, "destroyed")
    if state != "running" and state not in states:
        states.append(state)
    return states
