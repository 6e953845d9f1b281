"""Lifecycle webhooks and what was delivered to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _wire
from .._models import LifecycleWebhookDeliveryDetail, LifecycleWebhookDeliveryInfo, LifecycleWebhookInfo
from .._operation import Operation, given, segment
from .._retry import READ, REPEATABLE
from .events import text

_COLLECTION = "/v1/lifecycle/webhooks"


def create(url: str, operations: Sequence[str], signing_secret: str, enabled: bool) -> Operation[LifecycleWebhookInfo]:
    body = {"url": url, "operations": _plain(operations), "signing_secret": signing_secret, "enabled": enabled}
    return Operation(method="POST", path=_COLLECTION, body=body, read=LifecycleWebhookInfo.from_wire)


def listing() -> Operation[list[LifecycleWebhookInfo]]:
    return Operation(method="GET", path=_COLLECTION, read=_webhooks, retry=READ)


def get(webhook_id: str) -> Operation[LifecycleWebhookInfo]:
    return Operation(method="GET", path=_path(webhook_id), read=LifecycleWebhookInfo.from_wire, retry=READ)


def update(
    webhook_id: str,
    *,
    url: str | None,
    operations: Sequence[str] | None,
    signing_secret: str | None,
    enabled: bool | None,
) -> Operation[LifecycleWebhookInfo]:
    body = given(
        {
            "url": url,
            "operations": None if operations is None else _plain(operations),
            "signing_secret": signing_secret,
            "enabled": enabled,
        }
    )
    return Operation(
        method="PATCH", path=_path(webhook_id), body=body, read=LifecycleWebhookInfo.from_wire, retry=REPEATABLE
    )


def delete(webhook_id: str) -> Operation[None]:
    return Operation(method="DELETE", path=_path(webhook_id), read=lambda _: None)


def deliveries(webhook_id: str, offset: int, limit: int) -> Operation[list[LifecycleWebhookDeliveryInfo]]:
    query = {"offset": str(offset), "limit": str(limit)}
    return Operation(method="GET", path=f"{_path(webhook_id)}/deliveries", query=query, read=_deliveries, retry=READ)


def delivery(webhook_id: str, delivery_id: str) -> Operation[LifecycleWebhookDeliveryDetail]:
    path = f"{_path(webhook_id)}/deliveries/{segment(delivery_id, 'delivery_id')}"
    return Operation(method="GET", path=path, read=LifecycleWebhookDeliveryDetail.from_wire, retry=READ)


def _path(webhook_id: str) -> str:
    return f"{_COLLECTION}/{segment(webhook_id, 'webhook_id')}"


def _plain(operations: Sequence[str]) -> list[Any]:
    return [text(operation) for operation in operations]


def _webhooks(document: object) -> list[LifecycleWebhookInfo]:
    return _wire.array(LifecycleWebhookInfo.from_wire)(document, "webhooks")


def _deliveries(document: object) -> list[LifecycleWebhookDeliveryInfo]:
    return _wire.array(LifecycleWebhookDeliveryInfo.from_wire)(document, "deliveries")
