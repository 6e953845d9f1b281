"""Files of a machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .. import _wire
from .._files import BatchWriteFailure, UploadUrl
from .._models import FileInfo, SearchMatch
from .._multipart import Form, Part
from .._operation import Operation, given
from .._retry import ONCE, READ, REFUSED_ONLY, REPEATABLE
from ..errors import BatchWriteError
from .life import path_of

T = TypeVar("T")

SILENCE = 120.0
TRANSFER_SILENCE = 300.0
"""Seconds without a byte from the daemon while it reads or writes a file."""

JSON_BYTES = 64 * 1024 * 1024
"""Contents up to here are written in one JSON document; what is larger is sent as it is."""


def read_text(machine_id: str, path: str, user: str | None) -> Operation[str]:
    return _asked(
        machine_id,
        "files/read",
        _about(path, user, encoding="utf8"),
        _wire.field("content", _wire.string),
    )


def download(machine_id: str, path: str, user: str | None, *, archive: bool = False) -> Operation[None]:
    """Its answer is bytes."""
    return Operation(
        method="GET",
        path=path_of(machine_id, "file"),
        query={**_about(path, user), **({"archive": "tar"} if archive else {})},
        read=_nothing,
        retry=READ,
        silence=TRANSFER_SILENCE,
    )


def write(
    machine_id: str, path: str, content: str | bytes, user: str | None, *, append: bool, mode: str | None
) -> Operation[FileInfo]:
    text = content if isinstance(content, str) else base64.b64encode(content).decode("ascii")
    return Operation(
        method="POST",
        path=path_of(machine_id, "files/write"),
        body=_about(
            path,
            user,
            content=text,
            encoding="utf8" if isinstance(content, str) else "base64",
            append=True if append else None,
            mode=mode,
        ),
        read=FileInfo.from_wire,
        # A second time it would be there twice.
        retry=REFUSED_ONLY if append else REPEATABLE,
        silence=TRANSFER_SILENCE,
    )


def upload(machine_id: str, path: str, user: str | None, *, append: bool = False) -> Operation[None]:
    """Its body is a stream."""
    return Operation(
        method="PUT",
        path=path_of(machine_id, "file"),
        query={**_about(path, user), **({"append": "true"} if append else {})},
        read=_nothing,
        retry=ONCE,
        silence=TRANSFER_SILENCE,
    )


def batch(files: Sequence[tuple[str, Any]], user: str | None) -> Form:
    """The body for ``write_batch``: what goes where, then the contents one after another."""
    fields = [f"file{index}" for index in range(len(files))]
    manifest = {
        "files": [{"path": path, "field": field} for (path, _), field in zip(files, fields)],
        **given({"user": user_of(user)}),
    }
    return Form(
        [
            # Escaped: a name that is no UTF-8 could not be sent otherwise.
            Part("manifest", "manifest.json", "application/json", json.dumps(manifest)),
            *(
                Part(field, f"{field}.bin", "application/octet-stream", content)
                for (_, content), field in zip(files, fields)
            ),
        ]
    )


def write_batch(machine_id: str, form: Form) -> Operation[list[FileInfo | BatchWriteFailure]]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "files/batch-write"),
        headers={"Content-Type": form.content_type},
        read=_wire.answer(_wire.field("results", _wire.array(_batch_result))),
        retry=ONCE,
        silence=TRANSFER_SILENCE,
    )


def listing(machine_id: str, path: str, depth: int | None, user: str | None) -> Operation[list[FileInfo]]:
    return Operation(
        method="GET",
        path=path_of(machine_id, "files"),
        query=_about(path, user, depth=None if depth is None else str(depth)),
        read=_wire.answer(_wire.array(FileInfo.from_wire)),
        retry=READ,
        silence=SILENCE,
    )


def exists(machine_id: str, path: str, user: str | None) -> Operation[bool]:
    return _asked(
        machine_id,
        "files/exists",
        _about(path, user),
        _wire.field("exists", _wire.boolean),
    )


def info(machine_id: str, path: str, user: str | None) -> Operation[FileInfo]:
    return _asked(machine_id, "files/info", _about(path, user), FileInfo.from_wire)


def make_dir(machine_id: str, path: str, user: str | None) -> Operation[None]:
    return _change(machine_id, "files/mkdir", _about(path, user))


def remove(machine_id: str, path: str, user: str | None) -> Operation[None]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "files/remove"),
        body=_about(path, user),
        read=_nothing,
        silence=SILENCE,
    )


def rename(machine_id: str, old: str, new: str, user: str | None) -> Operation[FileInfo]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "files/rename"),
        body={"old_path": old, "new_path": new, **given({"user": user_of(user)})},
        read=FileInfo.from_wire,
        silence=SILENCE,
    )


def set_permissions(machine_id: str, path: str, permissions: str, user: str | None) -> Operation[None]:
    return _change(machine_id, "files/permissions", _about(path, user, permissions=permissions))


def find(machine_id: str, path: str, pattern: str, user: str | None) -> Operation[list[SearchMatch]]:
    return _asked(
        machine_id,
        "files/find",
        _about(path, user, pattern=pattern),
        _wire.array(SearchMatch.from_wire),
    )


def search(machine_id: str, path: str, pattern: str, user: str | None) -> Operation[list[str]]:
    return _asked(
        machine_id,
        "files/search",
        _about(path, user, pattern=pattern),
        _wire.array(_wire.string),
    )


def replace(
    machine_id: str, files: Sequence[str], pattern: str, replacement: str, user: str | None, *, dry_run: bool
) -> Operation[int]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "files/replace"),
        body={
            "files": list(files),
            "pattern": pattern,
            "replacement": replacement,
            **given({"dry_run": True if dry_run else None, "user": user_of(user)}),
        },
        read=_wire.answer(_wire.field("replacements", _wire.integer)),
        retry=READ if dry_run else REFUSED_ONLY,
        silence=SILENCE,
    )


def download_url(machine_id: str, path: str, user: str | None) -> Operation[str]:
    return _asked(
        machine_id,
        "files/download-url",
        _about(path, user),
        _wire.field("url", _wire.string),
    )


def upload_url(machine_id: str, path: str, user: str | None) -> Operation[UploadUrl]:
    return _asked(machine_id, "files/upload-url", _about(path, user), UploadUrl.from_wire)


def user_of(user: str | None) -> str | None:
    """None for a blank one."""
    return (user or "").strip() or None


def _about(path: str, user: str | None, **more: Any) -> dict[str, Any]:
    return {"path": path, **given({"user": user_of(user), **more})}


def _asked(machine_id: str, what: str, body: Mapping[str, Any], read: _wire.Reader[T]) -> Operation[T]:
    return Operation(
        method="POST",
        path=path_of(machine_id, what),
        body=body,
        read=_wire.answer(read),
        retry=READ,
        silence=SILENCE,
    )


def _change(machine_id: str, what: str, body: Mapping[str, Any]) -> Operation[None]:
    return Operation(
        method="POST", path=path_of(machine_id, what), body=body, read=_nothing, retry=REPEATABLE, silence=SILENCE
    )


def all_written(results: Sequence[FileInfo | BatchWriteFailure]) -> list[FileInfo]:
    """Raises ``BatchWriteError`` when some were not."""
    written = [one for one in results if isinstance(one, FileInfo)]
    failures = [one for one in results if isinstance(one, BatchWriteFailure)]
    if failures:
        raise BatchWriteError(written, failures)
    return written


def _batch_result(value: object, where: str) -> FileInfo | BatchWriteFailure:
    source = _wire.fields(value, where)
    if source.get("status") == "success":
        return _wire.required(source, "info", FileInfo.from_wire, where)
    return BatchWriteFailure(str(source.get("path")), str(source.get("error")))


def _nothing(_document: object) -> None:
    return None
