"""The errors of this package. All are below ``MachineError``; which one it is follows from ``code`` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

E = TypeVar("E", bound="MachineError")

__all__ = [
    "AuthError",
    "BatchWriteError",
    "BuildError",
    "ConflictError",
    "FileUploadError",
    "GitError",
    "MachineError",
    "NotFoundError",
    "NotImplementedError",
    "PermissionError",
    "QuotaExceededError",
    "RateLimitError",
    "UploadChecksumError",
    "UploadConflictError",
    "UploadExpiredError",
    "UploadLimitError",
    "UploadPathError",
    "UploadStateError",
]


class MachineError(Exception):
    """A call that failed.

    Attributes:
        message: what went wrong, for people.
        code: what went wrong, for programs, in lower case, e.g. ``machine_not_found``. Made by this client itself:
            ``transport_error``, ``invalid_response``, ``missing_api_key``, ``invalid_request``, ``invalid_state``,
            ``websocket_error``, ``websocket_upgrade_error``, ``watch_error``, ``batch_write_partial_failure``,
            ``unknown``.
        request_id: names the request in the log of the daemon.
        retryable: whether the same call may succeed later; None when the daemon did not say.
        suggested_action: what to do about it, one sentence.
        details: further data, by code.
        status: HTTP status of the refusal; None when there was no answer.
        retained_machine_id: the machine that ``run_once`` kept for a look, if that is where this comes from.
    """

    retained_machine_id: str | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str = "unknown",
        request_id: str | None = None,
        retryable: bool | None = None,
        suggested_action: str | None = None,
        details: Mapping[str, Any] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.retryable = retryable
        self.suggested_action = suggested_action
        self.details: dict[str, Any] = dict(details or {})
        self.status = status

    def __str__(self) -> str:
        tags = ", ".join(tag for tag in (self.code, self.request_id) if tag)
        return " ".join(part for part in (self.message, f"[{tags}]", self.suggested_action) if part)


class AuthError(MachineError):
    """No key, or one that is not valid."""


class PermissionError(MachineError):
    """The key is valid but may not do this."""


class QuotaExceededError(MachineError):
    """The host or the owner has no more of what was asked for."""


class RateLimitError(MachineError):
    """Too many requests. ``retry_after``: seconds to wait, None when unknown."""

    retry_after: float | None = None


class ConflictError(MachineError):
    """Not possible in the present state."""


class NotFoundError(MachineError):
    """It does not exist, or belongs to another owner."""


class BuildError(MachineError):
    """A template could not be built."""


class NotImplementedError(MachineError):
    """The daemon knows this option or route but cannot do it."""


class FileUploadError(MachineError):
    """An upload failed.

    Attributes:
        upload_id: names the upload, for ``resume_upload``; None when it had not begun.
        reason: why, e.g. ``whole_checksum_mismatch``; None when it was none of the daemon's.
        path: the path in the machine, or in the archive, that it is about.
        part_number: the part that it is about.
    """

    upload_id: str | None = None
    reason: str | None = None
    path: str | None = None
    part_number: int | None = None


class UploadLimitError(FileUploadError):
    """Too large, or no room for it."""


class UploadChecksumError(FileUploadError):
    """The bytes that arrived are not those that were announced."""


class UploadConflictError(FileUploadError):
    """The target exists."""


class UploadExpiredError(FileUploadError):
    """The upload took too long."""


class UploadPathError(FileUploadError):
    """A path in the archive may not be unpacked."""


class UploadStateError(FileUploadError):
    """The upload is not in a state for this."""


class GitError(MachineError):
    """Git failed, or could not be run.

    Attributes:
        exit_code: git's, 128 when it is not known.
        stderr: what git said, or the message when it is not known.
    """

    exit_code: int = 128
    stderr: str = ""


class BatchWriteError(MachineError):
    """Some files of several were not written.

    Attributes:
        successes: ``FileInfo`` of those that were.
        failures: ``BatchWriteFailure`` of the others: ``path`` and ``error``.
    """

    def __init__(self, successes: Sequence[Any], failures: Sequence[Any]) -> None:
        super().__init__(
            f"{len(failures)} of {len(successes) + len(failures)} files were not written; {failures[0].path}: "
            f"{failures[0].error}",
            code="batch_write_partial_failure",
        )
        self.successes = list(successes)
        self.failures = list(failures)


def rewritten(error: MachineError, kind: type[E], *, code: str, message: str | None = None) -> E:
    """``error`` as another class and code; ``details["wrapped_code"]`` keeps its own."""
    return kind(
        error.message if message is None else message,
        code=code,
        request_id=error.request_id,
        retryable=error.retryable,
        suggested_action=error.suggested_action,
        details={**error.details, "wrapped_code": error.code},
        status=error.status,
    )


_ALIASES = {"unauthenticated": "unauthorized", "missing_api_key": "unauthorized"}

_EDGE_AUTH = frozenset(
    f"{family}_{what}"
    for family, whats in {
        "edge_token": ("missing", "expired", "invalid", "scope_mismatch"),
        "preview_grant": ("invalid", "revoked"),
        "preview_proxy_token": ("missing", "expired", "invalid", "revoked", "scope_mismatch"),
    }.items()
    for what in whats
)

_CONFLICTS = frozenset(
    ("conflict", "machine_not_ready", "snapshot_in_use", "rebuild_required", "incompatible_snapshot", "volume_busy")
)

# First match wins.
_CLASSES: tuple[tuple[Callable[[str], bool], type[MachineError]], ...] = (
    (lambda code: code == "unauthorized" or code in _EDGE_AUTH, AuthError),
    (lambda code: code in ("forbidden", "permission_denied") or code.endswith("_permission_denied"), PermissionError),
    (lambda code: code == "capacity_exceeded" or "quota" in code, QuotaExceededError),
    (lambda code: code == "rate_limit_exceeded", RateLimitError),
    (lambda code: code in _CONFLICTS or code.endswith("_conflict"), ConflictError),
    (lambda code: code == "not_found" or code.endswith("_not_found"), NotFoundError),
    (lambda code: code == "file_upload_error", FileUploadError),
    (lambda code: code == "git_error", GitError),
    (lambda code: code == "build_error", BuildError),
    (lambda code: code == "not_implemented", NotImplementedError),
)

_UPLOAD_CLASSES: dict[str, type[FileUploadError]] = {
    "insufficient_staging_space": UploadLimitError,
    "size_limit_exceeded": UploadLimitError,
    "invalid_part_checksum": UploadChecksumError,
    "whole_checksum_mismatch": UploadChecksumError,
    "target_conflict": UploadConflictError,
    "upload_expired": UploadExpiredError,
    "directory_extract_invalid_path": UploadPathError,
    "directory_extract_invalid_symlink": UploadPathError,
    "directory_extract_unsupported_entry": UploadPathError,
    "missing_parts": UploadStateError,
    "part_out_of_range": UploadStateError,
    "part_size_mismatch": UploadStateError,
    "upload_aborted": UploadStateError,
    "upload_already_completed": UploadStateError,
}


def canonical_code(code: str) -> str:
    """The code as this package reports it."""
    lowered = code.lower()
    return _ALIASES.get(lowered, lowered)


def class_of(code: str, upload_reason: str | None = None) -> type[MachineError]:
    """The class for a canonical code."""
    for matches, kind in _CLASSES:
        if matches(code):
            if kind is FileUploadError and upload_reason is not None:
                return _UPLOAD_CLASSES.get(upload_reason, FileUploadError)
            return kind
    return MachineError
