"""Waiting, passed in so that tests need not wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], None]
AsyncSleep = Callable[[float], Awaitable[None]]

sleep: Sleep = time.sleep
async_sleep: AsyncSleep = asyncio.sleep
