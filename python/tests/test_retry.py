from __future__ import annotations

import pytest

from nullspace import MachineError, RateLimitError
from nullspace._retry import READ, REFUSED_ONLY, UNTIL_FREE, WITH_KEY, Attempts, Retry, TransportError

LOST = TransportError("lost", unreached=False)
UNREACHED = TransportError("unreached", unreached=True)
BUSY = MachineError("busy", code="transition_in_progress")


def schedule(retry: Retry, error: MachineError) -> list[float]:
    attempts = Attempts(retry)
    waits: list[float] = []
    while (wait := attempts.wait_after(error)) is not None:
        waits.append(wait)
    return waits


def test_what_may_have_happened_is_not_repeated() -> None:
    assert schedule(REFUSED_ONLY, LOST) == []
    assert schedule(UNTIL_FREE, LOST) == []


def test_what_cannot_have_happened_is_repeated_for_a_while() -> None:
    for retry in (REFUSED_ONLY, READ, WITH_KEY, UNTIL_FREE):
        assert schedule(retry, UNREACHED) == [0.5, 1, 2]


def test_reads() -> None:
    assert schedule(READ, LOST) == [0.5, 1]
    assert schedule(READ, MachineError("bug", code="internal_error")) == []


def test_calls_with_a_key() -> None:
    for error in (LOST, BUSY):
        assert schedule(WITH_KEY, error) == [0.5, 1, 2, 4, 8, *([10] * 24)]


def test_destroy_waits_for_its_turn() -> None:
    assert schedule(UNTIL_FREE, BUSY) == [0.5, 1, 2, 4, 8, 10, 10]
    assert schedule(REFUSED_ONLY, BUSY) == []


@pytest.mark.parametrize(("after", "waits"), [(None, [1, 1, 1]), (2.5, [2.5, 2.5, 2.5]), (3600, [])])
def test_rate_limit(after: float | None, waits: list[float]) -> None:
    error = RateLimitError("slow", code="rate_limit_exceeded")
    error.retry_after = after
    assert schedule(REFUSED_ONLY, error) == waits
