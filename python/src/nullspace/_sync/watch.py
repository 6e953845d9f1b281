# Generated from _async/watch.py by tools/gen_sync.py; do not edit.

"""Changes in a directory of a machine, as they happen."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from types import TracebackType

from .._background import Worker
from .._files import FileEvent
from .._operations import watch
from .._retry import READ, Attempts, TransportError
from .._socket import OPEN_TIMEOUT, Socket
from ..errors import MachineError
from .client import Client

START_TIMEOUT = 30.0
"""Seconds until the daemon must say that it watches: a paused machine may have to wake."""


class WatchHandle:
    """A watch that is under way. ``stop`` ends it, and so does leaving it as a context manager."""

    def __init__(
        self,
        socket: Socket,
        watch_id: str,
        path: str,
        on_event: Callable[[FileEvent], None],
        *,
        timeout: float | None,
        on_exit: Callable[[Exception | None], None] | None,
    ) -> None:
        self._socket = socket
        self._watch_id = watch_id
        self._path = path
        self._on_event = on_event
        self._on_exit = on_exit
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._stopping = False
        self._worker = Worker("nullspace-watch", self._listen)

    def stop(self) -> None:
        """Ends it; ``on_exit`` is called soon after."""
        self._stopping = True
        self._socket.end()

    def __enter__(self) -> WatchHandle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._worker.join()

    def _listen(self) -> None:
        failure: Exception | None = None
        try:
            self._tell_events()
        except TransportError as error:
            # Also what comes of a connection that was closed from this side.
            failure = None if self._stopping else error
        except Exception as error:
            failure = error
        self._socket.close()
        if self._on_exit is not None:
            self._on_exit(failure)

    def _tell_events(self) -> None:
        while not self._stopping:
            left = None if self._deadline is None else self._deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            frame = self._socket.receive(left)
            event = None if frame is None else watch.event_of(frame, self._watch_id, self._path)
            if event is not None:
                self._on_event(event)


def open_watch(
    client: Client,
    machine_id: str,
    path: str,
    on_event: Callable[[FileEvent], None],
    *,
    recursive: bool,
    timeout: float | None,
    on_exit: Callable[[Exception | None], None] | None,
    user: str | None,
) -> WatchHandle:
    """Returns once no change can be missed without a word any more."""
    watch_id = f"watch_{uuid.uuid4().hex}"
    socket = _connected(client, watch.channel(machine_id))
    try:
        socket.send(watch.start_frame(watch_id, path, user, recursive, timeout))
        while True:
            frame = socket.receive(START_TIMEOUT)
            if frame is None:
                raise TimeoutError(f"The daemon does not say that it watches {path}.")
            if watch.is_started(frame, watch_id):
                return WatchHandle(socket, watch_id, path, on_event, timeout=timeout, on_exit=on_exit)
    except BaseException:
        socket.close()
        raise


def _connected(client: Client, path: str) -> Socket:
    attempts = Attempts(READ)
    while True:
        try:
            return Socket.open(client.settings, path, OPEN_TIMEOUT)
        except MachineError as error:
            wait = attempts.wait_after(error)
            if wait is None:
                raise
        client.sleep(wait)
