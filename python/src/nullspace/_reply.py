"""From an HTTP answer to a value or an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from ._operation import Operation
from .errors import FileUploadError, MachineError, RateLimitError, canonical_code, class_of

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """What came back. ``headers`` must look names up without regard to case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def read_reply(operation: Operation[T], reply: Reply) -> T:
    """The value of ``operation``, of an answer that is no refusal. Raises ``invalid_response``."""
    try:
        # The daemon may send blanks before the document to keep a slow call alive.
        document: object = json.loads(reply.content) if reply.content.strip() else None
        return operation.read(document)
    except ValueError as error:
        raise _unreadable(reply, "The answer is not JSON.") from error
    except MachineError as error:
        raise _unreadable(reply, error.message) from error


def error_of(reply: Reply) -> MachineError:
    """The error that a refusal stands for. Only ``code`` decides about the class, not the status."""
    body = _error_object(reply)
    raw_code = body.get("code")
    code = canonical_code(raw_code) if isinstance(raw_code, str) and raw_code else None
    if code is None and reply.status == 429:
        code = "rate_limit_exceeded"
    detail = _object(body.get("error_detail"))
    error = class_of(code or "unknown", _text(detail.get("reason")))(
        _text(body.get("message")) or "Unknown error",
        code=code or "unknown",
        request_id=_text(body.get("request_id")) or reply.headers.get("x-request-id"),
        retryable=_flag(body.get("retryable")),
        suggested_action=_text(body.get("suggested_action")),
        details=_object(body.get("details")),
        status=reply.status,
    )
    if isinstance(error, RateLimitError):
        error.retry_after = _seconds(reply.headers.get("retry-after"))
    if isinstance(error, FileUploadError):
        error.upload_id = _text(detail.get("upload_id"))
        error.reason = _text(detail.get("reason"))
        error.path = _text(detail.get("path"))
        part_number = detail.get("part_number")
        error.part_number = part_number if isinstance(part_number, int) else None
    return error


def _error_object(reply: Reply) -> Mapping[str, Any]:
    """Both forms as one: ``{"error": text, "code", ...}`` and ``{"error": {"message", "code", ...}}``."""
    if 300 <= reply.status < 400:
        return {
            "message": f"The server redirects (status {reply.status}); check the base URL.",
            "code": "transport_error",
        }
    try:
        document = _object(json.loads(reply.content))
    except ValueError:
        # Not from the daemon but from something before it.
        excerpt = " ".join(reply.content[:300].decode("utf-8", "replace").split())
        return {"message": f"Status {reply.status}: {excerpt}" if excerpt else f"Status {reply.status} without a body"}
    nested = document.get("error")
    if isinstance(nested, dict):
        return cast("Mapping[str, Any]", nested)
    return {**document, "message": nested}


def _unreadable(reply: Reply, message: str) -> MachineError:
    return MachineError(
        message, code="invalid_response", request_id=reply.headers.get("x-request-id"), status=reply.status
    )


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _seconds(value: str | None) -> float | None:
    """``Retry-After`` as decimal seconds. A date is left alone: the clocks of both sides need not agree."""
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
