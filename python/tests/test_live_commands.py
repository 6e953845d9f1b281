"""Commands over the channel: live, in the background, over connections that break."""

from __future__ import annotations

import asyncio
import logging
import queue
from collections.abc import Iterator
from typing import Any

import pytest

from fakehost import MACHINE, Answer, refusal
from fakesockets import LONGEST_WAIT, FakeSockets, Peer, Script
from nullspace import AsyncMachine, BackgroundCommand, CommandResult, Machine, MachineError, NotFoundError, OutputChunk

STARTED = {"type": "exec_started", "id": "e", "pid": 7}


def out(data: str) -> dict[str, Any]:
    return {"type": "exec_stdout", "id": "e", "pid": 7, "data": data}


def err(data: str) -> dict[str, Any]:
    return {"type": "exec_stderr", "id": "e", "pid": 7, "data": data}


def ended(code: int) -> dict[str, Any]:
    return {"type": "exec_exit", "id": "e", "pid": 7, "exit_code": code}


def dropped(stdout: int, stderr: int) -> dict[str, Any]:
    return {"type": "exec_dropped", "id": "e", "pid": 7, "stdout_bytes": stdout, "stderr_bytes": stderr}


def failed(code: str, message: str = "said so") -> dict[str, Any]:
    return {"type": "error", "id": "e", "message": message, "code": code}


def logs(stdout: str, stderr: str = "") -> Answer:
    return Answer(200, {"stdout": stdout, "stderr": stderr, "output": stdout + stderr, "exit_code": None})


class Daemon:
    """What it was told on each connection, the end of it included."""

    def __init__(self, sockets: FakeSockets) -> None:
        self.heard: list[list[dict[str, Any]]] = []
        self._sockets = sockets

    def plays(self, *frames: dict[str, Any], hears: int = 1, breaks: bool = False) -> None:
        """A connection: it hears as many frames, then says its own."""

        def play(peer: Peer) -> None:
            heard: list[dict[str, Any]] = []
            self.heard.append(heard)
            heard.append(peer.hears())
            peer.says(*frames[:1])
            heard.extend(peer.hears() for _ in range(hears - 1))
            peer.says(*frames[1:])
            if breaks:
                peer.breaks()
            else:
                peer.waits_for_the_end()

        self._sockets.plays(play)

    def refuses(self, *answers: Answer | Script) -> None:
        self._sockets.plays(*answers)

    def keeps(self, *kept: Answer) -> None:
        self._sockets.reads.extend(kept)

    @property
    def upgrades(self) -> int:
        return len(self._sockets.upgrades)


@pytest.fixture
def daemon(sockets: FakeSockets) -> Daemon:
    sockets.reads.append(Answer(200, MACHINE))
    return Daemon(sockets)


@pytest.fixture
def machine(daemon: Daemon) -> Iterator[Machine]:
    connected = Machine.connect("mch_a")
    yield connected
    connected.close()


def test_live_to_the_end(daemon: Daemon, machine: Machine, sockets: FakeSockets) -> None:
    daemon.plays(STARTED, out("ü"), err("!"), {"type": "exec_news"}, out("€\n"), ended(3), hears=2)
    said: list[str] = []
    result = machine.commands.run(
        "make",
        ["-j2"],
        cwd="/srv",
        envs={"A": "1"},
        timeout=5,
        user="dev",
        on_stdout=said.append,
        on_stderr=said.append,
    )
    assert result == CommandResult(3, "ü€\n", "!", 7)
    assert said == ["ü", "!", "€\n"]
    start, end_of_input = daemon.heard[0]
    line = {"command": "make", "args": ["-j2"], "cwd": "/srv", "envs": {"A": "1"}, "timeout_secs": 5, "user": "dev"}
    assert start == {"type": "exec_start", "id": start["id"], **line}
    # Standard input is empty, as it is over HTTP.
    assert end_of_input == {"type": "exec_stdin_close", "id": start["id"], "pid": 7}
    assert sockets.upgrades[0][0] == "/v1/machines/mch_a/ws?channel=exec"


def test_streaming_without_callbacks(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out("x"), dropped(0, 9), ended(0))
    assert machine.commands.run_streaming("x", shell=True) == CommandResult(0, "x", "", 7, None, 9)


@pytest.mark.parametrize("options", [{"on_stdout": print}, {"on_stderr": print}])
def test_a_start_whose_answer_is_lost_is_not_repeated(
    daemon: Daemon, machine: Machine, pauses: list[float], options: dict[str, Any]
) -> None:
    daemon.plays(breaks=True)
    with pytest.raises(MachineError) as caught:
        machine.commands.run("rm", **options)
    assert caught.value.code == "transport_error"
    assert daemon.upgrades == 1


def test_a_daemon_that_is_not_there_yet(daemon: Daemon, machine: Machine, pauses: list[float]) -> None:
    daemon.refuses(Answer(503))
    daemon.plays(STARTED, ended(0))
    assert machine.commands.run("true", on_stdout=print).exit_code == 0
    assert pauses == [0.5]


def test_a_lost_connection_goes_on_where_it_was(daemon: Daemon, machine: Machine, pauses: list[float]) -> None:
    daemon.plays(STARTED, out("äb"), err("1"), hears=2, breaks=True)
    daemon.plays(STARTED, out("ä"), hears=2, breaks=True)
    daemon.plays(STARTED, out("äbc"), err("1"), err("2"), out("d"), ended(0), hears=2)
    daemon.keeps(logs("äbc", "1"), logs("äbc", "12"))
    said: list[str] = []
    result = machine.commands.run("x", on_stdout=said.append, on_stderr=said.append)
    assert result == CommandResult(0, "äbcd", "12", 7)
    assert said == ["äb", "1", "c", "2", "d"]
    assert [heard[0]["type"] for heard in daemon.heard] == ["exec_start", "exec_connect", "exec_connect"]
    assert daemon.heard[2][0]["pid"] == 7
    # What was said on a connection that is lost may not have arrived.
    assert daemon.heard[2][1]["type"] == "exec_stdin_close"
    assert pauses == [0.25, 0.25]


def test_more_than_is_kept(daemon: Daemon, machine: Machine, pauses: list[float]) -> None:
    """The daemon keeps the first three characters. Its replay of them is skipped, what is live never is."""
    daemon.plays(STARTED, out("äbc"), out("de"), breaks=True)
    # "fg" was printed in between: of the 5 bytes past what is kept, 2 were never heard.
    daemon.plays(STARTED, out("äbc"), out("hi"), dropped(4, 0), ended(0))
    daemon.keeps(logs("äbc"))
    assert machine.commands.run_streaming("x") == CommandResult(0, "äbcdehi", "", 7, 2, None)


def test_what_is_kept_past_what_was_heard(daemon: Daemon, machine: Machine, pauses: list[float]) -> None:
    daemon.plays(STARTED, out("ab"), breaks=True)
    daemon.plays(STARTED, out("abcd"), out("gh"), dropped(2, 0), ended(0))
    daemon.keeps(logs("abcd"))
    assert machine.commands.run_streaming("x") == CommandResult(0, "abcdgh", "", 7, 2, None)


def test_a_time_limit_says_what_was_printed(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out("x" * 5000), err("late"), failed("exec_timeout", "not in time"))
    with pytest.raises(MachineError, match="not in time") as caught:
        machine.commands.run("sleep", ["9"], on_stdout=lambda _: None)
    assert caught.value.code == "exec_timeout"
    assert caught.value.details == {"stdout": "x" * 4096, "stderr": "late"}


def test_refused(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(failed("invalid_request", "cwd: no"))
    with pytest.raises(MachineError, match="cwd") as caught:
        machine.commands.run("true", on_stdout=print)
    assert caught.value.code == "invalid_request"
    daemon.plays(failed("process_not_found"))
    with pytest.raises(NotFoundError):
        machine.commands.connect(8)
    daemon.refuses(refusal(404, "machine_not_found"))
    with pytest.raises(NotFoundError):
        machine.commands.connect(7)
    daemon.plays({"type": "pty_started"})
    with pytest.raises(MachineError) as caught:
        machine.commands.connect(7)
    assert caught.value.code == "invalid_response"


@pytest.mark.parametrize("options", [{"shell": True}, {}])
def test_senseless_arguments_are_not_sent(daemon: Daemon, machine: Machine, options: dict[str, Any]) -> None:
    with pytest.raises(MachineError) as caught:
        machine.commands.run("ls", ["x"] if options else "-l", on_stdout=print, **options)
    assert caught.value.code == "invalid_request"
    assert daemon.upgrades == 0


def test_what_a_callback_raises_ends_the_call(daemon: Daemon, machine: Machine, sockets: FakeSockets) -> None:
    daemon.plays(STARTED, out("x"))

    def fail(_: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        machine.commands.run("x", on_stdout=fail)
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)


def test_in_the_background(daemon: Daemon, machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    daemon.plays(STARTED, out("a"), err("b"), out("c"), ended(143))
    said: list[str] = []

    def fail(text: str) -> None:
        said.append(text)
        raise ZeroDivisionError

    with caplog.at_level(logging.CRITICAL, "nullspace"):
        command = machine.commands.run("x", shell=True, background=True, timeout=1, on_stdout=fail)
        assert command.wait(timeout=LONGEST_WAIT) == CommandResult(143, "ac", "b", 7)
    assert said == ["a", "c"]
    start = daemon.heard[0][0]
    # Its time does not end it, and its input stays open.
    assert start == {"type": "exec_start", "id": start["id"], "command": "x", "shell": True, "background": True}
    assert len(daemon.heard[0]) == 1
    assert (command.pid, command.stdout, command.stderr, command.exit_code) == (7, "ac", "b", 143)
    for _ in range(2):
        assert list(command) == [("a", None, None), (None, "b", None), OutputChunk("c", None)]
    assert daemon.upgrades == 1


def test_waiting_has_an_end(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED)
    command = machine.commands.connect(7)
    with pytest.raises(TimeoutError):
        command.wait(timeout=0.02)
    assert command.exit_code is None
    command.disconnect()


def test_disconnected_and_followed_again(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out("a"))
    said: list[str] = []
    command = machine.commands.connect(7, on_stdout=said.append)
    chunks = iter(command)
    assert next(chunks).stdout == "a"
    command.disconnect()
    assert list(chunks) == []
    daemon.plays(STARTED, out("ab"), ended(0))
    daemon.keeps(logs("ab"))
    assert command.wait(timeout=LONGEST_WAIT).stdout == "ab"
    assert said == ["a"]


def test_disconnected_while_it_is_waited_for(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out("a"))
    made: queue.Queue[BackgroundCommand] = queue.Queue()
    command = machine.commands.connect(7, on_stdout=lambda _: made.get(timeout=LONGEST_WAIT).disconnect())
    made.put(command)
    with pytest.raises(MachineError) as caught:
        command.wait(timeout=LONGEST_WAIT)
    assert caught.value.code == "invalid_state"


def test_given_up_and_begun_anew(daemon: Daemon, machine: Machine, pauses: list[float]) -> None:
    daemon.plays(STARTED, out("a"), breaks=True)
    daemon.refuses(*[Answer(503)] * 15)
    command = machine.commands.connect(7)
    with pytest.raises(MachineError) as caught:
        command.wait(timeout=LONGEST_WAIT)
    assert caught.value.code == "transport_error"
    assert daemon.upgrades == 16
    daemon.plays(STARTED, out("ab"), ended(0))
    daemon.keeps(logs("ab"))
    assert [chunk.stdout for chunk in command] == ["a", "b"]


def test_an_error_ends_an_iteration(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out("a"), failed("machine_failed"))
    chunks = iter(machine.commands.connect(7))
    assert next(chunks).stdout == "a"
    with pytest.raises(MachineError) as caught:
        next(chunks)
    assert caught.value.code == "machine_failed"


def test_end_of_input(daemon: Daemon, machine: Machine, sockets: FakeSockets) -> None:
    daemon.plays(STARTED, hears=2)
    machine.commands.close_stdin(7)
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)
    assert [frame["type"] for frame in daemon.heard[0]] == ["exec_connect", "exec_stdin_close"]


def test_async(daemon: Daemon, pauses: list[float]) -> None:
    daemon.plays(STARTED, out("a"), hears=2, breaks=True)
    daemon.plays(STARTED, out("ab"), ended(0))
    daemon.plays(STARTED, out("c"), err("d"))
    daemon.plays(STARTED, out("c"), err("d"), ended(5))
    daemon.keeps(logs("ab"), logs("c", "d"))

    async def work() -> None:
        machine = await AsyncMachine.connect("mch_a")
        said: list[str] = []
        live = await machine.commands.run("x", on_stdout=said.append)
        assert (live.stdout, said) == ("ab", ["a", "b"])
        command = await machine.commands.run("x", background=True, on_stdout=said.append)
        with pytest.raises(TimeoutError):
            await command.wait(timeout=0.02)
        await command.disconnect()
        chunks = [chunk async for chunk in command]
        assert chunks == [("c", None, None), (None, "d", None)]
        assert (await command.wait()).exit_code == 5
        await machine.close()

    asyncio.run(work())
