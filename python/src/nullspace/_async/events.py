"""The stream of lifecycle events as if there were one connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from .._background import AsyncWorker, tell
from .._models import LifecycleEvent
from .._operations import events
from .._operations.events import LifecycleStreamError
from .._socket import Frame
from ..errors import MachineError
from .client import AsyncClient
from .link import AsyncLink


class AsyncEventFeed:
    """Events in order: none is left out, none comes twice, however often the connection is lost."""

    def __init__(self, client: AsyncClient, query: events.StreamQuery) -> None:
        self._client = client
        self._query = query
        self._last: str | None = None
        self._began_with_nothing = False
        self._began = False
        self._link = AsyncLink(client.settings, query.path, hello=self._hello, check=self._begin)

    async def open(self) -> None:
        if self._query.shows_no_past:
            # The past begins here, so that a loss before the first event leaves no gap.
            newest = (await self._client.send(self._query.newest())).events
            self._last = newest[0].id if newest else None
            self._began_with_nothing = not newest
        await self._link.open()

    async def next(self, timeout: float | None = None) -> LifecycleEvent | None:
        """None after ``stop``, or when nothing came in ``timeout`` seconds."""
        while True:
            frame = await self._link.receive(timeout)
            if frame is None:
                return None
            event = events.event_of(frame)
            if event is not None and event.id != self._last:
                self._last = event.id
                return event

    async def stop(self) -> None:
        await self._link.stop()

    def _hello(self) -> Frame:
        if self._last is not None:
            return self._query.frame_after(self._last)
        if self._began and self._began_with_nothing:
            return self._query.frame_from_nothing()
        return self._query.first_frame()

    def _begin(self, frame: Frame) -> None:
        events.check_subscribed(frame)
        self._began = True


async def stream_events(
    client: AsyncClient, query: events.StreamQuery, idle_timeout: float | None = None
) -> AsyncGenerator[LifecycleEvent, None]:
    feed = AsyncEventFeed(client, query)
    try:
        await feed.open()
        while True:
            event = await feed.next(idle_timeout)
            if event is None:
                return
            yield event
    finally:
        await feed.stop()


class AsyncLifecycleSubscription:
    """Gives events to callbacks until ``stop``. Made by ``AsyncLifecycle.subscribe``."""

    def __init__(
        self,
        feed: AsyncEventFeed,
        on_event: Callable[[LifecycleEvent], None] | None,
        on_error: Callable[[LifecycleStreamError], None] | None,
    ) -> None:
        self._feed = feed
        self._on_event = on_event
        self._on_error = on_error
        self._worker = AsyncWorker("nullspace-lifecycle", self._deliver)

    async def _deliver(self) -> None:
        try:
            while True:
                event = await self._feed.next()
                if event is None:
                    return
                tell(self._on_event, event)
        except MachineError as error:
            tell(self._on_error, LifecycleStreamError(error.message, error.code))
        finally:
            await self._feed.stop()

    async def stop(self) -> None:
        """After it no callback is called any more. May be called from a callback, and more than once."""
        await self._feed.stop()
        await self._worker.join()
