"""The bytes of an answer, as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any

import httpx

from .._config import Settings
from .._http import transport_error
from .._operation import Operation


class AsyncBody:
    """Iterates once over the pieces. Raises ``MachineError`` (``transport_error``) when the answer is cut.

    Attributes:
        length: bytes in all; None when the daemon does not say.
    """

    def __init__(self, response: httpx.Response, settings: Settings, operation: Operation[Any]) -> None:
        length = response.headers.get("content-length", "")
        self.length = int(length) if length.isdigit() else None
        self._response = response
        self._settings = settings
        self._operation = operation

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self._response.aiter_bytes():
                yield piece
        except httpx.RequestError as error:
            raise transport_error(error, self._settings, self._operation) from error

    async def __aenter__(self) -> AsyncBody:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._response.aclose()
