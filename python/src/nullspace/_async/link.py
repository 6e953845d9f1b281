"""A WebSocket that is opened again whenever it is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .._background import AsyncSignal
from .._config import Settings
from .._retry import READ, Attempts, TransportError
from .._socket import OPEN_TIMEOUT, AsyncSocket, Frame
from ..errors import MachineError

FIRST_DELAY = 0.25
LONGEST_DELAY = 5.0

log = logging.getLogger("nullspace")


class AsyncLink:
    """Frames of one subscription, over any number of connections.

    Args:
        hello: gives the frame to begin a connection with, anew for each.
        check: looks at the daemon's first answer to it; None when it has none.
        open_timeout: seconds that opening a connection, and that answer, may take.
    """

    def __init__(
        self,
        settings: Settings,
        path: str,
        *,
        hello: Callable[[], Frame],
        check: Callable[[Frame], None] | None = None,
        open_timeout: float = OPEN_TIMEOUT,
    ) -> None:
        self._settings = settings
        self._path = path
        self._hello = hello
        self._check = check
        self._open_timeout = open_timeout
        self._socket: AsyncSocket | None = None
        self._stopping = AsyncSignal()
        self._delay = FIRST_DELAY

    async def open(self) -> None:
        """The first connection. A daemon that is not there is reported after a few tries."""
        attempts = Attempts(READ)
        while not self._stopping.is_set():
            try:
                await self._connect()
                return
            except MachineError as error:
                wait = attempts.wait_after(error)
                if wait is None:
                    raise
            await self._stopping.wait(wait)

    async def receive(self, timeout: float | None = None) -> Frame | None:
        """The next frame; None after ``stop``, or when none came in ``timeout`` seconds on an open connection.

        Raises ``MachineError`` when the daemon refuses to go on, never for a loss.
        """
        while not self._stopping.is_set():
            try:
                socket = self._socket or await self._connect()
                frame = await socket.receive(timeout)
                self._delay = FIRST_DELAY
                return frame
            except TransportError as error:
                await self._drop()
                log.debug("%s: %s; again in %g s", self._path, error.message, self._delay)
            await self._stopping.wait(self._delay)
            self._delay = min(self._delay * 2, LONGEST_DELAY)
        return None

    async def send(self, frame: Frame) -> None:
        """For a last word; nothing happens when there is no connection."""
        socket = self._socket
        if socket is not None:
            await socket.send(frame)

    async def stop(self) -> None:
        """Ends the connection, and a ``receive`` that waits."""
        self._stopping.set()
        await self._drop()

    async def _connect(self) -> AsyncSocket:
        socket = await AsyncSocket.open(self._settings, self._path, self._open_timeout)
        try:
            await socket.send(self._hello())
            if self._check is not None:
                answer = await socket.receive(self._open_timeout)
                if answer is None:
                    raise TransportError(f"{self._path}: no answer in {self._open_timeout:g} s.", unreached=False)
                self._check(answer)
                self._delay = FIRST_DELAY
        except BaseException:
            await socket.close()
            raise
        self._socket = socket
        if self._stopping.is_set():
            # stop() came in between and saw no connection.
            await self._drop()
        return socket

    async def _drop(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()
