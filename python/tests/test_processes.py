"""Processes and terminals, as far as plain requests go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakehost import DROP, MACHINE, Answer, FakeHost, refusal
from nullspace import AsyncMachine, CommandLogs, Machine, MachineError, NotFoundError, ProcessInfo, PtySessionInfo

LOGS = {"stdout": "a", "stderr": "b", "output": "ab", "exit_code": None}
SESSION = {"session_id": "ses_a", "pid": 9, "cols": 80, "rows": 24, "exec_id": "exe_9"}
INFO = PtySessionInfo("ses_a", 9, 80, 24, "exe_9")


@pytest.fixture
def machine(host: FakeHost) -> Iterator[Machine]:
    host.says(Answer(200, MACHINE))
    connected = Machine.connect("mch_a")
    host.asked.clear()
    yield connected
    connected.close()


def asked(host: FakeHost) -> list[str]:
    return [f"{one.method} {one.path.removeprefix('/v1/machines/mch_a')}" for one in host.asked]


def test_started_in_the_background(host: FakeHost, machine: Machine) -> None:
    host.says(Answer(200, {"pid": 7}), Answer(204), Answer(200, LOGS), Answer(204))
    command = machine.commands.run("serve", ["-p", "80"], envs={"A": "1"}, timeout=1, background=True)
    assert (command.pid, command.exit_code, command.stdout) == (7, None, "")
    command.send_stdin("ü\n")
    assert command.get_logs() == CommandLogs("a", "b", "ab", None)
    command.kill()
    assert host.asked[0].body == {"command": "serve", "args": ["-p", "80"], "envs": {"A": "1"}, "background": True}
    assert host.asked[1].body == {"data": "ü\n"}
    assert asked(host) == [
        "POST /exec",
        *(f"{how} /processes/7/{what}" for how, what in (("POST", "stdin"), ("GET", "logs"), ("POST", "kill"))),
    ]


def test_by_pid(host: FakeHost, machine: Machine) -> None:
    entry = {"pid": 7, "command": "serve", "running": True}
    host.says(Answer(200, [entry]), Answer(200, {**LOGS, "exit_code": 0, "dropped_bytes": 3}), Answer(204), Answer(204))
    assert machine.commands.list() == [ProcessInfo(7, "serve", True)]
    assert machine.commands.get_logs(7) == CommandLogs("a", "b", "ab", 0, 3)
    machine.commands.send_stdin(7, "x")
    machine.commands.kill(7)
    assert asked(host) == [
        "GET /processes",
        "GET /processes/7/logs",
        "POST /processes/7/stdin",
        "POST /processes/7/kill",
    ]


def test_another_user_needs_no_channel(host: FakeHost, machine: Machine) -> None:
    result = {"exit_code": 0, "stdout": "", "stderr": "", "pid": 7}
    host.says(Answer(200, result), Answer(200, {"pid": 7}))
    machine.commands.run("id", user="dev", timeout=5)
    machine.commands.run("id", user="1000", background=True)
    assert [one.body for one in host.asked] == [
        {"command": "id", "user": "dev", "timeout_secs": 5},
        {"command": "id", "user": "1000", "background": True},
    ]


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ("ü", {"data": "ü"}),
        ("ü".encode(), {"data": "ü"}),
        (b"\xff\x00", {"data_base64": "/wA="}),
        (b"\xc3", {"data_base64": "ww=="}),
    ],
)
def test_input_may_be_bytes(host: FakeHost, machine: Machine, data: str | bytes, body: dict[str, str]) -> None:
    host.says(Answer(204))
    machine.commands.send_stdin(7, data)
    assert host.asked[0].body == body


def test_input_is_not_sent_twice_but_a_kill_is(
    host: FakeHost, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine._client, "sleep", lambda _: None)
    host.says(DROP, DROP, Answer(204))
    with pytest.raises(MachineError) as caught:
        machine.commands.send_stdin(7, "x")
    assert caught.value.code == "transport_error"
    machine.commands.kill(7)
    assert len(host.asked) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda commands: commands.get_logs(7),
        lambda commands: commands.kill(7),
        lambda commands: commands.send_stdin(7, "x"),
    ],
)
def test_no_such_process(host: FakeHost, machine: Machine, call: Callable[[Any], None]) -> None:
    host.says(refusal(404, "process_not_found"))
    with pytest.raises(NotFoundError):
        call(machine.commands)


def test_terminals(host: FakeHost, machine: Machine) -> None:
    host.says(Answer(200, [SESSION]), Answer(200, SESSION), Answer(204), Answer(204))
    assert machine.pty.list_sessions() == [INFO]
    assert machine.pty.get_session_info("a/b") == INFO
    machine.pty.resize_session("ses_a", 90, 20)
    machine.pty.kill_session("ses_a")
    assert asked(host) == ["GET /pty", "GET /pty/a%2Fb", "POST /pty/ses_a/resize", "DELETE /pty/ses_a"]
    assert host.asked[2].body == {"cols": 90, "rows": 20}
    host.asked.clear()
    for refused in (lambda: machine.pty.resize_session("ses_a", 0, 1), lambda: machine.pty.kill_session("")):
        with pytest.raises(MachineError) as caught:
            refused()
        assert caught.value.code == "invalid_request"
    assert host.asked == []


def test_async(host: FakeHost) -> None:
    host.says(Answer(200, MACHINE), Answer(200, {"pid": 7}), Answer(200, []), Answer(200, [SESSION]))

    async def work() -> None:
        machine = await AsyncMachine.connect("mch_a")
        assert (await machine.commands.run("x", background=True)).pid == 7
        assert await machine.commands.list() == []
        assert await machine.pty.list_sessions() == [INFO]
        await machine.close()

    asyncio.run(work())
