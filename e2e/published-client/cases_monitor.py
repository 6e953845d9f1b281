"""The monitor: all machines and what they use, live."""

import asyncio
import queue

from harness import RUN, case, create, refused, shared
from nullspace import AsyncMonitor, AuthError, MachineStatus, Monitor

LONGEST_WAIT = 20


def wanted(told, is_wanted):
    """The first thing told that is wanted; what else is told in between does not matter."""
    while True:
        seen = told.get(timeout=LONGEST_WAIT)
        if is_wanted(seen):
            return seen


@case
def monitor_tells_of_machines_and_what_they_use():
    shared()
    snapshots, updates, metrics, errors = (queue.Queue() for _ in range(4))
    subscription = Monitor().subscribe(
        interval_ms=500,
        on_snapshot=snapshots.put,
        on_update=updates.put,
        on_metrics=metrics.put,
        on_error=errors.put,
    )
    try:
        machines = {machine.id: machine for machine in snapshots.get(timeout=LONGEST_WAIT).machines}
        assert machines[shared().id].status is MachineStatus.RUNNING
        assert machines[shared().id].config.memory_mb == 512
        assert machines[shared().id].metadata == {"run": RUN, "role": "shared"}
        sample = wanted(metrics, lambda event: event.machine_id == shared().id).metrics
        assert sample.cpu_count == 2
        assert sample.mem_used_bytes > 0
        machine = create(vcpus=1, memory_mb=256, metadata={"run": RUN})

        def told_of(status):
            return wanted(
                updates,
                lambda event: event.machine_id == machine.id and event.machine and event.machine.status is status,
            )

        assert not told_of(MachineStatus.RUNNING).removed
        machine.pause()
        told_of(MachineStatus.PAUSED)
        machine.kill()
        gone = wanted(updates, lambda event: event.machine_id == machine.id and event.removed)
        assert gone.machine is None
        assert errors.empty()
    finally:
        subscription.stop()


@case
async def async_monitor():
    shared()
    told = asyncio.Queue()
    subscription = await AsyncMonitor().subscribe(interval_ms=500, on_snapshot=told.put_nowait, on_metrics=told.put_nowait)
    snapshot = await asyncio.wait_for(told.get(), LONGEST_WAIT)
    assert shared().id in {machine.id for machine in snapshot.machines}
    assert (await asyncio.wait_for(told.get(), LONGEST_WAIT)).metrics.cpu_count > 0
    await subscription.stop()


@case
def monitor_needs_a_key():
    refused(lambda: Monitor(api_key="nonsense").subscribe(), "unauthorized", AuthError)
