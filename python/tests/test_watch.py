"""Changes in a directory, as they happen."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator
from typing import Any

import pytest

from fakehost import MACHINE, Answer, refusal
from fakesockets import LONGEST_WAIT, FakeSockets, Peer
from nullspace import AsyncMachine, FileEvent, Machine, MachineError, NotFoundError
from nullspace._async import watch as async_watch
from nullspace._sync import watch

READ = Answer(200, MACHINE)


@pytest.fixture
def machine(sockets: FakeSockets, waits: list[float]) -> Iterator[Machine]:
    sockets.reads.append(READ)
    machine = Machine.connect("mch_a")
    yield machine
    machine.close()


def begin(peer: Peer) -> str:
    """What a daemon says first, and something for another watch."""
    asked = peer.hears()
    peer.says({"type": "file_watch_started", "id": "other"}, {"type": "file_watch_started", "id": asked["id"]})
    return asked["id"]


def event(watch_id: str, kind: str, name: str = "a") -> dict[str, Any]:
    return {"type": "file_event", "id": watch_id, "event": kind, "name": name, "path": f"/w/{name}"}


def test_events(sockets: FakeSockets, machine: Machine) -> None:
    asked: list[dict[str, Any]] = []

    def play(peer: Peer) -> None:
        asked.append(peer.hears())
        own = asked[0]["id"]
        peer.says({"type": "file_watch_started", "id": own}, event("other", "create"), {"type": "news", "id": own})
        peer.says(event(own, "create", "\udcff"), event(own, "write"))
        peer.waits_for_the_end()

    sockets.plays(play)
    events: queue.Queue[FileEvent] = queue.Queue()
    ends: queue.Queue[Exception | None] = queue.Queue()
    with machine.files.watch_dir("/w\udcff", events.put, recursive=True, user="u", on_exit=ends.put):
        first, second = events.get(timeout=LONGEST_WAIT), events.get(timeout=LONGEST_WAIT)
    assert (first, first.event_type) == (FileEvent("create", "\udcff", "/w/\udcff"), "create")
    assert second.type == "write"
    assert ends.get(timeout=LONGEST_WAIT) is None
    assert asked == [
        {
            "type": "file_watch",
            "id": asked[0]["id"],
            "path": "/w\udcff",
            "user": "u",
            "recursive": True,
            "timeout_secs": None,
        }
    ]
    assert sockets.upgrades[0][0] == "/v1/machines/mch_a/ws"
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)


def test_changes_that_may_be_missing(sockets: FakeSockets, machine: Machine) -> None:
    def play(peer: Peer) -> None:
        own = begin(peer)
        peer.says({"type": "resync_required", "id": "other"}, event(own, "create"))
        peer.says({"type": "resync_required", "id": own}, event(own, "write"))
        peer.waits_for_the_end()

    sockets.plays(play)
    events: queue.Queue[FileEvent] = queue.Queue()
    with machine.files.watch_dir("d", events.put):
        told = [events.get(timeout=LONGEST_WAIT) for _ in range(3)]
    assert told == [FileEvent("create", "a", "/w/a"), FileEvent("overflow", "", "d"), FileEvent("write", "a", "/w/a")]


def test_it_can_be_stopped_from_its_own_callback(sockets: FakeSockets, machine: Machine) -> None:
    def play(peer: Peer) -> None:
        own = begin(peer)
        peer.says(event(own, "create"))
        peer.waits_for_the_end()

    sockets.plays(play)
    ends: queue.Queue[Exception | None] = queue.Queue()
    handles: queue.Queue[watch.WatchHandle] = queue.Queue()

    def stop(_: FileEvent) -> None:
        handles.get(timeout=LONGEST_WAIT).stop()

    handle = machine.files.watch_dir("/w", stop, on_exit=ends.put)
    handles.put(handle)
    assert ends.get(timeout=LONGEST_WAIT) is None
    handle.stop()


def test_its_time_is_up(sockets: FakeSockets, machine: Machine) -> None:
    def play(peer: Peer) -> None:
        begin(peer)
        peer.waits_for_the_end()

    sockets.plays(play)
    ends: queue.Queue[Exception | None] = queue.Queue()
    machine.files.watch_dir("/w", lambda _: None, timeout=0.05, on_exit=ends.put)
    assert ends.get(timeout=LONGEST_WAIT) is None
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)


def test_how_it_fails_later(sockets: FakeSockets, machine: Machine) -> None:
    def refuse(peer: Peer) -> None:
        peer.says({"type": "error", "id": begin(peer), "message": "gone"})
        peer.waits_for_the_end()

    def lose(peer: Peer) -> None:
        begin(peer)
        peer.breaks()

    def tell(peer: Peer) -> None:
        peer.says(event(begin(peer), "create"))
        peer.waits_for_the_end()

    def refuse_the_connection(peer: Peer) -> None:
        begin(peer)
        peer.says({"type": "error", "message": "no"})
        peer.waits_for_the_end()

    def odd(peer: Peer) -> None:
        peer.says({"type": "file_event", "id": begin(peer), "event": 5})
        peer.waits_for_the_end()

    def fail(_: FileEvent) -> None:
        raise KeyError("mine")

    ends: queue.Queue[Exception | None] = queue.Queue()
    for script, code in (
        (refuse, "watch_error"),
        (refuse_the_connection, "watch_error"),
        (lose, "transport_error"),
        (odd, "invalid_response"),
    ):
        sockets.plays(script)
        machine.files.watch_dir("/w", lambda _: None, on_exit=ends.put)
        failure = ends.get(timeout=LONGEST_WAIT)
        assert isinstance(failure, MachineError)
        assert failure.code == code
    sockets.plays(tell)
    machine.files.watch_dir("/w", fail, on_exit=ends.put)
    assert isinstance(ends.get(timeout=LONGEST_WAIT), KeyError)


def test_how_it_fails_at_once(
    sockets: FakeSockets, machine: Machine, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(peer: Peer) -> None:
        peer.says({"type": "error", "id": peer.hears()["id"], "message": "no such directory"})
        peer.waits_for_the_end()

    sockets.plays(refuse, refusal(404, "machine_not_found"), refusal(503, "draining"), Peer.waits_for_the_end)
    with pytest.raises(MachineError, match="no such directory") as caught:
        machine.files.watch_dir("/w", lambda _: None)
    assert caught.value.code == "watch_error"
    with pytest.raises(NotFoundError):
        machine.files.watch_dir("/w", lambda _: None)
    monkeypatch.setattr(watch, "START_TIMEOUT", 0.05)
    with pytest.raises(TimeoutError):
        machine.files.watch_dir("/w", lambda _: None)
    assert waits == [0.5]
    for _ in range(2):
        assert sockets.ended.acquire(timeout=LONGEST_WAIT)


def test_async(sockets: FakeSockets, monkeypatch: pytest.MonkeyPatch) -> None:
    def play(peer: Peer) -> None:
        own = begin(peer)
        peer.says(event(own, "create"), {"type": "resync_required", "id": own})
        peer.waits_for_the_end()

    sockets.reads.append(READ)
    sockets.plays(play, play, Peer.waits_for_the_end)

    async def run() -> None:
        machine = await AsyncMachine.connect("mch_a")
        seen: asyncio.Queue[FileEvent] = asyncio.Queue()
        ends: asyncio.Queue[Exception | None] = asyncio.Queue()
        async with await machine.files.watch_dir("/w", seen.put_nowait, on_exit=ends.put_nowait):
            assert [(await asyncio.wait_for(seen.get(), LONGEST_WAIT)).type for _ in range(2)] == ["create", "overflow"]
        assert ends.get_nowait() is None
        handle = await machine.files.watch_dir("/w", seen.put_nowait, on_exit=ends.put_nowait)
        # Not awaited, as with the published client.
        handle.stop()
        assert await asyncio.wait_for(ends.get(), LONGEST_WAIT) is None
        monkeypatch.setattr(async_watch, "START_TIMEOUT", 0.05)
        with pytest.raises(TimeoutError):
            await machine.files.watch_dir("/w", seen.put_nowait)
        await machine.close()

    asyncio.run(run())
