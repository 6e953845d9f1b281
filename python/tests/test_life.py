"""Pause, resume, snapshot, fork, time, figures and family of a machine."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

import pytest

from fakehost import DROP, MACHINE, SAMPLE, Answer, FakeHost, refusal
from nullspace import (
    AsyncMachine,
    ConflictError,
    Machine,
    MachineError,
    MachineStatus,
    MachineTimeoutAction,
    NotFoundError,
    Snapshot,
)
from nullspace._operations import life

SNAPSHOT = {"id": "snap_a", "machine_id": "mch_a", "size_bytes": 7, "created_at": "2026-01-01T00:00:00Z"}
PAUSED = {**MACHINE, "status": "paused", "snapshot_id": "snap_a"}
LEASE = {
    "timeout_ms": 60000,
    "timeout_action": "hibernate",
    "timeout_at": "2026-01-01T00:01:00Z",
    "remaining_ms": 60000,
}


@pytest.fixture
def machine(host: FakeHost, waits: list[float]) -> Iterator[Machine]:
    host.says(Answer(200, MACHINE))
    with closing(Machine.connect("mch_a")) as machine:
        host.asked.clear()
        yield machine


@pytest.mark.parametrize("verb", ["pause", "hibernate"])
def test_pause(host: FakeHost, machine: Machine, waits: list[float], verb: str) -> None:
    host.says(refusal(409, "transition_in_progress"), Answer(200, SNAPSHOT))
    snapshot = getattr(machine, verb)()
    assert (snapshot.id, snapshot.size_bytes, snapshot.metadata) == ("snap_a", 7, {})
    assert snapshot.created_at == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert [(asked.method, asked.path, asked.content) for asked in host.asked] == [
        ("POST", "/v1/machines/mch_a/hibernate", b"")
    ] * 2
    assert "Idempotency-Key" not in host.asked[0].headers


def test_resume(host: FakeHost) -> None:
    host.says(Answer(200, MACHINE), refusal(409, "machine_not_ready"))
    with closing(Machine.resume("mch_a")) as machine:
        assert (machine.id, machine.info.status, machine.cwd) == ("mch_a", MachineStatus.RUNNING, "/workspace")
    assert (host.asked[0].method, host.asked[0].path) == ("POST", "/v1/machines/mch_a/resume")
    with pytest.raises(ConflictError):
        Machine.resume("mch_a")


def test_connect_resumes_what_is_paused_and_sets_the_time(host: FakeHost) -> None:
    host.says(Answer(200, PAUSED), Answer(200, MACHINE), Answer(200, LEASE))
    with closing(Machine.connect("mch_a", timeout=60)) as machine:
        assert machine.info.status == MachineStatus.RUNNING
    assert [asked.path for asked in host.asked] == [
        "/v1/machines/mch_a",
        "/v1/machines/mch_a/resume",
        "/v1/machines/mch_a/timeout",
    ]
    assert host.asked[2].body == {"timeout_ms": 60000}


@pytest.mark.parametrize("status", ["running", "creating", "error"])
def test_connect_leaves_other_states(host: FakeHost, status: str) -> None:
    host.says(Answer(200, {**MACHINE, "status": status}))
    with closing(Machine.connect("mch_a")) as machine:
        assert machine.info.status == status
    assert len(host.asked) == 1


def test_connect_when_somebody_else_resumes_it(host: FakeHost) -> None:
    host.says(Answer(200, PAUSED), refusal(409, "machine_not_ready"), Answer(200, MACHINE))
    with closing(Machine.connect("mch_a")) as machine:
        assert machine.info.status == MachineStatus.RUNNING


def test_connect_when_it_cannot_be_resumed(host: FakeHost) -> None:
    host.says(Answer(200, PAUSED), refusal(409, "incompatible_snapshot"), Answer(200, PAUSED))
    with pytest.raises(ConflictError) as caught:
        Machine.connect("mch_a")
    assert caught.value.code == "incompatible_snapshot"


@pytest.mark.parametrize(
    ("call", "path", "answer"),
    [
        (lambda machine, **key: machine.create_snapshot(**key), "/v1/machines/mch_a/snapshots", SNAPSHOT),
        (lambda machine, **key: machine.fork(**key), "/v1/machines/mch_a/fork", {**MACHINE, "id": "mch_b"}),
        (lambda machine, **key: machine.fork_many(1, **key), "/v1/machines/mch_a/forks", {"items": [MACHINE]}),
    ],
)
def test_repeats_carry_the_same_key(
    host: FakeHost, machine: Machine, waits: list[float], call: Callable[..., Any], path: str, answer: Any
) -> None:
    host.says(
        DROP,
        refusal(409, "transition_in_progress"),
        Answer(201, answer),
        Answer(201, answer),
        refusal(404, "x_not_found"),
    )
    call(machine)
    call(machine, idempotency_key="mine")
    assert {asked.path for asked in host.asked} == {path}
    first, second, third, mine = (asked.headers["Idempotency-Key"] for asked in host.asked)
    assert first == second == third
    assert uuid.UUID(first)
    assert mine == "mine"
    assert waits == [0.5, 1]
    with pytest.raises(NotFoundError):
        call(machine)


def test_fork_is_a_handle_of_its_own(host: FakeHost, machine: Machine) -> None:
    host.says(Answer(201, {**MACHINE, "id": "mch_b", "parent_machine_id": "mch_a"}), Answer(200, MACHINE))
    with machine.fork() as child:
        assert (child.id, child.info.parent_machine_id) == ("mch_b", "mch_a")
        machine.close()
    assert (host.asked[-1].method, host.asked[-1].path) == ("DELETE", "/v1/machines/mch_b")


def test_fork_many(host: FakeHost, machine: Machine) -> None:
    host.says(Answer(201, {"items": [{**MACHINE, "id": one} for one in ("mch_b", "mch_c")]}))
    children = machine.fork_many(2)
    assert [child.id for child in children] == ["mch_b", "mch_c"]
    assert host.asked[0].body == {"count": 2}


def test_a_subclass_forks_into_itself(host: FakeHost) -> None:
    class Mine(Machine):
        pass

    host.says(Answer(200, MACHINE), Answer(201, MACHINE))
    with closing(Mine.connect("mch_a")) as machine:
        assert type(machine.fork()) is Mine


def test_long_calls_have_their_own_silence(host: FakeHost, machine: Machine) -> None:
    def slow(_: object) -> Answer:
        time.sleep(0.3)
        return DROP

    host.route = slow
    with pytest.raises(MachineError, match=r"nothing from the daemon for 0\.05 s"):
        machine.pause(request_timeout=0.05)
    for operation in (life.hibernate, life.resume, life.fork, life.create_snapshot):
        assert (operation("m").silence, operation("m", request_timeout=7).silence) == (300, 7)


def test_set_timeout(host: FakeHost, machine: Machine, waits: list[float]) -> None:
    host.says(DROP, Answer(200, LEASE), Answer(200, LEASE))
    lease = machine.set_timeout(60, timeout_action=MachineTimeoutAction.HIBERNATE)
    assert (lease.timeout_ms, lease.remaining_ms) == (60000, 60000)
    assert lease.timeout_action is MachineTimeoutAction.HIBERNATE
    assert lease.timeout_at == datetime(2026, 1, 1, 0, 1, tzinfo=timezone.utc)
    machine.set_timeout(1.5)
    assert [asked.body for asked in host.asked[1:]] == [
        {"timeout_ms": 60000, "timeout_action": "hibernate"},
        {"timeout_ms": 1500},
    ]


def test_metrics(host: FakeHost, machine: Machine) -> None:
    sample = {"timestamp": "2026-01-01T00:00:00Z", "cpu_percent": 1, "memory_bytes": 2, "disk_bytes": 3}
    host.says(Answer(200, [SAMPLE]), Answer(200, [sample]), Answer(200, []))
    assert machine.get_metrics()[0].cpu_percent == 12.5
    assert machine.get_host_metrics()[0].memory_bytes == 2
    assert Machine.get_metrics_by_id("mch_b") == []
    assert [asked.path.removeprefix("/v1/machines/") for asked in host.asked] == [
        "mch_a/metrics",
        "mch_a/host-metrics",
        "mch_b/metrics",
    ]


def test_lineage(host: FakeHost, machine: Machine) -> None:
    node = {
        "machine_id": "mch_r",
        "origin": "template",
        "status": "destroyed",
        "template": "base",
        "created_at": "2026-01-01T00:00:00Z",
    }
    child = {**node, "machine_id": "mch_a", "origin": "fork", "parent_machine_id": "mch_r", "status": "running"}
    host.says(Answer(200, {"machine_id": "mch_a", "root_machine_id": "mch_r", "nodes": [node, child]}))
    family = machine.lineage()
    assert (family.root_machine_id, family.nodes[0].parent_machine_id) == ("mch_r", None)
    assert family.nodes[1].parent_machine_id == "mch_r"
    assert family.nodes[0].status is MachineStatus.DESTROYED


def test_snapshots(host: FakeHost) -> None:
    host.says(Answer(200, SNAPSHOT), Answer(200, [{**SNAPSHOT, "metadata": {"k": 1}}]), Answer(200, []), Answer(204))
    assert Snapshot.get("snap_a").machine_id == "mch_a"
    assert Snapshot.list(machine_id="mch_a", metadata={"k": "ü"})[0].metadata == {"k": 1}
    assert Snapshot.list() == []
    Snapshot.delete("snap_a")
    assert [(asked.method, asked.path, asked.query) for asked in host.asked] == [
        ("GET", "/v1/snapshots/snap_a", {}),
        ("GET", "/v1/snapshots", {"machine_id": "mch_a", "metadata": '{"k": "ü"}'}),
        ("GET", "/v1/snapshots", {}),
        ("DELETE", "/v1/snapshots/snap_a", {}),
    ]
    with pytest.raises(MachineError, match="snapshot_id must not be"):
        Snapshot.delete("")


def test_async_life(host: FakeHost) -> None:
    host.says(
        Answer(200, PAUSED),
        Answer(200, MACHINE),
        Answer(201, {**MACHINE, "id": "mch_b"}),
        Answer(201, {"items": [MACHINE]}),
        Answer(200, SNAPSHOT),
    )

    async def live() -> tuple[str, int, str]:
        machine = await AsyncMachine.connect("mch_a")
        child = await machine.fork()
        many = await machine.fork_many(1)
        snapshot = await machine.pause()
        for one in (machine, child, *many):
            await one.close()
        return child.id, len(many), snapshot.id

    assert asyncio.run(live()) == ("mch_b", 1, "snap_a")
