"""Uploads in parts."""

from __future__ import annotations

import hashlib
import uuid

from .. import _wire
from .._models import CompleteUploadResponse, UploadKind, UploadSessionInfo, UploadSessionStatus
from .._operation import Operation, given, segment
from .._retry import READ, REFUSED_ONLY, WITH_KEY
from .._upload_source import UploadSource
from ..errors import FileUploadError, class_of
from .files import TRANSFER_SILENCE, user_of
from .life import path_of

PART_DELAYS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before a part whose connection was lost is sent again; each somewhat longer, by chance."""

_REASONS = {
    UploadSessionStatus.ABORTED: "upload_aborted",
    UploadSessionStatus.EXPIRED: "upload_expired",
    UploadSessionStatus.FAILED: "missing_parts",
}


def create(
    machine_id: str, source: UploadSource, target: str, user: str | None, *, conflict: str
) -> Operation[UploadSessionInfo]:
    is_archive = source.kind == "directory_archive"
    return Operation(
        method="POST",
        path=path_of(machine_id, "uploads"),
        headers=_key(),
        body={
            "kind": UploadKind.DIRECTORY_TAR if is_archive else UploadKind.FILE,
            "source_kind": source.kind,
            "target_path": target,
            "content_length": source.length,
            "conflict": conflict,
            "checksum_algorithm": "sha256",
            **given(
                {
                    "archive_format": "tar" if is_archive else None,
                    "whole_checksum_sha256": source.checksum,
                    "user": user_of(user),
                }
            ),
        },
        read=_wire.answer(_wire.field("session", UploadSessionInfo.from_wire)),
        retry=WITH_KEY,
        silence=TRANSFER_SILENCE,
    )


def session(machine_id: str, upload_id: str) -> Operation[UploadSessionInfo]:
    return Operation(method="GET", path=_upload(machine_id, upload_id), read=UploadSessionInfo.from_wire, retry=READ)


def part(machine_id: str, upload_id: str, number: int, data: bytes) -> Operation[UploadSessionInfo]:
    return Operation(
        method="PUT",
        path=f"{_upload(machine_id, upload_id)}/parts/{number}",
        headers={
            "Content-Type": "application/octet-stream",
            "x-nullspace-part-sha256": hashlib.sha256(data).hexdigest(),
        },
        content=data,
        read=UploadSessionInfo.from_wire,
        # A lost one is asked after first, see PART_DELAYS.
        retry=REFUSED_ONLY,
        silence=TRANSFER_SILENCE,
    )


def complete(machine_id: str, upload_id: str, checksum: str) -> Operation[CompleteUploadResponse]:
    return Operation(
        method="POST",
        path=f"{_upload(machine_id, upload_id)}/complete",
        headers=_key(),
        body={"whole_checksum_sha256": checksum},
        read=CompleteUploadResponse.from_wire,
        retry=WITH_KEY,
        silence=TRANSFER_SILENCE,
    )


def refuse_ended(upload: UploadSessionInfo) -> None:
    """Raises for an upload that nothing can be added to. One that is completed is none of them."""
    reason = _REASONS.get(upload.status)
    if reason is not None:
        raise failure(upload, reason, f"The upload {upload.upload_id} is {upload.status} and cannot go on.")


def failure(upload: UploadSessionInfo, reason: str, message: str) -> FileUploadError:
    error = class_of("file_upload_error", reason)(message, code="file_upload_error", retryable=False)
    assert isinstance(error, FileUploadError)
    error.reason = reason
    error.upload_id = upload.upload_id
    error.path = upload.target_path
    return error


def _upload(machine_id: str, upload_id: str) -> str:
    return path_of(machine_id, f"uploads/{segment(upload_id, 'upload_id')}")


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}
