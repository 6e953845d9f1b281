"""Lifecycle events: listed, streamed, given to callbacks, posted to webhooks."""

import asyncio
import contextlib
import hashlib
import hmac
import queue
import threading
from datetime import datetime, timedelta, timezone
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import CLIENT, RUN, case, create, refused, shared, until
from nullspace import AsyncLifecycle, AuthError, Lifecycle, Machine, MachineError, NotFoundError, Snapshot

LONGEST_WAIT = 20
SECRET = "a secret of the receiver"


@cache
def past():
    """A machine with a history, which is over, and its snapshot."""
    machine = create(vcpus=1, memory_mb=256, metadata={"run": RUN, "role": "past"})
    machine.set_timeout(300)
    snapshot = machine.create_snapshot()
    machine.pause()
    Machine.resume(machine.id)
    Machine.kill_by_id(machine.id)
    Snapshot.delete(snapshot.id)
    return machine, snapshot


def operations_of(events, status="succeeded"):
    return [event.operation.value for event in events if event.status == status]


@case
def events_of_a_machine_that_is_gone():
    machine, snapshot = past()
    with contextlib.closing(Lifecycle()) as lifecycle:
        newest_first = lifecycle.list_machine_events(machine.id, limit=100)
        oldest_first = lifecycle.list_machine_events(machine.id, limit=100, order_asc=True)
        events = oldest_first.events
        assert [event.id for event in newest_first.events][::-1] == [event.id for event in events]
        assert operations_of(events) == [
            "create",
            "timeout_updated",
            "snapshot_created",
            "hibernate",
            "resume_from_snapshot",
            "destroy",
        ]
        assert not newest_first.has_more
        now = datetime.now(timezone.utc)
        assert all(now - timedelta(hours=1) < event.occurred_at <= now + timedelta(seconds=1) for event in events)
        assert {(event.audience.value, event.actor_kind.value) for event in events} == {("customer", "user")}
        assert all(event.metadata.get("run") == RUN for event in events), events
        page = lifecycle.list_machine_events(machine.id, limit=2, offset=1, order_asc=True)
        assert [event.id for event in page.events] == [event.id for event in events[1:3]]
        assert (page.offset, page.limit, page.has_more) == (1, 2, True)
        only = lifecycle.list_machine_events(machine.id, operation="hibernate", status="succeeded")
        assert operations_of(only.events) == ["hibernate"]
        of_snapshot = lifecycle.list_snapshot_events(snapshot.id).events
        assert operations_of(of_snapshot) == ["snapshot_created"]
        assert of_snapshot[0].snapshot_id == snapshot.id
        assert [event.id for event in machine.list_lifecycle(limit=1).events] == [newest_first.events[0].id]


@case
def events_of_all():
    machine, snapshot = past()
    with contextlib.closing(Lifecycle()) as lifecycle:
        mine = lifecycle.list_events(machine_id=machine.id, operation="destroy", status="succeeded").events
        assert [event.machine_id for event in mine] == [machine.id]
        assert lifecycle.list_events(snapshot_id=snapshot.id).events
        at = mine[0].occurred_at.isoformat()
        same = lifecycle.list_events(from_time=at, to_time=at).events
        assert mine[0].id in {event.id for event in same}
        later = (mine[0].occurred_at + timedelta(days=1)).isoformat()
        assert lifecycle.list_events(from_time=later).events == []


@case
def events_that_cannot_be_listed():
    with contextlib.closing(Lifecycle()) as lifecycle:
        nobody = "mch_aaaaaaaaaaaaaaaaaaaa"
        refused(lambda: lifecycle.list_machine_events(nobody), "machine_not_found", NotFoundError)
        refused(lambda: lifecycle.list_snapshot_events("snap_x"), "snapshot_not_found", NotFoundError)
        refused(lambda: lifecycle.list_events(limit=0), "invalid_request")
        refused(lambda: lifecycle.list_events(operation="explode"), "invalid_request")
        refused(lambda: lifecycle.list_events(from_time="yesterday"), "invalid_request")


@case
def stream_replays_then_goes_on():
    machine, _ = past()
    with contextlib.closing(Lifecycle()) as lifecycle:
        listed = [event.id for event in lifecycle.list_machine_events(machine.id, limit=100, order_asc=True).events]
        assert [event.id for event in taken(lifecycle.stream_events(machine_id=machine.id), len(listed))] == listed
        newest = taken(lifecycle.stream_events(machine_id=machine.id, replay_limit=2), 2)
        assert [event.id for event in newest] == listed[-2:]
        after = lifecycle.stream_events(machine_id=machine.id, after_event_id=listed[0], replay_limit=1)
        assert [event.id for event in taken(after, len(listed) - 1)] == listed[1:]
        filtered = lifecycle.stream_events(machine_id=machine.id, operation="destroy", metadata={"run": RUN})
        assert taken(filtered, 1)[0].operation.value == "destroy"


@case
def stream_tells_what_happens():
    machine = shared()
    seen = queue.Queue()
    stream = machine.stream_events(replay_limit=1)
    threading.Thread(target=lambda: [seen.put(event) for event in stream], daemon=True).start()
    seen.get(timeout=LONGEST_WAIT)
    machine.set_timeout(601)
    event = seen.get(timeout=LONGEST_WAIT)
    while event.operation.value != "timeout_updated":
        event = seen.get(timeout=LONGEST_WAIT)
    assert event.machine_id == machine.id


@case
def stream_ends_when_nothing_comes():
    with contextlib.closing(Lifecycle()) as lifecycle:
        machine, _ = past()
        assert list(lifecycle.stream_events(machine_id=machine.id, live_only=True, idle_timeout=0.5)) == []


@case
def streams_that_are_refused():
    def first(**options):
        with contextlib.closing(Lifecycle(**options.pop("client", {}))) as lifecycle:
            return next(iter(lifecycle.stream_events(**options)))

    refused(lambda: first(client={"api_key": "nonsense"}), "unauthorized", AuthError)
    unknown = "00000000-0000-4000-8000-000000000000"
    error = refused(lambda: first(after_event_id=unknown), "websocket_error", MachineError)
    assert unknown in str(error)
    refused(lambda: first(operation="explode"), "websocket_error", MachineError)


@case
async def async_stream():
    machine, _ = past()
    lifecycle = AsyncLifecycle()
    listed = (await lifecycle.list_machine_events(machine.id, limit=100, order_asc=True)).events

    async def read(stream):
        events = []
        async for event in stream:
            events.append(event.id)
            if len(events) == len(listed):
                return events

    stream = lifecycle.stream_events(machine_id=machine.id)
    assert await asyncio.wait_for(read(stream), LONGEST_WAIT) == [event.id for event in listed]
    await stream.aclose()
    await lifecycle.close()


@case
def subscribe_calls_back():
    machine = shared()
    seen = queue.Queue()
    with contextlib.closing(Lifecycle()) as lifecycle:
        subscription = lifecycle.subscribe(machine_id=machine.id, operation="timeout_updated", on_event=seen.put)
        machine.set_timeout(602)
        event = seen.get(timeout=LONGEST_WAIT)
        assert (event.machine_id, event.operation.value) == (machine.id, "timeout_updated")
        subscription.stop()


@case
def webhooks_are_made_read_changed_and_deleted():
    with contextlib.closing(Lifecycle()) as lifecycle:
        url = "https://example.com/hook"
        made = lifecycle.create_webhook(url, operations=["create", "fork"], signing_secret=SECRET, enabled=False)
        try:
            assert (made.url, made.enabled, made.has_signing_secret) == (url, False, True)
            assert [operation.value for operation in made.operations] == ["create", "fork"]
            assert made.last_delivery_at is None
            assert lifecycle.get_webhook(made.id) == made
            assert made.id in {one.id for one in lifecycle.list_webhooks()}
            changed = lifecycle.update_webhook(made.id, operations=["destroy"])
            assert [operation.value for operation in changed.operations] == ["destroy"]
            assert (changed.url, changed.enabled) == (url, False)
            assert lifecycle.list_webhook_deliveries(made.id) == []
            refused(lambda: lifecycle.get_webhook_delivery(made.id, made.id), "delivery_not_found", NotFoundError)
        finally:
            lifecycle.delete_webhook(made.id)
        for call in (lifecycle.get_webhook, lifecycle.delete_webhook, lifecycle.list_webhook_deliveries):
            refused(lambda call=call: call(made.id), "webhook_not_found", NotFoundError)
        for options in (
            {"url": "nonsense"},
            {"url": "ftp://example.com/x"},
            {"operations": []},
            {"signing_secret": "short"},
        ):
            whole = {"url": url, "operations": ["create"], "signing_secret": SECRET, **options}
            refused(lambda whole=whole: lifecycle.create_webhook(**whole), "invalid_request")


@case
def webhooks_are_posted_to():
    posts = queue.Queue()
    statuses = iter((500,))
    with receiver(posts, lambda: next(statuses, 204)) as url, contextlib.closing(Lifecycle()) as lifecycle:
        webhook = lifecycle.create_webhook(url, operations=["timeout_updated"], signing_secret=SECRET)
        try:
            shared().set_timeout(603)
            headers, body = posts.get(timeout=LONGEST_WAIT)
            # The first was answered with 500, so it comes again.
            again, body_again = posts.get(timeout=60)
            assert body_again == body
            for name in ("webhook-id", "delivery-id", "event-id", "signature", "signature-version"):
                assert headers[f"x-nullspace-{name}"] == again[f"x-nullspace-{name}"], name
            assert headers["x-nullspace-webhook-id"] == webhook.id
            expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            assert (headers["x-nullspace-signature"], headers["x-nullspace-signature-version"]) == (expected, "1")
            if CLIENT == "ours":
                from nullspace import verify_webhook_signature

                assert verify_webhook_signature(SECRET, headers, body)
            delivery_id = headers["x-nullspace-delivery-id"]
            detail = until(
                lambda: lifecycle.get_webhook_delivery(webhook.id, delivery_id),
                lambda detail: detail.delivery.delivery_status == "succeeded",
            )
            assert detail.event.id == headers["x-nullspace-event-id"]
            assert detail.event.operation == "timeout_updated"
            assert [attempt.response_status for attempt in detail.attempts] == [500, 204]
            assert [one.id for one in lifecycle.list_webhook_deliveries(webhook.id, limit=1)] == [delivery_id]
            assert lifecycle.get_webhook(webhook.id).last_delivery_status == "succeeded"
        finally:
            lifecycle.delete_webhook(webhook.id)


@contextlib.contextmanager
def receiver(posts, answer):
    """A server on loopback that keeps what is posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            posts.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(answer())
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def taken(stream, count):
    """The first `count` events, within bounds: a stream that does not give them would wait for ever."""
    seen = queue.Queue()

    def read():
        for _ in range(count):
            seen.put(next(stream))
        stream.close()

    threading.Thread(target=read, daemon=True).start()
    return [seen.get(timeout=LONGEST_WAIT) for _ in range(count)]
