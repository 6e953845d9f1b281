"""A machine for one command, and what becomes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakehost import EXEC, MACHINE, Answer, FakeHost, refusal
from nullspace import AsyncMachine, Machine, MachineError, NotFoundError

CREATED = Answer(201, MACHINE)
DESTROYED = Answer(200, {"id": "mch_a", "status": "destroyed"})
FAILED = Answer(200, {**EXEC, "exit_code": 3})
LEASE = Answer(200, {"timeout_ms": 60000, "timeout_action": "destroy"})


def last_words(host: FakeHost) -> list[tuple[str, str]]:
    return [(asked.method, asked.path.removeprefix("/v1/machines")) for asked in host.asked[2:]]


def test_success_is_not_kept(host: FakeHost) -> None:
    host.says(CREATED, Answer(200, EXEC), DESTROYED)
    result = Machine.run_once("true", retain_on_failure=True)
    assert (result.exit_code, result.stdout, result.machine_id, result.retained) == (0, "hi\n", "mch_a", False)
    assert last_words(host) == [("DELETE", "/mch_a")]


def test_failure_is_kept_when_asked_for(host: FakeHost) -> None:
    host.says(CREATED, FAILED, LEASE)
    result = Machine.run_once("false", retain_on_failure=True, retention_seconds=60)
    assert (result.exit_code, result.machine_id, result.retained) == (3, "mch_a", True)
    assert last_words(host) == [("POST", "/mch_a/timeout")]
    assert host.asked[-1].body == {"timeout_ms": 60000, "timeout_action": "destroy"}


def test_failure_is_not_kept_otherwise(host: FakeHost) -> None:
    host.says(CREATED, FAILED, DESTROYED)
    assert Machine.run_once("false").retained is False
    assert last_words(host) == [("DELETE", "/mch_a")]


@pytest.mark.parametrize(("keep", "kept"), [(True, "mch_a"), (False, None)])
def test_error_tells_what_is_kept(host: FakeHost, keep: bool, kept: str | None) -> None:
    host.says(CREATED, refusal(504, "exec_timeout"), LEASE if keep else DESTROYED)
    with pytest.raises(MachineError) as caught:
        Machine.run_once("sleep", ["99"], retain_on_failure=keep)
    assert (caught.value.code, caught.value.retained_machine_id) == ("exec_timeout", kept)
    assert last_words(host) == ([("POST", "/mch_a/timeout")] if keep else [("DELETE", "/mch_a")])
    if keep:
        assert host.asked[-1].body["timeout_ms"] == 3600000


def test_what_is_gone_is_not_kept(host: FakeHost) -> None:
    host.says(CREATED, *[refusal(404, "machine_not_found")] * 3)
    with pytest.raises(NotFoundError) as caught:
        Machine.run_once("true", retain_on_failure=True)
    assert caught.value.retained_machine_id is None


def test_one_whose_time_cannot_be_set_stays_for_what_is_left(host: FakeHost) -> None:
    host.says(CREATED, refusal(409, "machine_not_ready"), refusal(409, "machine_not_ready"))
    with pytest.raises(MachineError) as caught:
        Machine.run_once("true", retain_on_failure=True)
    assert caught.value.retained_machine_id == "mch_a"
    assert last_words(host) == [("POST", "/mch_a/timeout")]


def test_an_interrupt_keeps_nothing(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    host.says(CREATED, DESTROYED)
    monkeypatch.setattr("nullspace._sync.commands.Commands.run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Machine.run_once("true", retain_on_failure=True)
    assert host.asked[-1].method == "DELETE"


def test_async(host: FakeHost) -> None:
    host.says(CREATED, FAILED, LEASE)
    assert asyncio.run(AsyncMachine.run_once("false", retain_on_failure=True)).retained
