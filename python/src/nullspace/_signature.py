"""Whether the post of a webhook is the daemon's: for the program that receives it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from .errors import MachineError

_VERSION = "1"


def verify_webhook_signature(secret: str, headers: Mapping[str, str], body: bytes | str) -> bool:
    """Whether ``body`` was signed with the webhook's signing secret.

    The signature proves where a post comes from, not that it comes for the first time: whoever must not act twice
    remembers ``x-nullspace-event-id``.

    Args:
        secret: the ``signing_secret`` the webhook was made with.
        headers: of the request; the case of names does not matter.
        body: exactly as it came, before any parsing: the same JSON written anew has another signature.

    Raises:
        MachineError: the secret is empty (``invalid_request``); anyone could sign with that.
    """
    if not secret:
        raise MachineError("The signing secret is empty.", code="invalid_request")
    if _only(headers, "x-nullspace-signature-version") != _VERSION:
        return False
    content = body.encode("utf-8") if isinstance(body, str) else body
    expected = "sha256=" + hmac.new(secret.encode("utf-8"), content, hashlib.sha256).hexdigest()
    given = _only(headers, "x-nullspace-signature") or ""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("ascii"))


def _only(headers: Mapping[str, str], name: str) -> str | None:
    """None also when it is there more than once."""
    values = [value for key, value in headers.items() if key.lower() == name]
    return values[0] if len(values) == 1 else None
