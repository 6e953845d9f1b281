from __future__ import annotations

import asyncio
import queue
import socket
from collections.abc import Callable
from typing import Any

import pytest

from fakehost import MACHINE, SAMPLE, refusal
from fakesockets import LONGEST_WAIT, FakeSockets, Peer
from nullspace import AsyncMonitor, AuthError, MachineError, Monitor, MonitorErrorEvent, ProcessInfo

SNAPSHOT = {"type": "monitor_snapshot", "id": "m", "machines": [MACHINE]}
GONE = {"type": "monitor_update", "id": "m", "machine_id": "mch_a", "removed": True}
CHANGED = {**GONE, "removed": False, "machine": {**MACHINE, "status": "paused"}}
METRICS = {"type": "monitor_metrics", "id": "m", "machine_id": "mch_a", "metrics": SAMPLE}
PROCESSES = {
    "type": "monitor_processes",
    "id": "m",
    "machine_id": "mch_a",
    "processes": [{"pid": 9, "command": "sh", "running": True}],
}
ERROR = {"type": "monitor_error", "id": "m", "message": "too often"}


class Seen:
    """What the callbacks were given, in order."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()

    def callbacks(self) -> dict[str, Callable[[Any], None]]:
        kinds = ("snapshot", "update", "metrics", "processes", "error")
        return {f"on_{kind}": self._queue.put for kind in kinds}

    def next(self) -> Any:
        return self._queue.get(timeout=LONGEST_WAIT)


def test_everything_told_arrives(sockets: FakeSockets) -> None:
    asked: list[dict[str, Any]] = []

    def play(peer: Peer) -> None:
        asked.append(peer.hears())
        peer.says(SNAPSHOT, {"type": "monitor_news"}, CHANGED, GONE, METRICS, PROCESSES, ERROR)
        asked.append(peer.hears())
        peer.waits_for_the_end()

    sockets.plays(play)
    seen = Seen()
    subscription = Monitor().subscribe(interval_ms=500, include_processes=True, **seen.callbacks())
    assert seen.next().machines[0].id == "mch_a"
    changed, gone = seen.next(), seen.next()
    assert (changed.machine_id, changed.machine.status, changed.removed) == ("mch_a", "paused", False)
    assert (gone.machine, gone.removed) == (None, True)
    assert seen.next().metrics.cpu_percent == 12.5
    assert seen.next().processes == [ProcessInfo(9, "sh", True)]
    assert seen.next() == MonitorErrorEvent("m", "too often")
    subscription.stop()
    subscription.stop()
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)
    begin, end = asked
    assert begin == {"type": "monitor_subscribe", "id": begin["id"], "interval_ms": 500, "include_processes": True}
    assert end == {"type": "monitor_unsubscribe", "id": begin["id"]}
    assert sockets.upgrades[0][0] == "/v1/monitor/ws"


def test_what_is_not_given_is_not_sent(sockets: FakeSockets) -> None:
    asked: list[dict[str, Any]] = []

    def play(peer: Peer) -> None:
        asked.append(peer.hears())
        peer.waits_for_the_end()

    sockets.plays(play)
    Monitor().subscribe().stop()
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)
    assert set(asked[0]) == {"type", "id"}


def test_a_lost_connection_begins_anew(sockets: FakeSockets, pauses: list[float]) -> None:
    def break_off(peer: Peer) -> None:
        peer.hears()
        peer.says(SNAPSHOT)
        peer.breaks()

    sockets.plays(break_off, break_off, refusal(401, "unauthorized"))
    seen = Seen()
    subscription = Monitor().subscribe(**seen.callbacks())
    for _ in range(2):
        assert seen.next().machines[0].id == "mch_a"
    assert seen.next().code == "unauthorized"
    subscription.stop()
    assert pauses == [0.25, 0.25]


def test_a_frame_that_does_not_fit_ends_it(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says({**SNAPSHOT, "machines": [{"id": 5}]})
        peer.waits_for_the_end()

    sockets.plays(play)
    seen = Seen()
    subscription = Monitor().subscribe(**seen.callbacks())
    assert seen.next().code == "invalid_response"
    subscription.stop()
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)


def test_refused_or_not_there(sockets: FakeSockets, pauses: list[float]) -> None:
    sockets.plays(refusal(401, "unauthorized"))
    with pytest.raises(AuthError):
        Monitor().subscribe()
    with pytest.raises(MachineError) as caught:
        Monitor(base_url="http://127.0.0.1:1").subscribe()
    assert caught.value.code == "transport_error"


def test_silence_while_opening(pauses: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(MachineError, match="timed out"):
            Monitor(api_key="k", base_url=url, timeout=0.05).subscribe()


def test_async(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SNAPSHOT, METRICS)
        peer.waits_for_the_end()

    sockets.plays(play)

    async def watch() -> list[str]:
        kinds: asyncio.Queue[str] = asyncio.Queue()
        subscription = await AsyncMonitor().subscribe(
            on_snapshot=lambda _: kinds.put_nowait("snapshot"), on_metrics=lambda _: kinds.put_nowait("metrics")
        )
        seen = [await asyncio.wait_for(kinds.get(), LONGEST_WAIT) for _ in range(2)]
        await subscription.stop()
        return seen

    assert asyncio.run(watch()) == ["snapshot", "metrics"]
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)
