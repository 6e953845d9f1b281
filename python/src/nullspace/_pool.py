"""Several pieces of work at once: threads for the sync classes, tasks for the async ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """Work that was put in, ``size`` pieces at once.

    ``on_done`` is given each result, by whoever puts in or waits for the rest; both raise what a piece raised. Left
    with an error, what has begun is waited for, since a thread cannot be stopped.
    """

    def __init__(self, size: int, on_done: Callable[[T], None]) -> None:
        self._size = size
        self._on_done = on_done
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="nullspace-pool")
        self._running: set[Future[T]] = set()

    def put(self, work: Callable[[], T]) -> None:
        """Begins it as soon as there is room."""
        self._wait_until(self._size - 1)
        self._running.add(self._threads.submit(work))

    def rest(self) -> None:
        """Returns when everything is done."""
        self._wait_until(0)

    def _wait_until(self, most: int) -> None:
        while len(self._running) > most:
            done, self._running = wait(self._running, return_when=FIRST_COMPLETED)
            for one in done:
                self._on_done(one.result())

    def __enter__(self) -> Pool[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True)


class AsyncPool(Generic[T]):
    """The same with tasks. Left with an error, what has begun is cancelled."""

    def __init__(self, size: int, on_done: Callable[[T], None]) -> None:
        self._size = size
        self._on_done = on_done
        self._running: set[asyncio.Future[T]] = set()

    async def put(self, work: Callable[[], Awaitable[T]]) -> None:
        await self._wait_until(self._size - 1)
        self._running.add(asyncio.ensure_future(work()))

    async def rest(self) -> None:
        await self._wait_until(0)

    async def _wait_until(self, most: int) -> None:
        while len(self._running) > most:
            done, self._running = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                self._on_done(one.result())

    async def __aenter__(self) -> AsyncPool[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._running:
            one.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
