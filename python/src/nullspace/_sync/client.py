# Generated from _async/client.py by tools/gen_sync.py; do not edit.

"""The client: sends operations one try at a time, waiting in between as ``_retry`` says."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Callable
from types import TracebackType
from typing import Any, TypeVar

import httpx

from .._config import Settings, resolve
from .._http import client_options, request_options, transport_error
from .._operation import Operation
from .._reply import Reply, error_of, read_reply
from .._retry import Attempts
from .._sleep import Sleep, sleep
from ..errors import MachineError
from .body import Body

T = TypeVar("T")

log = logging.getLogger("nullspace")


class Client:
    """One key and one base URL. Connections are kept; ``close`` ends them."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Sleep = sleep,
    ) -> None:
        self.settings = settings
        self.sleep = sleep
        self._http = httpx.Client(transport=transport, **client_options(settings))

    @classmethod
    def resolved(cls, api_key: str | None, base_url: str | None) -> Client:
        return cls(resolve(api_key, base_url))

    def send(self, operation: Operation[T], content: Callable[[], Iterable[bytes]] | None = None) -> T:
        """The value of ``operation``. Raises ``MachineError`` once no further try is allowed.

        Args:
            content: gives the body, piece by piece, anew for each try that its retries allow.
        """
        response = self._answer(operation, content)
        return read_reply(operation, _reply(response))

    def open(self, operation: Operation[None]) -> Body:
        """The bytes of an answer, which the caller reads and closes. Once they begin to come, nothing is repeated."""
        return Body(self._answer(operation, None, stream=True), self.settings, operation)

    def _answer(
        self, operation: Operation[Any], content: Callable[[], Iterable[bytes]] | None, *, stream: bool = False
    ) -> httpx.Response:
        attempts = Attempts(operation.retry)
        while True:
            try:
                response = self._try(operation, content, stream)
                if response.is_success:
                    return response
                raise error_of(_reply(response))
            except MachineError as error:
                wait = attempts.wait_after(error)
                if wait is None:
                    raise
                log.debug("%s %s: %s; again in %g s", operation.method, operation.path, error.code, wait)
            self.sleep(wait)

    def _try(
        self, operation: Operation[Any], content: Callable[[], Iterable[bytes]] | None, stream: bool
    ) -> httpx.Response:
        """An answer, which is read already unless it is a success and wanted as a stream."""
        started = time.monotonic()
        options = request_options(self.settings, operation)
        if content is not None:
            options["content"] = content()
        try:
            response = self._http.send(self._http.build_request(**options), stream=stream)
            if stream and not response.is_success:
                try:
                    response.read()
                finally:
                    response.close()
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
        return response

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, response.headers, response.content)
