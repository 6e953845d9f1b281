"""Lifecycle events of all machines and snapshots, and webhooks for them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from .._models import (
    LifecycleEvent,
    LifecycleEventListResponse,
    LifecycleWebhookDeliveryDetail,
    LifecycleWebhookDeliveryInfo,
    LifecycleWebhookInfo,
)
from .._operation import DEFAULT_SILENCE, Operation
from .._operations import events, webhooks
from .._operations.events import LifecycleStreamError
from .client import AsyncClient
from .events import AsyncEventFeed, AsyncLifecycleSubscription, stream_events

T = TypeVar("T")


class AsyncLifecycle:
    """What was asked of machines and snapshots, and what came of it: listed, streamed, or posted to a webhook.

    Example:
        ```python
        async with AsyncLifecycle() as lifecycle:
            async for event in lifecycle.stream_events(live_only=True):
                print(event.operation, event.status, event.machine_id)
        ```

    Args:
        api_key, base_url: see ``AsyncMachine.create``.
        timeout: seconds without a byte from the daemon after which a call is given up.
    """

    def __init__(
        self, *, api_key: str | None = None, base_url: str | None = None, timeout: float = DEFAULT_SILENCE
    ) -> None:
        self._client = AsyncClient.resolved(api_key, base_url)
        self._timeout = timeout

    async def list_events(
        self,
        *,
        offset: int = 0,
        limit: int = 50,
        order_asc: bool = False,
        operation: str | None = None,
        status: str | None = None,
        from_time: str | None = None,
        to_time: str | None = None,
        audience: str | None = None,
        machine_id: str | None = None,
        snapshot_id: str | None = None,
        source_machine_id: str | None = None,
        target_machine_id: str | None = None,
    ) -> LifecycleEventListResponse:
        """Events that fit all conditions, newest first unless ``order_asc``.

        Args:
            offset, limit: which page; at most 100 events each.
            operation: a ``LifecycleOperation`` or its value.
            status: a ``LifecycleStatus`` or its value.
            from_time, to_time: RFC 3339, both inclusive.
            source_machine_id, target_machine_id: of a fork, and of a machine made from a snapshot.
        """
        query = events.PageQuery(offset, limit, order_asc, operation, status, from_time, to_time)
        filters = {
            "audience": audience,
            "machine_id": machine_id,
            "snapshot_id": snapshot_id,
            "source_machine_id": source_machine_id,
            "target_machine_id": target_machine_id,
        }
        return await self._send(events.of_all(query, filters))

    async def list_machine_events(
        self,
        machine_id: str,
        *,
        offset: int = 0,
        limit: int = 50,
        order_asc: bool = False,
        operation: str | None = None,
        status: str | None = None,
        from_time: str | None = None,
        to_time: str | None = None,
    ) -> LifecycleEventListResponse:
        """Events of one machine, as itself, as a source or as a child; also of one that is gone."""
        query = events.PageQuery(offset, limit, order_asc, operation, status, from_time, to_time)
        return await self._send(events.of_machine(machine_id, query))

    async def list_snapshot_events(
        self,
        snapshot_id: str,
        *,
        offset: int = 0,
        limit: int = 50,
        order_asc: bool = False,
        operation: str | None = None,
        status: str | None = None,
        from_time: str | None = None,
        to_time: str | None = None,
    ) -> LifecycleEventListResponse:
        """Events of one snapshot; also of one that is gone."""
        query = events.PageQuery(offset, limit, order_asc, operation, status, from_time, to_time)
        return await self._send(events.of_snapshot(snapshot_id, query))

    def stream_events(
        self,
        *,
        machine_id: str | None = None,
        snapshot_id: str | None = None,
        operation: str | None = None,
        status: str | None = None,
        audience: str | None = None,
        live_only: bool = False,
        after_event_id: str | None = None,
        replay_limit: int | None = 100,
        metadata: Mapping[str, Any] | None = None,
        idle_timeout: float | None = None,
    ) -> AsyncGenerator[LifecycleEvent, None]:
        """Events as they happen, for ever. Connects when iterated; ends when the loop is left.

        A lost connection is opened again, from the last event on: none is left out, none comes twice.

        Args:
            machine_id, snapshot_id, operation, status, audience: only events with these.
            live_only: nothing of the past.
            after_event_id: begin with what came after this event, however much that is.
            replay_limit: begin with the newest so many of the past, 0 to 1000.
            metadata: pairs the event's metadata must hold.
            idle_timeout: seconds without an event after which the iteration ends; default never.

        Raises:
            AuthError: the key is not valid.
            MachineError: the daemon refuses the subscription (``websocket_error``), or cannot be reached in the first
                place (``transport_error``).
        """
        filters = {
            "machine_id": machine_id,
            "snapshot_id": snapshot_id,
            "operation": operation,
            "status": status,
            "audience": audience,
            "metadata": metadata,
        }
        query = events.StreamQuery(events.ALL_STREAM, filters, live_only, after_event_id, replay_limit)
        return stream_events(self._client, query, idle_timeout)

    async def subscribe(
        self,
        *,
        machine_id: str | None = None,
        snapshot_id: str | None = None,
        operation: str | None = None,
        audience: str | None = None,
        on_event: Callable[[LifecycleEvent], None] | None = None,
        on_error: Callable[[LifecycleStreamError], None] | None = None,
    ) -> AsyncLifecycleSubscription:
        """Calls ``on_event`` for the latest events and for each that happens from now on, until ``stop``.

        Lost connections are made good as in ``stream_events``. ``on_error`` is called once if the daemon ends it.
        Callbacks run one at a time, beside the caller; what they raise is logged.
        """
        filters = {
            "machine_id": machine_id,
            "snapshot_id": snapshot_id,
            "operation": operation,
            "audience": audience,
        }
        feed = AsyncEventFeed(self._client, events.StreamQuery(events.ALL_STREAM, filters))
        await feed.open()
        return AsyncLifecycleSubscription(feed, on_event, on_error)

    async def create_webhook(
        self, url: str, operations: Sequence[str], signing_secret: str, *, enabled: bool = True
    ) -> LifecycleWebhookInfo:
        """Has events posted to ``url``.

        Args:
            operations: which; at least one ``LifecycleOperation``.
            signing_secret: what each post is signed with, see ``verify_webhook_signature``; never shown again.
        """
        return await self._send(webhooks.create(url, operations, signing_secret, enabled))

    async def list_webhooks(self) -> list[LifecycleWebhookInfo]:
        return await self._send(webhooks.listing())

    async def get_webhook(self, webhook_id: str) -> LifecycleWebhookInfo:
        """Raises ``NotFoundError`` when there is none."""
        return await self._send(webhooks.get(webhook_id))

    async def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        operations: Sequence[str] | None = None,
        signing_secret: str | None = None,
        enabled: bool | None = None,
    ) -> LifecycleWebhookInfo:
        """Changes what is given; the rest stays."""
        return await self._send(
            webhooks.update(webhook_id, url=url, operations=operations, signing_secret=signing_secret, enabled=enabled)
        )

    async def delete_webhook(self, webhook_id: str) -> None:
        """Deletes a webhook with its deliveries."""
        await self._send(webhooks.delete(webhook_id))

    async def list_webhook_deliveries(
        self, webhook_id: str, *, offset: int = 0, limit: int = 50
    ) -> list[LifecycleWebhookDeliveryInfo]:
        """Deliveries, newest first."""
        return await self._send(webhooks.deliveries(webhook_id, offset, limit))

    async def get_webhook_delivery(self, webhook_id: str, delivery_id: str) -> LifecycleWebhookDeliveryDetail:
        """A delivery with its event and every attempt."""
        return await self._send(webhooks.delivery(webhook_id, delivery_id))

    async def _send(self, operation: Operation[T]) -> T:
        return await self._client.send(dataclasses.replace(operation, silence=self._timeout))

    async def close(self) -> None:
        """Ends the connections of its calls. Streams and subscriptions have their own and go on."""
        await self._client.aclose()

    async def __aenter__(self) -> AsyncLifecycle:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
