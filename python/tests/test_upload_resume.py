"""Uploads that are taken up again after a cut."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakehost import refusal
from fakeuploads import DATA, FakeUploads
from nullspace import (
    AsyncMachine,
    FileUploadError,
    Machine,
    UploadChecksumError,
    UploadExpiredError,
    UploadLimitError,
    UploadProgress,
    UploadStateError,
)


@pytest.fixture
def machine(uploads: FakeUploads, waits: list[float]) -> Iterator[Machine]:
    with Machine.create() as machine:
        yield machine


def cut(machine: Machine, uploads: FakeUploads, source: Any, **options: Any) -> str:
    """An upload that fails at its third part."""
    uploads.fails(2, refusal(500, "internal_error"))
    with pytest.raises(FileUploadError) as caught:
        machine.files.upload_file(source, "/x", resumable=True, max_concurrency=1, **options)
    uploads.sent.clear()
    assert caught.value.upload_id is not None
    return caught.value.upload_id


def test_resume_after_a_cut(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    told: list[UploadProgress] = []
    upload_id = cut(machine, uploads, source, user="u")
    result = machine.files.resume_upload(upload_id, source, progress=told.append)
    assert (sorted(uploads.sent), uploads.content) == ([2, 3], DATA)
    assert (result.resumed, result.bytes_uploaded, result.upload_id) == (True, 13, "upl_1")
    assert [(one.phase.value, one.bytes_completed) for one in told] == [
        ("refreshing_status", 0),
        ("created", 8),
        *[("uploading", sent) for sent in (told[2].bytes_completed, 13)],
        ("completing", 13),
        ("completed", 13),
    ]


def test_resume_after_parts_out_of_order(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    upload_id = cut(machine, uploads, source)
    # The first is missing again, a later one is there.
    del uploads.parts[0]
    uploads.parts[3] = DATA[12:]
    machine.files.resume_upload(upload_id, source)
    assert (sorted(uploads.sent), uploads.content) == ([0, 1, 2, 3], DATA)


def test_resume_when_only_the_end_is_missing(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    uploads.complete_faults.append(refusal(500, "internal_error"))
    with pytest.raises(FileUploadError):
        machine.files.upload_file(source, "/x", resumable=True)
    uploads.sent.clear()
    assert machine.files.resume_upload("upl_1", io.BytesIO(DATA)).bytes_uploaded == 13
    assert uploads.sent == []


def test_resume_of_another_file(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    upload_id = cut(machine, uploads, source)
    with pytest.raises(UploadLimitError, match="of 13 bytes, but the source has 3") as caught:
        machine.files.resume_upload(upload_id, io.BytesIO(b"abc"))
    assert (caught.value.upload_id, caught.value.reason) == ("upl_1", "size_limit_exceeded")
    with pytest.raises(UploadChecksumError):
        machine.files.resume_upload(upload_id, io.BytesIO(b"x" * 13))
    assert uploads.status == "uploading"


def test_resume_of_what_is_complete(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    machine.files.upload_file(source, "/x", resumable=True)
    uploads.sent.clear()
    told: list[UploadProgress] = []
    result = machine.files.resume_upload("upl_1", source, progress=told.append)
    assert (result.resumed, result.bytes_uploaded, result.target_path, uploads.sent) == (True, 13, "/x", [])
    assert [one.phase for one in told] == ["refreshing_status", "completed"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [("aborted", UploadStateError), ("expired", UploadExpiredError), ("failed", UploadStateError)],
)
def test_resume_of_what_is_over(
    machine: Machine, uploads: FakeUploads, source: Path, status: str, kind: type[FileUploadError]
) -> None:
    upload_id = cut(machine, uploads, source)
    uploads.status = status
    with pytest.raises(FileUploadError, match=status) as caught:
        machine.files.resume_upload(upload_id, source)
    assert type(caught.value) is kind
    assert uploads.sent == []


def test_async(uploads: FakeUploads, source: Path) -> None:
    async def run() -> None:
        async with await AsyncMachine.create() as machine:
            uploads.fails(2, refusal(500, "internal_error"))
            with pytest.raises(FileUploadError) as caught:
                await machine.files.upload_file(source, "/x", resumable=True)
            assert caught.value.upload_id == "upl_1"
            result = await machine.files.resume_upload("upl_1", source)
            assert (uploads.content, result.resumed) == (DATA, True)

    asyncio.run(run())
