"""The event stream over connections that break. A daemon that keeps its events in a list plays the other side."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

import pytest

from fakehost import Answer, refusal
from fakesockets import LONGEST_WAIT, FakeSockets, Peer, Script
from nullspace import (
    AsyncLifecycle,
    AuthError,
    Lifecycle,
    LifecycleEvent,
    LifecycleOperation,
    LifecycleStreamError,
    Machine,
    MachineError,
    NotFoundError,
    NotImplementedError,
    RateLimitError,
)
from nullspace._async.client import AsyncClient
from nullspace._config import Settings

SUBSCRIBED = {"type": "subscribed", "subscription": {}, "reconnect_mode": "replay"}


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "occurred_at": "2026-01-01T00:00:00Z",
        "audience": "customer",
        "operation": "fork",
        "status": "succeeded",
        "actor_kind": "user",
        "metadata": {},
        **more,
    }


def number_of(event: LifecycleEvent) -> int:
    return int(event.id[-12:])


class Outbox:
    """The events there are, and how connections were begun. ``plan`` has how many events each connection carries."""

    def __init__(self, *plan: int) -> None:
        self.events: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self._plan = plan

    def scripts(self) -> list[Script]:
        return [self._script(carries) for carries in self._plan]

    def _script(self, carries: int) -> Script:
        def play(peer: Peer) -> None:
            asked = peer.hears()
            self.asked.append(asked)
            peer.says(SUBSCRIBED)
            place = self._place(asked)
            for number in self.events[place : place + carries]:
                peer.says({"type": "event", "event": event(number)})
            peer.breaks()

        return play

    def _place(self, asked: dict[str, Any]) -> int:
        if "after_event_id" in asked and not asked.get("live_only"):
            return self.events.index(int(asked["after_event_id"][-12:])) + 1
        count = 0 if asked.get("live_only") else asked.get("replay_limit", 100)
        return max(0, len(self.events) - count)


def newest(*numbers: int) -> Answer:
    events = [event(number) for number in numbers]
    return Answer(200, {"events": events, "offset": 0, "limit": 1, "has_more": False})


def take(stream: Any, count: int) -> list[int]:
    taken = [number_of(next(stream)) for _ in range(count)]
    stream.close()
    return taken


def test_no_gap_and_no_repeat(sockets: FakeSockets, pauses: list[float]) -> None:
    outbox = Outbox(3, 0, 0, 2, 5)
    outbox.events = list(range(1, 11))
    sockets.plays(*outbox.scripts())
    with Lifecycle() as lifecycle:
        stream = lifecycle.stream_events(machine_id="mch_a", operation=LifecycleOperation.FORK, metadata={"k": "v"})
        assert take(stream, 10) == list(range(1, 11))
    filters = {"type": "subscribe", "machine_id": "mch_a", "operation": "fork", "metadata": {"k": "v"}}
    assert outbox.asked[0] == {**filters, "live_only": False, "replay_limit": 100}
    assert [asked.get("after_event_id") for asked in outbox.asked[1:]] == [
        event(number)["id"] for number in (3, 3, 3, 5)
    ]
    assert all(asked["live_only"] is False and asked["metadata"] == {"k": "v"} for asked in outbox.asked)
    path, headers = sockets.upgrades[0]
    assert path == "/v1/lifecycle/ws"
    assert headers["authorization"] == "Bearer ns_live_test"
    assert headers["user-agent"].startswith("nullspace-python/")


def test_pauses_double_and_begin_anew(sockets: FakeSockets, pauses: list[float]) -> None:
    outbox = Outbox(1, 1)
    outbox.events = [1, 2]
    first, second = outbox.scripts()
    sockets.plays(first, *[Answer(503)] * 6, second)
    with Lifecycle() as lifecycle:
        stream = lifecycle.stream_events()
        assert take(stream, 2) == [1, 2]
    assert pauses == [0.25, 0.5, 1, 2, 4, 5, 5]


@pytest.mark.parametrize("options", [{"live_only": True}, {"replay_limit": 0}])
def test_live_only_has_no_gap_before_its_first_event(
    sockets: FakeSockets, pauses: list[float], options: dict[str, Any]
) -> None:
    outbox = Outbox(0, 0, 9)
    outbox.events = [1, 2, 3, 4]
    sockets.plays(*outbox.scripts())
    # 3 and 4 happened after the newest was asked for, and before the connection that lasted.
    sockets.reads.append(newest(2))
    with Lifecycle() as lifecycle:
        assert take(lifecycle.stream_events(**options), 2) == [3, 4]
    assert sockets.read_paths == ["/v1/lifecycle/events?offset=0&limit=1&order=desc"]


def test_live_only_when_there_is_no_event_yet(sockets: FakeSockets, pauses: list[float]) -> None:
    outbox = Outbox(0, 9)
    sockets.reads.append(newest())
    first, second = outbox.scripts()

    def then_some(peer: Peer) -> None:
        outbox.events = [1, 2]
        second(peer)

    sockets.plays(first, then_some)
    with Lifecycle() as lifecycle:
        assert take(lifecycle.stream_events(live_only=True), 2) == [1, 2]
    assert [asked["live_only"] for asked in outbox.asked] == [True, False]


def test_after_event(sockets: FakeSockets, pauses: list[float]) -> None:
    outbox = Outbox(9)
    outbox.events = [1, 2, 3]
    sockets.plays(*outbox.scripts())
    with Lifecycle() as lifecycle:
        assert take(lifecycle.stream_events(after_event_id=event(1)["id"], replay_limit=None), 2) == [2, 3]
    assert "replay_limit" not in outbox.asked[0]


def test_error_frame_ends_it(sockets: FakeSockets, pauses: list[float]) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SUBSCRIBED, {"type": "event", "event": event(1)}, {"type": "error", "message": "unknown event id"})
        peer.waits_for_the_end()

    sockets.plays(play)
    stream = Lifecycle().stream_events()
    assert number_of(next(stream)) == 1
    with pytest.raises(MachineError, match="unknown event id") as caught:
        next(stream)
    assert caught.value.code == "websocket_error"
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)
    assert len(sockets.upgrades) == 1
    assert list(stream) == []


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(401, "unauthorized"), AuthError, "unauthorized"),
        (Answer(401), AuthError, "unauthorized"),
        (Answer(403, raw=b"<html>"), AuthError, "unauthorized"),
        (refusal(404, "machine_not_found"), NotFoundError, "machine_not_found"),
        (Answer(404), MachineError, "websocket_upgrade_error"),
        (Answer(501), NotImplementedError, "not_implemented"),
        (Answer(307, headers={"location": "http://127.0.0.1:1/"}), MachineError, "transport_error"),
    ],
)
def test_refused_upgrades_end_it(
    sockets: FakeSockets, pauses: list[float], answer: Answer, kind: type[MachineError], code: str
) -> None:
    outbox = Outbox(1)
    outbox.events = [1]
    sockets.plays(*outbox.scripts(), answer, answer)

    async def consume() -> None:
        async with AsyncLifecycle() as lifecycle:
            await lifecycle.stream_events(live_only=False).__anext__()

    stream = Lifecycle().stream_events()
    assert number_of(next(stream)) == 1
    for look in (lambda: next(stream), lambda: asyncio.run(consume())):
        with pytest.raises(MachineError) as caught:
            look()
        assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(sockets.upgrades) == 3


def test_rate_limit_ends_it_after_some_tries(sockets: FakeSockets, pauses: list[float]) -> None:
    sockets.plays(*[Answer(429, headers={"retry-after": "0.2"})] * 4)
    with pytest.raises(RateLimitError):
        next(Lifecycle().stream_events())
    assert pauses == [0.2] * 3


def test_nobody_there_is_reported(pauses: list[float]) -> None:
    lifecycle = Lifecycle(api_key="k", base_url="http://127.0.0.1:1")
    with pytest.raises(MachineError, match="Cannot open /v1/lifecycle/ws") as caught:
        next(lifecycle.stream_events())
    assert caught.value.code == "transport_error"
    assert pauses == [0.5, 1, 2]


@pytest.mark.parametrize("frame", ["no json", "[]", {"type": "event"}, {"type": "event", "event": {"id": 1}}])
def test_frames_that_make_no_sense_end_it(sockets: FakeSockets, frame: Any) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SUBSCRIBED, {"type": "news"}, frame)
        peer.waits_for_the_end()

    sockets.plays(play)
    with pytest.raises(MachineError) as caught:
        next(Lifecycle().stream_events())
    assert caught.value.code == "invalid_response"


def test_first_frame_must_be_the_acknowledgement(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says({"type": "event", "event": event(1)})
        peer.waits_for_the_end()

    sockets.plays(play)
    with pytest.raises(MachineError, match="does not begin as it should"):
        next(Lifecycle().stream_events())


def test_leaving_the_loop_closes_the_connection(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SUBSCRIBED, {"type": "event", "event": event(1)})
        peer.waits_for_the_end()

    sockets.plays(play)
    for one in Lifecycle().stream_events():
        assert number_of(one) == 1
        break
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)


def test_idle_timeout_ends_it(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SUBSCRIBED, {"type": "event", "event": event(1)})
        peer.waits_for_the_end()

    sockets.plays(play, play)

    async def numbers() -> list[int]:
        async with AsyncLifecycle() as lifecycle:
            return [number_of(one) async for one in lifecycle.stream_events(idle_timeout=0.05)]

    assert [number_of(one) for one in Lifecycle().stream_events(idle_timeout=0.05)] == [1]
    assert asyncio.run(numbers()) == [1]


def test_stream_of_one_machine(sockets: FakeSockets, pauses: list[float]) -> None:
    from fakehost import MACHINE

    outbox = Outbox(0, 9)
    outbox.events = [1, 2]
    sockets.plays(*outbox.scripts())
    sockets.reads.extend([Answer(200, MACHINE), newest(1)])
    machine = Machine.connect("mch_a")
    assert take(machine.stream_events(live_only=True, status="succeeded"), 1) == [2]
    assert {path for path, _ in sockets.upgrades} == {"/v1/machines/mch_a/lifecycle/ws"}
    assert sockets.read_paths[1].startswith("/v1/machines/mch_a/lifecycle?")
    assert outbox.asked[1]["status"] == "succeeded"
    machine.close()


def test_async_no_gap_and_no_repeat(sockets: FakeSockets, pauses: list[float]) -> None:
    outbox = Outbox(2, 0, 9)
    outbox.events = [1, 2, 3, 4]
    sockets.plays(*outbox.scripts())

    async def four() -> list[int]:
        seen: list[int] = []
        async with AsyncLifecycle() as lifecycle:
            stream = lifecycle.stream_events()
            async for one in stream:
                seen.append(number_of(one))
                if len(seen) == 4:
                    break
            await stream.aclose()
        return seen

    assert asyncio.run(four()) == [1, 2, 3, 4]


def test_cancelling_a_task_ends_its_stream(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SUBSCRIBED, {"type": "event", "event": event(1)})
        peer.waits_for_the_end()

    sockets.plays(play)

    async def consume() -> None:
        seen = asyncio.Event()

        async def read() -> None:
            async with AsyncLifecycle() as lifecycle:
                async for _ in lifecycle.stream_events():
                    seen.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(seen.wait(), LONGEST_WAIT)
        task.cancel()
        await asyncio.wait({task}, timeout=LONGEST_WAIT)
        assert task.cancelled()

    asyncio.run(consume())
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)


def test_subscribe(sockets: FakeSockets, pauses: list[float], caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox(2, 9)
    outbox.events = [1, 2, 3]
    sockets.plays(*outbox.scripts(), refusal(401, "unauthorized"))
    seen: queue.Queue[int] = queue.Queue()
    errors: queue.Queue[LifecycleStreamError] = queue.Queue()

    def on_event(one: LifecycleEvent) -> None:
        seen.put(number_of(one))
        raise ZeroDivisionError

    subscription = Lifecycle().subscribe(machine_id="mch_a", on_event=on_event, on_error=errors.put)
    assert [seen.get(timeout=LONGEST_WAIT) for _ in range(3)] == [1, 2, 3]
    assert errors.get(timeout=LONGEST_WAIT).code == "unauthorized"
    subscription.stop()
    subscription.stop()
    assert outbox.asked[0] == {"type": "subscribe", "machine_id": "mch_a"}
    assert outbox.asked[1]["after_event_id"] == event(2)["id"]
    assert caplog.text.count("a callback failed") == 3


def test_subscribe_raises_what_is_refused_at_once(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says({"type": "error", "message": "no such filter"})
        peer.waits_for_the_end()

    sockets.plays(play)
    with pytest.raises(MachineError, match="no such filter"):
        Lifecycle().subscribe()


def test_stop_ends_a_subscription_that_waits(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SUBSCRIBED)
        peer.waits_for_the_end()

    sockets.plays(play, play)
    errors: list[LifecycleStreamError] = []
    Lifecycle().subscribe(on_error=errors.append).stop()
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)

    async def both() -> None:
        async with AsyncLifecycle() as lifecycle:
            subscription = await lifecycle.subscribe(on_error=errors.append)
            await subscription.stop()

    asyncio.run(both())
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)
    assert errors == []


def test_stop_from_within_a_callback(sockets: FakeSockets) -> None:
    def play(peer: Peer) -> None:
        peer.hears()
        peer.says(SUBSCRIBED, {"type": "event", "event": event(1)}, {"type": "event", "event": event(2)})
        peer.waits_for_the_end()

    sockets.plays(play)
    seen: list[int] = []
    ready: queue.Queue[Any] = queue.Queue()

    def on_event(one: LifecycleEvent) -> None:
        seen.append(number_of(one))
        ready.get(timeout=LONGEST_WAIT).stop()

    subscription = Lifecycle().subscribe(on_event=on_event)
    ready.put(subscription)
    assert sockets.ended.acquire(timeout=LONGEST_WAIT)
    assert seen == [1]


def test_secure_addresses() -> None:
    from nullspace._socket import websocket_url

    assert websocket_url(Settings("k", "HTTPS://host:1/pre"), "/v1/x") == "wsS://host:1/pre/v1/x"
    assert AsyncClient(Settings("k", "http://h")).settings.base_url == "http://h"
