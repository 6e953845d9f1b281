"""Work beside the caller: a thread for the sync classes, a task for the async ones. Both can be told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger("nullspace")

_JOIN_TIMEOUT = 5.0


def tell(callback: Callable[[T], None] | None, value: T) -> None:
    """Calls a callback of the user's. What it raises is logged: the next value must not go missing for it."""
    if callback is None:
        return
    try:
        callback(value)
    except Exception:
        log.exception("a callback failed")


class Signal:
    """Says once that it is time to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Returns after ``seconds``, or as soon as it is set."""
        self._event.wait(seconds)


class AsyncSignal:
    """The same for a task."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)


class Changes:
    """Wakes whoever waits for something to become so. Change it first, then announce it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def announce(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, is_so: Callable[[], bool], timeout: float | None = None) -> bool:
        """Whether it became so, within ``timeout`` seconds if that is given."""
        with self._condition:
            return self._condition.wait_for(is_so, timeout)


class AsyncChanges:
    """The same for tasks."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def announce(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait_for(self, is_so: Callable[[], bool], timeout: float | None = None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not is_so():
            left = None if deadline is None else deadline - time.monotonic()
            try:
                await asyncio.wait_for(self._event.wait(), left)
            except asyncio.TimeoutError:
                return is_so()
        return True


class Worker:
    """One run of a function in a daemon thread, which does not keep the program from ending."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error

    def join(self) -> None:
        """Waits for its end, for a while; from within it does nothing. Raises what it raised, once."""
        if threading.current_thread() is self._thread:
            return
        self._thread.join(_JOIN_TIMEOUT)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def wait(self, timeout: float | None = _JOIN_TIMEOUT) -> bool:
        """Whether it has ended, within ``timeout`` seconds if that is given. From within it, it has not."""
        if threading.current_thread() is self._thread:
            return False
        self._thread.join(timeout)
        return not self._thread.is_alive()


class AsyncWorker:
    """The same as a task."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._task = asyncio.create_task(self._run(work), name=name)
        self._error: BaseException | None = None

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._error = error

    async def join(self) -> None:
        if asyncio.current_task() is self._task:
            return
        done, _ = await asyncio.wait({self._task}, timeout=_JOIN_TIMEOUT)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def wait(self, timeout: float | None = _JOIN_TIMEOUT) -> bool:
        if asyncio.current_task() is self._task:
            return False
        done, _ = await asyncio.wait({self._task}, timeout=timeout)
        return bool(done)
