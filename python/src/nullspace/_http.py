"""What sync and async clients tell httpx, and what they make of its errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote

import httpx

from ._config import Settings
from ._operation import Operation
from ._retry import TransportError
from ._version import __version__
from .errors import MachineError

CONNECT_TIMEOUT = 10.0


@lru_cache(maxsize=1)
def _verifying() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """None when the base URL is not https."""
    return _verifying() if settings.base_url.lower().startswith("https:") else None


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for ``httpx.Client`` and ``httpx.AsyncClient``."""
    # Loading the root certificates takes ~50 ms, more than a machine takes to start: done once, and only for https. The
    # bare context trusts nobody, so it fails closed if TLS should be spoken after all.
    return {
        "headers": {"Authorization": f"Bearer {settings.api_key}", "User-Agent": f"nullspace-python/{__version__}"},
        "verify": tls_context(settings) or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        "follow_redirects": False,
    }


def request_options(settings: Settings, operation: Operation[Any]) -> dict[str, Any]:
    """Keyword arguments for ``request``."""
    options: dict[str, Any] = {
        "method": operation.method,
        "url": settings.base_url + operation.path + _query(operation.query),
        "headers": dict(operation.headers),
        "timeout": httpx.Timeout(operation.silence, connect=CONNECT_TIMEOUT),
    }
    if operation.body is not None:
        options["content"] = json_bytes(operation.body)
        options["headers"]["Content-Type"] = "application/json"
    elif operation.content is not None:
        options["content"] = operation.content
    return options


def json_bytes(document: object) -> bytes:
    """A name that is no UTF-8 holds lone surrogates (``surrogateescape``), which JSON can only have escaped."""
    try:
        return json.dumps(document, ensure_ascii=False, default=_plain).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, default=_plain).encode("ascii")


def _query(values: Mapping[str, str]) -> str:
    """The same names are the bytes they stand for here, as they are everywhere in a URL."""
    try:
        pairs = [
            f"{quote(name, safe='')}={quote(value, safe='', errors='surrogateescape')}"
            for name, value in values.items()
        ]
    except UnicodeEncodeError as error:
        raise MachineError(f"This cannot be sent: {error}.", code="invalid_request") from error
    return f"?{'&'.join(pairs)}" if pairs else ""


def _plain(value: object) -> object:
    """Mappings and sequences other than dict and list, e.g. ``os.environ``."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    if isinstance(value, Sequence):
        return list(cast("Sequence[object]", value))
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def transport_error(error: Exception, settings: Settings, operation: Operation[Any]) -> TransportError:
    """``error`` from httpx, as ours."""
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return TransportError(
            f"Cannot reach {settings.base_url}: {error or type(error).__name__}.",
            unreached=True,
            suggested_action='Check the base URL and that the daemon runs ("nullspace doctor").',
        )
    if isinstance(error, httpx.ReadTimeout):
        return TransportError(
            f"{operation.method} {operation.path}: nothing from the daemon for {operation.silence:g} s.",
            unreached=False,
        )
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return TransportError(f"{operation.method} {operation.path}: the connection was lost ({what}).", unreached=False)
