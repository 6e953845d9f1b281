"""WebSockets that carry JSON, one class for each half of the package, with errors as everywhere in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any, cast

import websockets.asyncio.client as async_client
import websockets.sync.client as sync_client
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Response

from ._config import Settings
from ._http import tls_context
from ._reply import Reply, error_of
from ._retry import TransportError
from ._version import __version__
from .errors import (
    AuthError,
    MachineError,
    NotImplementedError,
    RateLimitError,
    canonical_code,
    class_of,
)

Frame = Mapping[str, Any]

OPEN_TIMEOUT = 15.0
_CLOSE_TIMEOUT = 2.0
_LARGEST_FRAME = 16 * 1024 * 1024


class _Refused(WebSocketException):
    """An upgrade that was answered otherwise. Not ``InvalidStatus``, so that no redirect is followed: it means a wrong
    base URL, and the key is not for whoever is at the other end of it."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class _Connection(sync_client.ClientConnection):
    def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().handshake(*args, **kwargs)
        except InvalidStatus as error:
            raise _Refused(error.response) from error


class _AsyncConnection(async_client.ClientConnection):
    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().handshake(*args, **kwargs)
        except InvalidStatus as error:
            raise _Refused(error.response) from error


class Socket:
    """An open connection. ``close`` may be called from another thread, which ends a ``receive`` that waits."""

    def __init__(self, stack: contextlib.ExitStack, connection: sync_client.ClientConnection) -> None:
        self._stack = stack
        self._connection = connection

    @classmethod
    def open(cls, settings: Settings, path: str, open_timeout: float) -> Socket:
        stack = contextlib.ExitStack()
        try:
            connection = stack.enter_context(
                sync_client.connect(
                    websocket_url(settings, path),
                    ssl=tls_context(settings),
                    additional_headers=_headers(settings),
                    user_agent_header=_USER_AGENT,
                    open_timeout=open_timeout,
                    close_timeout=_CLOSE_TIMEOUT,
                    max_size=_LARGEST_FRAME,
                    create_connection=_Connection,
                )
            )
        except (OSError, WebSocketException) as error:
            raise _not_opened(error, path) from error
        return cls(stack, connection)

    def send(self, frame: Frame) -> None:
        try:
            self._connection.send(encode(frame))
        except (OSError, WebSocketException) as error:
            raise _lost(error) from error

    def receive(self, timeout: float | None = None) -> Frame | None:
        """The next frame; None when none came in ``timeout`` seconds."""
        try:
            return decode(self._connection.recv(timeout=timeout))
        except TimeoutError:
            return None
        except (OSError, WebSocketException) as error:
            raise _lost(error) from error

    def close(self) -> None:
        with contextlib.suppress(OSError, WebSocketException):
            self._stack.close()

    def end(self) -> None:
        """``close`` for a caller that cannot wait."""
        self.close()


class AsyncSocket:
    """The same for tasks."""

    def __init__(self, connection: async_client.ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, settings: Settings, path: str, open_timeout: float) -> AsyncSocket:
        secure = tls_context(settings)
        # Given as None, it would turn TLS off or on by itself, depending on the version.
        tls: dict[str, Any] = {} if secure is None else {"ssl": secure}
        try:
            connection = await async_client.connect(
                websocket_url(settings, path),
                additional_headers=_headers(settings),
                user_agent_header=_USER_AGENT,
                open_timeout=open_timeout,
                close_timeout=_CLOSE_TIMEOUT,
                max_size=_LARGEST_FRAME,
                create_connection=_AsyncConnection,
                **tls,
            )
        except (OSError, asyncio.TimeoutError, WebSocketException) as error:
            raise _not_opened(error, path) from error
        return cls(connection)

    async def send(self, frame: Frame) -> None:
        try:
            await self._connection.send(encode(frame))
        except (OSError, WebSocketException) as error:
            raise _lost(error) from error

    async def receive(self, timeout: float | None = None) -> Frame | None:
        try:
            return decode(await asyncio.wait_for(self._connection.recv(), timeout))
        except asyncio.TimeoutError:
            return None
        except (OSError, WebSocketException) as error:
            raise _lost(error) from error

    async def close(self) -> None:
        with contextlib.suppress(OSError, WebSocketException):
            await self._connection.close()

    def end(self) -> None:
        self._ending = asyncio.ensure_future(self.close())


_USER_AGENT = f"nullspace-python/{__version__}"


def _headers(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.api_key}"}


def websocket_url(settings: Settings, path: str) -> str:
    # http to ws, https to wss, in whatever case it was given.
    return f"ws{settings.base_url[len('http') :]}{path}"


def encode(frame: Frame) -> str:
    try:
        # Escaped, since names that are no UTF-8 could not be sent otherwise.
        return json.dumps(frame)
    except (TypeError, ValueError) as error:
        raise MachineError(f"This cannot be sent as JSON: {error}.", code="invalid_request") from error


def decode(message: str | bytes) -> Frame:
    try:
        frame: object = json.loads(message)
    except ValueError as error:
        raise MachineError("A frame from the daemon is not JSON.", code="invalid_response") from error
    if not isinstance(frame, dict):
        raise MachineError("A frame from the daemon is not an object.", code="invalid_response")
    return cast(Frame, frame)


def _lost(error: Exception) -> TransportError:
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return TransportError(f"The connection was lost ({what}).", unreached=False)


def _not_opened(error: Exception, path: str) -> MachineError:
    if isinstance(error, _Refused):
        response = error.response
        return upgrade_error(Reply(response.status_code, response.headers, bytes(response.body or b"")), path)
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return TransportError(f"Cannot open {path}: {what}.", unreached=True)


def told_error(frame: Frame) -> MachineError:
    """What an ``error`` frame stands for."""
    code = frame.get("code")
    known = canonical_code(code) if isinstance(code, str) and code else "websocket_error"
    return class_of(known)(str(frame.get("message", "The daemon ended the connection.")), code=known)


def upgrade_error(reply: Reply, path: str) -> MachineError:
    """What a refused upgrade means. One that may pass, that is any 5xx but 501, is a ``transport_error``."""
    error = error_of(reply)
    if reply.status >= 500 and reply.status != 501:
        return TransportError(f"Cannot open {path}: status {reply.status}: {error.message}", unreached=True)
    if error.code != "unknown":
        return error
    kind, code = {
        401: (AuthError, "unauthorized"),
        403: (AuthError, "unauthorized"),
        429: (RateLimitError, "rate_limit_exceeded"),
        501: (NotImplementedError, "not_implemented"),
    }.get(reply.status, (MachineError, "websocket_upgrade_error"))
    return kind(error.message, code=code, request_id=error.request_id, status=reply.status)
