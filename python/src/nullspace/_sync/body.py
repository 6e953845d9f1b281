# Generated from _async/body.py by tools/gen_sync.py; do not edit.

"""The bytes of an answer, as they come."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any

import httpx

from .._config import Settings
from .._http import transport_error
from .._operation import Operation


class Body:
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

    def __iter__(self) -> Generator[bytes, None, None]:
        try:
            for piece in self._response.iter_bytes():
                yield piece
        except httpx.RequestError as error:
            raise transport_error(error, self._settings, self._operation) from error

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()
