"""A multipart/form-data body, piece by piece."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._content import async_chunks, chunks


@dataclass(frozen=True)
class Part:
    name: str
    filename: str
    content_type: str
    content: Any

    def head(self, boundary: str) -> bytes:
        return (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{self.name}"; filename="{self.filename}"\r\n'
            f"Content-Type: {self.content_type}\r\n\r\n"
        ).encode("ascii")


@dataclass(frozen=True)
class Form:
    parts: Sequence[Part]
    boundary: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def body(self) -> Generator[bytes, None, None]:
        for part in self.parts:
            yield part.head(self.boundary)
            yield from chunks(part.content)
            yield b"\r\n"
        yield self._end()

    async def async_body(self) -> AsyncGenerator[bytes, None]:
        for part in self.parts:
            yield part.head(self.boundary)
            async for piece in async_chunks(part.content):
                yield piece
            yield b"\r\n"
        yield self._end()

    def _end(self) -> bytes:
        return f"--{self.boundary}--\r\n".encode("ascii")
