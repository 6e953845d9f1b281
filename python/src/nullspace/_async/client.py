"""The client: sends operations one try at a time, waiting in between as ``_retry`` says."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import TypeVar

import httpx

from .._config import Settings, resolve
from .._http import client_options, request_options, transport_error
from .._operation import Operation
from .._reply import Reply, read_reply
from .._retry import Attempts
from .._sleep import AsyncSleep, async_sleep
from ..errors import MachineError

T = TypeVar("T")

log = logging.getLogger("nullspace")


class AsyncClient:
    """One key and one base URL. Connections are kept; ``aclose`` ends them."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: AsyncSleep = async_sleep,
    ) -> None:
        self.settings = settings
        self._http = httpx.AsyncClient(transport=transport, **client_options(settings))
        self._sleep = sleep

    @classmethod
    def resolved(cls, api_key: str | None, base_url: str | None) -> AsyncClient:
        return cls(resolve(api_key, base_url))

    async def send(self, operation: Operation[T]) -> T:
        """The value of ``operation``. Raises ``MachineError`` once no further try is allowed."""
        attempts = Attempts(operation.retry)
        while True:
            try:
                return await self._try(operation)
            except MachineError as error:
                wait = attempts.wait_after(error)
                if wait is None:
                    raise
                log.debug("%s %s: %s; again in %g s", operation.method, operation.path, error.code, wait)
            await self._sleep(wait)

    async def _try(self, operation: Operation[T]) -> T:
        started = time.monotonic()
        try:
            response = await self._http.request(**request_options(self.settings, operation))
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise transport_error(error, self.settings, operation) from error
        log.debug(
            "%s %s: %d in %.0f ms, request %s",
            operation.method,
            operation.path,
            response.status_code,
            (time.monotonic() - started) * 1000,
            response.headers.get("x-request-id", "-"),
        )
        return read_reply(operation, Reply(response.status_code, response.headers, response.content))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
