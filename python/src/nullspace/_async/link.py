"""A WebSocket that is opened again whenever it is lost."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable

from .._background import AsyncSignal
from .._config import Settings
from .._retry import READ, Attempts, Retry, TransportError
from .._socket import OPEN_TIMEOUT, AsyncSocket, Frame
from ..errors import MachineError

FIRST_DELAY = 0.25
LONGEST_DELAY = 5.0
WAKING_TIMEOUT = 60.0
"""Seconds to a first answer that a machine gives: a paused one may have to wake."""

log = logging.getLogger("nullspace")


class AsyncLink:
    """Frames of one subscription, over any number of connections.

    Args:
        hello: gives the frame to begin a connection with, anew for each.
        check: looks at the daemon's first answer to it; None when it has none.
        then: gives the frames to go on with after that.
        open_timeout: seconds that opening a connection may take.
        answer_timeout: seconds that the answer may take; default is the same.
        retry: when a first connection that failed is tried again.
        most_losses: how many losses in a row end it, a frame in between begins the count anew; None for no end.
    """

    def __init__(
        self,
        settings: Settings,
        path: str,
        *,
        hello: Callable[[], Frame],
        check: Callable[[Frame], None] | None = None,
        then: Callable[[], Iterable[Frame]] = tuple,
        open_timeout: float = OPEN_TIMEOUT,
        answer_timeout: float | None = None,
        retry: Retry = READ,
        most_losses: int | None = None,
    ) -> None:
        self._settings = settings
        self._path = path
        self._hello = hello
        self._check = check
        self._then = then
        self._open_timeout = open_timeout
        self._answer_timeout = open_timeout if answer_timeout is None else answer_timeout
        self._retry = retry
        self._most_losses = most_losses
        self._losses = 0
        self._socket: AsyncSocket | None = None
        self._stopping = AsyncSignal()
        self._delay = FIRST_DELAY

    async def open(self) -> None:
        """The first connection. A daemon that is not there is reported after a few tries."""
        attempts = Attempts(self._retry)
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

        Raises ``MachineError`` when the daemon refuses to go on, and for ``most_losses``.
        """
        while not self._stopping.is_set():
            try:
                socket = self._socket or await self._connect()
                frame = await socket.receive(timeout)
                self._delay = FIRST_DELAY
                self._losses = 0
                return frame
            except TransportError as error:
                await self._drop()
                if self._stopping.is_set():
                    return None
                self._losses += 1
                if self._losses == self._most_losses:
                    raise
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
                answer = await socket.receive(self._answer_timeout)
                if answer is None:
                    raise TransportError(f"{self._path}: no answer in {self._answer_timeout:g} s.", unreached=False)
                self._check(answer)
                self._delay = FIRST_DELAY
            # It has begun. A connection that is lost again is found out about by whoever receives.
            with contextlib.suppress(TransportError):
                for frame in self._then():
                    await socket.send(frame)
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
