"""Calls that wait for a disk: made at once for the sync classes, in a thread for the async ones, whose loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def blocking(work: Callable[[], T]) -> T:
    return work()


async def async_blocking(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)
