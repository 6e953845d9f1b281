"""What a caller gives as the contents of a file, piece by piece. Never more of it is held than one piece."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import Any, Protocol, Union, cast

PIECE = 256 * 1024
"""Bytes."""

Chunk = Union[str, bytes, bytearray, memoryview]


class Readable(Protocol):
    """A file object, or what else reads like one; text is sent as UTF-8. For async calls ``read`` may be awaitable."""

    def read(self, size: int, /) -> Any: ...


Content = Union[Chunk, Readable, Iterable[Chunk]]
AsyncContent = Union[Content, AsyncIterable[Chunk]]


def in_memory(content: object) -> bytes | None:
    """The bytes, if all of them are there already."""
    if isinstance(content, str):
        return content.encode("utf-8")
    return bytes(cast("bytes", content)) if isinstance(content, (bytes, bytearray, memoryview)) else None


def chunks(content: Content) -> Generator[bytes, None, None]:
    """Raises ``TypeError`` for what holds no bytes."""
    whole = in_memory(content)
    if whole is not None:
        yield whole
    elif callable(getattr(content, "read", None)):
        while piece := cast("Readable", content).read(PIECE):
            yield _piece(piece)
    else:
        for piece in _iterable(content):
            yield _piece(piece)


async def async_chunks(content: AsyncContent) -> AsyncGenerator[bytes, None]:
    """The same; files are read beside the event loop."""
    whole = in_memory(content)
    if whole is not None:
        yield whole
    elif callable(getattr(content, "read", None)):
        while piece := await _read(cast("Readable", content)):
            yield _piece(piece)
    elif isinstance(content, AsyncIterable):
        async for piece in cast("AsyncIterable[object]", content):
            yield _piece(piece)
    else:
        for piece in _iterable(content):
            yield _piece(piece)


async def _read(content: Readable) -> Any:
    if inspect.iscoroutinefunction(content.read):
        return await content.read(PIECE)
    piece = await asyncio.to_thread(content.read, PIECE)
    return await piece if inspect.isawaitable(piece) else piece


def _iterable(content: object) -> Iterable[object]:
    if not isinstance(content, Iterable):
        raise TypeError(
            f"the contents of a file must be str, bytes, a file object or an iterable, not {_name(content)}"
        )
    return cast("Iterable[object]", content)


def _piece(piece: object) -> bytes:
    whole = in_memory(piece)
    if whole is None:
        raise TypeError(f"the contents of a file must be made of bytes, not {_name(piece)}")
    return whole


def _name(value: object) -> str:
    return type(value).__name__
