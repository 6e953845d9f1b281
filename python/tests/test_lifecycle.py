"""Lists of events, webhooks, the signature, the host."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import Any

import pytest

from fakehost import DROP, MACHINE, Answer, FakeHost, refusal
from nullspace import (
    AsyncHost,
    AsyncLifecycle,
    AsyncQuota,
    AsyncSnapshot,
    Host,
    Lifecycle,
    LifecycleActorKind,
    LifecycleOperation,
    LifecycleStatus,
    LifecycleWebhookDeliveryStatus,
    Machine,
    MachineError,
    NotFoundError,
    PermissionError,
    Quota,
    verify_webhook_signature,
)

AT = "2026-01-01T00:00:00Z"
UUID = "00000000-0000-4000-8000-000000000001"
EVENT = {
    "id": UUID,
    "occurred_at": AT,
    "audience": "customer",
    "operation": "create",
    "status": "succeeded",
    "actor_kind": "user",
    "metadata": {"k": 1},
    "machine_id": "mch_a",
}
LIST = {"events": [EVENT], "offset": 5, "limit": 1, "has_more": True}
WEBHOOK = {
    "id": UUID,
    "url": "https://example.test/hook",
    "operations": ["create", "fork"],
    "enabled": True,
    "has_signing_secret": True,
    "created_at": AT,
    "updated_at": AT,
}
DELIVERY = {
    "id": UUID,
    "webhook_id": UUID,
    "event_id": UUID,
    "operation": "create",
    "status": "succeeded",
    "delivery_status": "dead_letter",
    "attempt_count": 1,
    "created_at": AT,
}
ATTEMPT = {
    "id": UUID,
    "delivery_id": UUID,
    "attempt_number": 1,
    "attempted_at": AT,
    "duration_ms": 5,
    "response_status": 500,
}


def test_lists(host: FakeHost) -> None:
    host.says(*[Answer(200, LIST)] * 3, Answer(200, MACHINE), Answer(200, LIST))
    page = {
        "offset": 5,
        "limit": 1,
        "order_asc": True,
        "operation": LifecycleOperation.CREATE,
        "status": "succeeded",
        "from_time": AT,
        "to_time": "2026-01-02T00:00:00+01:00",
    }
    wire = {
        "offset": "5",
        "limit": "1",
        "order": "asc",
        "operation": "create",
        "status": "succeeded",
        "from": AT,
        "to": "2026-01-02T00:00:00+01:00",
    }
    filters = {
        "audience": "customer",
        "machine_id": "mch_a",
        "snapshot_id": "snap_a",
        "source_machine_id": "mch_b",
        "target_machine_id": "mch_c",
    }
    with Lifecycle() as lifecycle:
        answer = lifecycle.list_events(**page, **filters)
        lifecycle.list_machine_events("mch_a", **page)
        lifecycle.list_snapshot_events("snap_a", **page)
    machine = Machine.connect("mch_a")
    assert machine.list_lifecycle(limit=1).has_more
    machine.close()
    assert (answer.offset, answer.limit, answer.has_more) == (5, 1, True)
    event = answer.events[0]
    assert (event.operation, event.status) == (LifecycleOperation.CREATE, LifecycleStatus.SUCCEEDED)
    assert (event.actor_kind, event.metadata, event.snapshot_id) == (LifecycleActorKind.USER, {"k": 1}, None)
    asked = [(asked.path, asked.query) for asked in host.asked]
    assert asked[:3] == [
        ("/v1/lifecycle/events", {**wire, **filters}),
        ("/v1/machines/mch_a/lifecycle", wire),
        ("/v1/snapshots/snap_a/lifecycle", wire),
    ]
    assert asked[4] == ("/v1/machines/mch_a/lifecycle", {"offset": "0", "limit": "1", "order": "desc"})


def test_times_are_strings(host: FakeHost) -> None:
    times: Any = {"from_time": 5}
    with pytest.raises(MachineError, match="from_time"):
        Lifecycle().list_events(**times)
    assert host.asked == []


def test_timeout_of_the_client(host: FakeHost) -> None:
    def slow(_: object) -> Answer:
        time.sleep(0.3)
        return DROP

    host.route = slow
    with Lifecycle(timeout=0.05) as lifecycle, pytest.raises(MachineError, match=r"for 0\.05 s"):
        lifecycle.delete_webhook("w")


def test_webhooks(host: FakeHost) -> None:
    detail = {"delivery": DELIVERY, "event": EVENT, "attempts": [ATTEMPT]}
    changed = {**WEBHOOK, "enabled": False, "last_delivery_at": AT, "last_delivery_status": "succeeded"}
    host.says(
        Answer(201, WEBHOOK),
        Answer(200, [WEBHOOK]),
        Answer(200, WEBHOOK),
        Answer(200, changed),
        Answer(200, [DELIVERY]),
        Answer(200, detail),
        Answer(204),
        refusal(404, "webhook_not_found"),
    )
    with Lifecycle() as lifecycle:
        operations = [LifecycleOperation.CREATE, "fork"]
        made = lifecycle.create_webhook(
            "https://example.test/hook", operations=operations, signing_secret="s3cret-s3cret"
        )
        assert (made.operations, made.last_delivery_at) == ([LifecycleOperation.CREATE, LifecycleOperation.FORK], None)
        assert [one.id for one in lifecycle.list_webhooks()] == [UUID]
        assert lifecycle.get_webhook(UUID).has_signing_secret
        webhook = lifecycle.update_webhook(UUID, enabled=False)
        assert webhook.last_delivery_status is LifecycleWebhookDeliveryStatus.SUCCEEDED
        assert lifecycle.list_webhook_deliveries(UUID, limit=5)[0].attempt_count == 1
        got = lifecycle.get_webhook_delivery(UUID, "d/1")
        assert got.delivery.delivery_status is LifecycleWebhookDeliveryStatus.DEAD_LETTER
        assert (got.event.id, got.attempts[0].response_status) == (UUID, 500)
        lifecycle.delete_webhook(UUID)
        with pytest.raises(NotFoundError):
            lifecycle.get_webhook(UUID)
    collection = "/v1/lifecycle/webhooks"
    assert [(asked.method, asked.path) for asked in host.asked[:7]] == [
        ("POST", collection),
        ("GET", collection),
        ("GET", f"{collection}/{UUID}"),
        ("PATCH", f"{collection}/{UUID}"),
        ("GET", f"{collection}/{UUID}/deliveries"),
        ("GET", f"{collection}/{UUID}/deliveries/d%2F1"),
        ("DELETE", f"{collection}/{UUID}"),
    ]
    assert host.asked[0].body == {
        "url": "https://example.test/hook",
        "operations": ["create", "fork"],
        "signing_secret": "s3cret-s3cret",
        "enabled": True,
    }
    assert host.asked[3].body == {"enabled": False}
    assert host.asked[4].query == {"offset": "0", "limit": "5"}


def test_every_change_of_a_webhook_is_sent(host: FakeHost) -> None:
    host.says(Answer(200, WEBHOOK))
    with Lifecycle() as lifecycle:
        lifecycle.update_webhook(UUID, url="https://x", operations=["fork"], signing_secret="12345678", enabled=True)
    assert host.asked[0].body == {
        "url": "https://x",
        "operations": ["fork"],
        "signing_secret": "12345678",
        "enabled": True,
    }


def test_a_lost_create_of_a_webhook_is_not_repeated(host: FakeHost, waits: list[float]) -> None:
    host.says(DROP)
    with Lifecycle() as lifecycle, pytest.raises(MachineError):
        lifecycle.create_webhook("https://x", ["fork"], "12345678")
    assert waits == []


BODY = '{"id":"ü"}'
SECRET = "sécret"
SIGNED = "sha256=" + hmac.new(SECRET.encode(), BODY.encode(), hashlib.sha256).hexdigest()
GOOD = {"X-Nullspace-Signature-Version": "1", "X-Nullspace-Signature": SIGNED}


def test_signature() -> None:
    assert verify_webhook_signature(SECRET, GOOD, BODY)
    assert verify_webhook_signature(SECRET, {name.lower(): value for name, value in GOOD.items()}, BODY.encode())


@pytest.mark.parametrize(
    ("secret", "headers", "body"),
    [
        ("other", GOOD, BODY),
        (SECRET, GOOD, BODY + " "),
        (SECRET, {}, BODY),
        (SECRET, {**GOOD, "X-Nullspace-Signature-Version": "2"}, BODY),
        (SECRET, {**GOOD, "X-Nullspace-Signature": SIGNED.upper()}, BODY),
        (SECRET, {**GOOD, "X-Nullspace-Signature": SIGNED[len("sha256=") :]}, BODY),
        (SECRET, {**GOOD, "X-Nullspace-Signature": "ü" * 71}, BODY),
        (SECRET, {**GOOD, "x-nullspace-signature": SIGNED}, BODY),
    ],
)
def test_wrong_signatures(secret: str, headers: dict[str, str], body: str) -> None:
    assert verify_webhook_signature(secret, headers, body) is False


def test_signature_with_an_empty_secret() -> None:
    with pytest.raises(MachineError, match="empty"):
        verify_webhook_signature("", GOOD, BODY)


NUMBERS = {"machines": 1, "vcpus": 2, "memory_mb": 3, "snapshots": 4, "disk_mb": 5}
QUOTA = {"owner": "own_a", "limits": {**NUMBERS, "machines": None}, "used": NUMBERS}
STATUS = {
    "version": "1",
    "driver": "d",
    "accelerator": "a",
    "pid": 1,
    "started_at": AT,
    "shapes": [{"template": "base", "vcpus": 2, "memory_mb": 512, "state": "ready"}],
    "machines": {"running": 1, "creating": 0, "paused": 2, "error": 0},
    "checks": [{"name": "kvm", "level": "info", "found": "none"}],
}
GARBAGE = {"dry_run": True, "items": [{"kind": "vm", "name": "x", "bytes": 9, "reason": "no machine"}]}


def test_host_and_quota(host: FakeHost) -> None:
    host.says(
        Answer(200, STATUS),
        Answer(200, GARBAGE),
        refusal(403, "forbidden"),
        Answer(200, QUOTA),
        Answer(200, QUOTA),
    )
    assert Host.status().machines.paused == 2
    assert Host.collect_garbage(dry_run=True).items[0].bytes == 9
    with pytest.raises(PermissionError):
        Host.collect_garbage()
    state = Quota.get()
    assert (state.limits.machines, state.limits.vcpus, state.used.disk_mb) == (None, 2, 5)
    Quota.set("own/a", {"machines": None, "vcpus": 8})
    assert [(asked.method, asked.path, asked.content) for asked in host.asked] == [
        ("GET", "/v1/host/status", b""),
        ("POST", "/v1/host/gc", b'{"dry_run": true}'),
        ("POST", "/v1/host/gc", b'{"dry_run": false}'),
        ("GET", "/v1/quotas/me", b""),
        ("PATCH", "/v1/quotas/own%2Fa", b'{"machines": null, "vcpus": 8}'),
    ]


def test_async(host: FakeHost) -> None:
    host.says(Answer(200, LIST), Answer(200, STATUS), Answer(200, QUOTA), Answer(200, []), Answer(200, [WEBHOOK]))

    async def ask() -> list[Any]:
        async with AsyncLifecycle() as lifecycle:
            return [
                (await lifecycle.list_events()).has_more,
                (await AsyncHost.status()).pid,
                (await AsyncQuota.get()).owner,
                await AsyncSnapshot.list(),
                len(await lifecycle.list_webhooks()),
            ]

    assert asyncio.run(ask()) == [True, 1, "own_a", [], 1]
