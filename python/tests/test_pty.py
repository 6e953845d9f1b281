"""Terminals over the channel."""

from __future__ import annotations

import asyncio
import base64
import queue
from collections.abc import Iterator
from typing import Any

import pytest

from fakehost import MACHINE, Answer, refusal
from fakesockets import LONGEST_WAIT, FakeSockets, Peer
from nullspace import AsyncMachine, Machine, MachineError, NotFoundError, PtyResult, PtySessionInfo

STARTED = {
    "type": "pty_started", "id": "p", "session_id": "ses_a", "pid": 9, "cols": 120, "rows": 30, "exec_id": "exe_9",
}  # fmt: skip


def out(data: bytes) -> dict[str, Any]:
    encoded = base64.b64encode(data).decode()
    return {"type": "pty_output", "id": "p", "session_id": "ses_a", "data": "�", "data_base64": encoded}


def ended(code: int) -> dict[str, Any]:
    return {"type": "pty_exited", "id": "p", "session_id": "ses_a", "exit_code": code}


def failed(code: str) -> dict[str, Any]:
    return {"type": "error", "id": "p", "message": "said so", "code": code}


class Daemon:
    """Plays one terminal a connection."""

    def __init__(self, sockets: FakeSockets) -> None:
        self.heard: list[dict[str, Any]] = []
        self.sockets = sockets

    def plays(self, *frames: dict[str, Any], hears: int = 0, breaks: bool = False) -> None:
        """The first frame answers the beginning; the others come when as many more were heard."""

        def play(peer: Peer) -> None:
            self.heard.append(peer.hears())
            peer.says(*frames[:1])
            self.heard.extend(peer.hears() for _ in range(hears))
            peer.says(*frames[1:])
            if breaks:
                peer.breaks()
            else:
                peer.waits_for_the_end()

        self.sockets.plays(play)


@pytest.fixture
def daemon(sockets: FakeSockets) -> Daemon:
    sockets.reads.append(Answer(200, MACHINE))
    return Daemon(sockets)


@pytest.fixture
def machine(daemon: Daemon) -> Iterator[Machine]:
    connected = Machine.connect("mch_a")
    yield connected
    connected.close()


def test_a_session(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out(b"\xc3"), {"type": "pty_news"}, out(b"\xbc"), ended(7), hears=3)
    session = machine.pty.create_session(cwd="/srv", envs={"A": "1"}, user="dev", shell="/bin/sh")
    assert (session.id, session.session_id, session.pid) == ("ses_a", "ses_a", 9)
    assert (session.is_connected, session.exit_code, session.error) == (True, None, None)
    session.send_input("ü\n")
    session.send_input(b"\x03")
    assert session.resize(90, 20) == PtySessionInfo("ses_a", 9, 90, 20, "exe_9") == session.info
    got: list[bytes] = []
    assert session.wait(got.append, timeout=LONGEST_WAIT) == PtyResult(7)
    assert got == [b"\xc3", b"\xbc"]
    assert (session.is_connected, session.exit_code, session.error) == (False, 7, None)
    assert session.wait() == PtyResult(7)
    assert list(session) == []
    start, *inputs = daemon.heard
    options = {"cols": 120, "rows": 30, "cwd": "/srv", "envs": {"A": "1"}, "user": "dev", "shell": "/bin/sh"}
    assert start == {"type": "pty_start", "id": start["id"], **options}
    head = {"id": start["id"], "session_id": "ses_a"}
    assert inputs == [
        {"type": "pty_input", **head, "data": "ü\n"},
        {"type": "pty_input", **head, "data_base64": "Aw=="},
        {"type": "pty_resize", **head, "cols": 90, "rows": 20},
    ]
    assert daemon.sockets.upgrades[0][0] == "/v1/machines/mch_a/ws?channel=pty"


def test_much_input_goes_in_pieces(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, ended(0), hears=6)
    session = machine.pty.create_session()
    session.send_input("€" * 300_000)
    session.send_input(b"\xff" * 300_000)
    assert session.wait().exit_code == 0
    texts, bytes_ = daemon.heard[1:4], daemon.heard[4:7]
    assert "".join(frame["data"] for frame in texts) == "€" * 300_000
    assert b"".join(base64.b64decode(frame["data_base64"]) for frame in bytes_) == b"\xff" * 300_000


def test_read_piece_by_piece(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out(b"a"), out(b"b"), out(b"c"), ended(0))
    session = machine.pty.connect(session_id="ses_a")
    assert next(iter(session)) == b"a"
    assert list(session) == [b"b", b"c"]
    assert session.exit_code == 0
    assert daemon.heard == [{"type": "pty_connect", "id": daemon.heard[0]["id"], "session_id": "ses_a"}]


def test_a_wait_that_ends_first_leaves_the_terminal(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out(b"a"))
    session = machine.pty.connect(9, id="mine")
    result = session.wait(timeout=0.05)
    assert (result.exit_code, result.timed_out) == (124, True)
    assert (session.is_connected, session.exit_code) == (False, None)
    assert daemon.sockets.ended.acquire(timeout=LONGEST_WAIT)
    assert daemon.heard == [{"type": "pty_connect", "id": "mine", "pid": 9}]
    for call in (session.wait, lambda: session.send_input("x"), lambda: session.resize(1, 1)):
        with pytest.raises(MachineError) as caught:
            call()
        assert caught.value.code == "invalid_state"
    assert list(session) == []


def test_a_lost_connection_is_told(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out(b"a"), breaks=True)
    session = machine.pty.create_session()
    chunks = iter(session)
    assert next(chunks) == b"a"
    with pytest.raises(MachineError) as caught:
        next(chunks)
    assert caught.value.code == "transport_error"
    assert not session.is_connected
    assert session.error == caught.value.message
    assert session.exit_code is None
    with pytest.raises(MachineError, match="lost"):
        session.wait()
    assert len(daemon.sockets.upgrades) == 1


def test_an_error_of_the_daemon_ends_it(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, failed("machine_failed"))
    session = machine.pty.create_session()
    assert session.wait() == PtyResult(1, "said so")
    assert (session.error, session.is_connected) == ("said so", False)


def test_output_for_a_callback(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out(b"a"), out(b"b"), ended(2), hears=1)
    got: queue.Queue[bytes] = queue.Queue()
    session = machine.pty.connect(session_id="ses_a", on_data=got.put)
    for call in (lambda: list(session), lambda: session.wait(print)):
        with pytest.raises(MachineError) as caught:
            call()
        assert caught.value.code == "invalid_state"
    session.send_input("x")
    assert [got.get(timeout=LONGEST_WAIT) for _ in range(2)] == [b"a", b"b"]
    assert session.wait(timeout=LONGEST_WAIT) == PtyResult(2)


def test_disconnect_ends_the_callbacks(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, out(b"a"))
    got: queue.Queue[bytes] = queue.Queue()
    session = machine.pty.connect(session_id="ses_a", on_data=got.put)
    assert got.get(timeout=LONGEST_WAIT) == b"a"
    session.disconnect()
    session.disconnect()
    assert daemon.sockets.ended.acquire(timeout=LONGEST_WAIT)
    with pytest.raises(MachineError, match="disconnected"):
        session.wait()


def test_refused(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(failed("session_not_found"))
    with pytest.raises(NotFoundError):
        machine.pty.connect(session_id="ses_b")
    daemon.sockets.plays(refusal(404, "machine_not_found"))
    with pytest.raises(NotFoundError):
        machine.pty.create_session()
    daemon.plays(out(b"early"))
    with pytest.raises(MachineError) as caught:
        machine.pty.create_session()
    assert caught.value.code == "invalid_response"


@pytest.mark.parametrize("side", [0, 70_000])
def test_senseless_arguments_are_not_sent(daemon: Daemon, machine: Machine, side: int) -> None:
    for call in (
        lambda: machine.pty.create_session(cols=side),
        lambda: machine.pty.create_session(rows=side),
        machine.pty.connect,
        lambda: machine.pty.connect(9, session_id="ses_a"),
    ):
        with pytest.raises(MachineError) as caught:
            call()
        assert caught.value.code == "invalid_request"
    assert daemon.sockets.upgrades == []


def test_output_that_is_not_base64(daemon: Daemon, machine: Machine) -> None:
    daemon.plays(STARTED, {**out(b""), "data_base64": "?"})
    session = machine.pty.create_session()
    with pytest.raises(MachineError) as caught:
        session.wait()
    assert caught.value.code == "invalid_response"


def test_a_start_whose_answer_is_lost_is_not_repeated(daemon: Daemon, machine: Machine, pauses: list[float]) -> None:
    daemon.plays(breaks=True)
    with pytest.raises(MachineError) as caught:
        machine.pty.create_session()
    assert caught.value.code == "transport_error"
    assert len(daemon.sockets.upgrades) == 1
    daemon.plays(breaks=True)
    daemon.plays(STARTED)
    machine.pty.connect(9).disconnect()


def test_async(daemon: Daemon) -> None:
    daemon.plays(STARTED, out(b"a"), ended(3), hears=1)
    daemon.plays(STARTED, out(b"b"))
    daemon.plays(STARTED, out(b"c"), ended(4))

    async def work() -> None:
        machine = await AsyncMachine.connect("mch_a")
        session = await machine.pty.create_session()
        await session.send_input("x")
        got: list[bytes] = []
        assert await session.wait(got.append, timeout=LONGEST_WAIT) == PtyResult(3)
        second = await machine.pty.connect(session_id="ses_a")
        async for chunk in second:
            got.append(chunk)
            break
        assert (await second.wait(timeout=0.05)).timed_out
        third = await machine.pty.connect(session_id="ses_a", on_data=got.append)
        assert await third.wait() == PtyResult(4)
        assert got == [b"a", b"b", b"c"]
        await machine.close()

    asyncio.run(work())
