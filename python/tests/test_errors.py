from __future__ import annotations

import pickle

import httpx
import pytest

import nullspace
from nullspace import MachineError, RateLimitError, errors
from nullspace._reply import Reply, error_of

CLASSES = {
    "unauthorized": errors.AuthError,
    "unauthenticated": errors.AuthError,
    "missing_api_key": errors.AuthError,
    "edge_token_expired": errors.AuthError,
    "preview_grant_revoked": errors.AuthError,
    "preview_proxy_token_scope_mismatch": errors.AuthError,
    "forbidden": errors.PermissionError,
    "volume_permission_denied": errors.PermissionError,
    "capacity_exceeded": errors.QuotaExceededError,
    "QUOTA_EXCEEDED": errors.QuotaExceededError,
    "volume_quota_exceeded": errors.QuotaExceededError,
    "rate_limit_exceeded": errors.RateLimitError,
    "machine_not_ready": errors.ConflictError,
    "idempotency_conflict": errors.ConflictError,
    "not_found": errors.NotFoundError,
    "machine_not_found": errors.NotFoundError,
    "file_upload_error": errors.FileUploadError,
    "build_error": errors.BuildError,
    "not_implemented": errors.NotImplementedError,
    "exec_failed": errors.MachineError,
    "exec_timeout": errors.MachineError,
    "transition_in_progress": errors.MachineError,
    "never_heard_of": errors.MachineError,
}


def reply(status: int, content: bytes, **headers: str) -> Reply:
    return Reply(status, httpx.Headers(headers), content)


@pytest.mark.parametrize("code", CLASSES)
def test_class_follows_from_code(code: str) -> None:
    error = error_of(reply(418, b'{"error": "no", "code": "%s"}' % code.encode()))
    assert type(error) is CLASSES[code]


@pytest.mark.parametrize("nested", [False, True])
def test_all_fields_in_both_forms(nested: bool) -> None:
    inner = b'"code":"Machine_Not_Found","request_id":"req_9","retryable":false,"suggested_action":"Look."'
    inner += b',"details":{"a":1}'
    body = b'{"error":{"message":"Gone.",%s}}' % inner if nested else b'{"error":"Gone.",%s}' % inner
    error = error_of(reply(404, body, **{"X-Request-Id": "req_header"}))
    assert (error.message, error.code, error.request_id) == ("Gone.", "machine_not_found", "req_9")
    assert (error.retryable, error.suggested_action, error.details, error.status) == (False, "Look.", {"a": 1}, 404)
    assert str(error) == "Gone. [machine_not_found, req_9] Look."


@pytest.mark.parametrize("alias", ["unauthenticated", "missing_api_key"])
def test_aliases_are_one_code(alias: str) -> None:
    assert error_of(reply(401, b'{"error": "no", "code": "%s"}' % alias.encode())).code == "unauthorized"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>\n Bad  Gateway</html>", "Status 502: <html> Bad Gateway</html>"),
        (b"", "Status 502 without a body"),
        (b"[1]", "Unknown error"),
        (b'{"error": 5, "code": 7}', "Unknown error"),
    ],
)
def test_refusals_that_are_not_ours(content: bytes, message: str) -> None:
    error = error_of(reply(502, content, **{"x-request-id": "req_h"}))
    assert (error.message, error.code, error.request_id) == (message, "unknown", "req_h")


@pytest.mark.parametrize(("header", "seconds"), [("1.5", 1.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("inf", None)])
def test_rate_limit_without_code(header: str, seconds: float | None) -> None:
    error = error_of(reply(429, b"slow down", **{"retry-after": header}))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds


def test_quota_sent_as_429_stays_quota() -> None:
    assert type(error_of(reply(429, b'{"error":"no","code":"quota_exceeded"}'))) is errors.QuotaExceededError


def test_upload_reason() -> None:
    body = (
        b'{"error":"no","code":"file_upload_error","error_detail":{"reason":"upload_expired","upload_id":"upload_1"}}'
    )
    error = error_of(reply(410, body))
    assert isinstance(error, errors.UploadExpiredError)
    assert error.upload_id == "upload_1"


def test_redirect_is_explained() -> None:
    assert "redirects" in error_of(reply(301, b"")).message


def test_errors_survive_pickling() -> None:
    error = error_of(reply(404, b'{"error":"Gone.","code":"not_found","request_id":"r"}'))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.status) == (type(error), str(error), 404)


def test_every_error_is_public_and_a_machine_error() -> None:
    for name in errors.__all__:
        assert getattr(nullspace, name) is getattr(errors, name)
        assert issubclass(getattr(errors, name), MachineError)
