# Generated from _async/events.py by tools/gen_sync.py; do not edit.

"""The stream of lifecycle events as if there were one connection."""

from __future__ import annotations

from collections.abc import Generator, Callable

from .._background import Worker, tell
from .._models import LifecycleEvent
from .._operations import events
from .._operations.events import LifecycleStreamError
from .._socket import Frame
from ..errors import MachineError
from .client import Client
from .link import Link


class EventFeed:
    """Events in order: none is left out, none comes twice, however often the connection is lost."""

    def __init__(self, client: Client, query: events.StreamQuery) -> None:
        self._client = client
        self._query = query
        self._last: str | None = None
        self._began_with_nothing = False
        self._began = False
        self._link = Link(client.settings, query.path, hello=self._hello, check=self._begin)

    def open(self) -> None:
        if self._query.shows_no_past:
            # The past begins here, so that a loss before the first event leaves no gap.
            newest = (self._client.send(self._query.newest())).events
            self._last = newest[0].id if newest else None
            self._began_with_nothing = not newest
        self._link.open()

    def next(self, timeout: float | None = None) -> LifecycleEvent | None:
        """None after ``stop``, or when nothing came in ``timeout`` seconds."""
        while True:
            frame = self._link.receive(timeout)
            if frame is None:
                return None
            event = events.event_of(frame)
            if event is not None and event.id != self._last:
                self._last = event.id
                return event

    def stop(self) -> None:
        self._link.stop()

    def _hello(self) -> Frame:
        if self._last is not None:
            return self._query.frame_after(self._last)
        if self._began and self._began_with_nothing:
            return self._query.frame_from_nothing()
        return self._query.first_frame()

    def _begin(self, frame: Frame) -> None:
        events.check_subscribed(frame)
        self._began = True


def stream_events(
    client: Client, query: events.StreamQuery, idle_timeout: float | None = None
) -> Generator[LifecycleEvent, None, None]:
    feed = EventFeed(client, query)
    try:
        feed.open()
        while True:
            event = feed.next(idle_timeout)
            if event is None:
                return
            yield event
    finally:
        feed.stop()


class LifecycleSubscription:
    """Gives events to callbacks until ``stop``. Made by ``Lifecycle.subscribe``."""

    def __init__(
        self,
        feed: EventFeed,
        on_event: Callable[[LifecycleEvent], None] | None,
        on_error: Callable[[LifecycleStreamError], None] | None,
    ) -> None:
        self._feed = feed
        self._on_event = on_event
        self._on_error = on_error
        self._worker = Worker("nullspace-lifecycle", self._deliver)

    def _deliver(self) -> None:
        try:
            while True:
                event = self._feed.next()
                if event is None:
                    return
                tell(self._on_event, event)
        except MachineError as error:
            tell(self._on_error, LifecycleStreamError(error.message, error.code))
        finally:
            self._feed.stop()

    def stop(self) -> None:
        """After it no callback is called any more. May be called from a callback, and more than once."""
        self._feed.stop()
        self._worker.join()
