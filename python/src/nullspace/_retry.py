"""When a failed call may be sent again, and after how long. A request that may have been carried out is never repeated,
unless repeating it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import MachineError, RateLimitError

DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Seconds before the second, third, ... try; the last one repeats."""

UNREACHED_TRIES = 4
"""Short, because a daemon that is not there should be reported soon; long enough for it to restart."""

RATE_LIMIT_TRIES = 4
LONGEST_RATE_LIMIT_WAIT = 60.0


class TransportError(MachineError):
    """No complete answer. ``unreached``: the request was certainly not carried out, since no connection came about."""

    def __init__(self, message: str, *, unreached: bool, suggested_action: str | None = None) -> None:
        super().__init__(message, code="transport_error", retryable=True, suggested_action=suggested_action)
        self.unreached = unreached


@dataclass(frozen=True)
class Retry:
    """What may be repeated besides rate limits and connections that never came about.

    Attributes:
        lost_tries: how often to try in all when the answer is lost. 1 where repeating could do the thing twice.
        refused_codes: refusals that say "nothing was done, ask again".
        refused_tries: how often to try in all on those.
        limited_tries: how often to try in all when there were too many requests.
    """

    lost_tries: int = 1
    refused_codes: frozenset[str] = frozenset()
    refused_tries: int = 1
    limited_tries: int = RATE_LIMIT_TRIES


REFUSED_ONLY = Retry()
"""For calls that must not happen twice."""

ONCE = Retry(limited_tries=1)
"""For bodies that can be read once only: what was sent of one is gone."""

READ = Retry(lost_tries=3, refused_codes=frozenset(("draining",)), refused_tries=UNREACHED_TRIES)
"""For reads."""

WITH_KEY = Retry(
    lost_tries=30,
    refused_codes=frozenset(("transition_in_progress", "transition_recovery_required", "draining")),
    refused_tries=30,
)
"""For calls with an Idempotency-Key: a repeat joins the first, however far that one got."""

UNTIL_FREE = Retry(refused_codes=frozenset(("transition_in_progress", "draining")), refused_tries=8)
"""For calls that wait for another operation on the same machine: 35 s in all."""

REPEATABLE = Retry(lost_tries=3, refused_codes=UNTIL_FREE.refused_codes, refused_tries=8)
"""For changes that may happen twice: the second time changes nothing."""


class Attempts:
    """The tries of one call so far."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._tries = 0

    def wait_after(self, error: MachineError) -> float | None:
        """Seconds to wait before the next try; None when ``error`` is final."""
        self._tries += 1
        if self._tries >= self._tries_for(error):
            return None
        if isinstance(error, RateLimitError):
            return 1.0 if error.retry_after is None else error.retry_after
        return DELAYS[min(self._tries, len(DELAYS)) - 1]

    def _tries_for(self, error: MachineError) -> int:
        if isinstance(error, RateLimitError):
            return self._retry.limited_tries if (error.retry_after or 0) <= LONGEST_RATE_LIMIT_WAIT else 1
        if isinstance(error, TransportError):
            return UNREACHED_TRIES if error.unreached else self._retry.lost_tries
        return self._retry.refused_tries if error.code in self._retry.refused_codes else 1
