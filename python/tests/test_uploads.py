"""Uploads of files: in one request and in parts, and how they fail."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakehost import DROP, Answer, FakeHost, refusal
from fakeuploads import DATA, FakeUploads, asked_for, failure
from nullspace import (
    AsyncMachine,
    FileUploadError,
    Machine,
    MachineError,
    UploadChecksumError,
    UploadConflictError,
    UploadExpiredError,
    UploadLimitError,
    UploadPathError,
    UploadProgress,
    UploadStateError,
)
from nullspace import _upload_source as upload_source


@pytest.fixture
def machine(uploads: FakeUploads, waits: list[float]) -> Iterator[Machine]:
    with Machine.create() as machine:
        yield machine


def test_small_files_go_in_one_request(host: FakeHost, machine: Machine, uploads: FakeUploads, source: Path) -> None:
    told: list[UploadProgress] = []
    result = machine.files.upload_file(source, "/srv/", user="u", progress=told.append)
    assert asked_for(host) == [("PUT", "/file"), ("POST", "/files/info")]
    assert (uploads.content, host.asked[1].query) == (DATA, {"path": "/srv/data.bin", "user": "u"})
    assert (result.kind, result.transport, result.target_path, result.upload_id) == (
        "file",
        "direct",
        "/srv/data.bin",
        None,
    )
    assert (result.bytes_uploaded, result.file_count, result.resumed, result.session) == (13, 1, False, None)
    assert result.started_at <= result.completed_at
    assert [(one.phase, one.bytes_completed, one.bytes_total, one.transport) for one in told] == [
        ("created", 0, 13, "direct"),
        ("uploading", 13, 13, "direct"),
        ("completed", 13, 13, "direct"),
    ]


def test_a_failed_direct_upload_is_told(host: FakeHost, machine: Machine, source: Path) -> None:
    told: list[UploadProgress] = []
    host.says(refusal(403, "permission_denied"))
    with pytest.raises(MachineError) as caught:
        machine.files.upload_file(source, progress=told.append)
    assert caught.value.code == "permission_denied"
    assert (told[-1].phase, told[-1].upload_id) == ("failed", None)


def test_long_files_go_in_parts(
    machine: Machine, uploads: FakeUploads, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_source, "DIRECT_BYTES", len(DATA) - 1)
    uploads.gathers = 2
    told: list[UploadProgress] = []
    result = machine.files.upload(source, "/srv/x", user="u", progress=told.append)
    assert uploads.content == DATA
    assert uploads.begun == {
        "kind": "file",
        "source_kind": "restartable_file",
        "target_path": "/srv/x",
        "content_length": 13,
        "conflict": "merge",
        "checksum_algorithm": "sha256",
        "user": "u",
    }
    assert uploads.most_under_way == 2
    assert (result.transport, result.upload_id, result.target_path) == ("resumable", "upl_1", "/srv/x")
    assert (result.bytes_uploaded, result.session.status if result.session else None) == (13, "completed")
    phases = [one.phase.value for one in told]
    assert phases == ["created", *["uploading"] * 4, "completing", "completed"]
    assert [one.parts_completed for one in told] == [0, 1, 2, 3, 4, 4, 4]
    assert {one.part_number for one in told[1:5]} == {0, 1, 2, 3}
    assert told[-1].bytes_completed == told[-1].bytes_total == 13
    assert {one.upload_id for one in told} == {"upl_1"}
    assert len(set(uploads.keys)) == 2


@pytest.mark.parametrize("options", [{"resumable": True}, {"checksum": "sha256"}])
def test_parts_when_asked_for(machine: Machine, uploads: FakeUploads, source: Path, options: dict[str, Any]) -> None:
    assert machine.files.upload_file(source, "/x", max_concurrency=1, **options).transport == "resumable"
    assert uploads.sent == [0, 1, 2, 3]
    assert uploads.most_under_way == 1


def test_one_request_when_asked_for(
    machine: Machine, uploads: FakeUploads, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_source, "DIRECT_BYTES", 1)
    assert machine.files.upload_file(source, "/x", resumable=False).transport == "direct"
    assert uploads.content == DATA


def test_an_empty_file_in_parts(machine: Machine, uploads: FakeUploads) -> None:
    result = machine.files.upload_file(io.BytesIO(b""), "/x", resumable=True)
    assert (uploads.sent, result.bytes_uploaded) == ([], 0)


def test_sources(machine: Machine, uploads: FakeUploads, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = source.open("rb")
    opened.seek(3)
    with opened:
        machine.files.upload_file(opened, "/srv/", resumable=True)
    assert (uploads.content, uploads.begun["target_path"]) == (DATA[3:], "/srv/data.bin")
    for once in (iter([b"01", "2ü"]), io.StringIO("012ü")):
        machine.files.upload_file(once, "/x", resumable=True)
        assert (uploads.content, uploads.begun["source_kind"]) == ("012ü".encode(), "spooled_stream")
        uploads.parts.clear()
    monkeypatch.setattr(upload_source, "DIRECT_BYTES", 1)
    assert machine.files.upload_file(iter([DATA]), "/x", spool_to_disk=False).transport == "direct"
    assert uploads.content == DATA
    monkeypatch.chdir(source.parent)
    assert machine.files.upload_file("data.bin", resumable=False).target_path == "/workspace/data.bin"


def test_what_makes_no_sense(host: FakeHost, machine: Machine, source: Path, tmp_path: Path) -> None:
    for arguments, options in (
        ((b"bytes", "/x"), {}),
        ((tmp_path / "missing", "/x"), {}),
        ((tmp_path, "/x"), {}),
        ((io.BytesIO(b"x"),), {}),
        ((iter([b"x"]), "/srv/"), {}),
        ((iter([b"x"]), "/x"), {"resumable": True, "spool_to_disk": False}),
    ):
        with pytest.raises(MachineError) as caught:
            machine.files.upload_file(*arguments, **options)
        assert caught.value.code == "invalid_request"
    with pytest.raises(MachineError, match="see upload_dir"):
        machine.files.upload(tmp_path, "/x", resumable=True)
    for options in ({"resumable": "yes"}, {"checksum": "md5"}, {"spool_to_disk": "no"}):
        with pytest.raises(ValueError, match="must be"):
            machine.files.upload_file(source, "/x", **options)
    assert asked_for(host) == []


def test_a_lost_part_is_asked_after_and_sent_again(
    host: FakeHost, machine: Machine, uploads: FakeUploads, source: Path, waits: list[float]
) -> None:
    told: list[UploadProgress] = []
    uploads.fails(2, DROP, DROP)
    machine.files.upload_file(source, "/x", resumable=True, progress=told.append)
    assert uploads.content == DATA
    assert uploads.sent.count(2) == 3
    assert asked_for(host).count(("GET", "/uploads/upl_1")) == 2
    assert [0.25 <= waits[0] <= 0.3125, 0.5 <= waits[1] <= 0.625] == [True, True]
    assert [(one.part_number, one.attempt) for one in told if one.phase == "retrying"] == [(2, 2), (2, 3)]


def test_a_part_that_is_lost_every_time(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    uploads.fails(1, *[DROP] * 6)
    with pytest.raises(FileUploadError) as caught:
        machine.files.upload_file(source, "/x", resumable=True, max_concurrency=1)
    assert uploads.sent == [0, *[1] * 6]
    error = caught.value
    assert (error.upload_id, error.path, error.code) == ("upl_1", "/x", "file_upload_error")
    assert error.details["wrapped_code"] == "transport_error"


@pytest.mark.parametrize(("status", "kind"), [("aborted", UploadStateError), ("expired", UploadExpiredError)])
def test_an_upload_that_ended_meanwhile(
    host: FakeHost, machine: Machine, uploads: FakeUploads, source: Path, status: str, kind: type[FileUploadError]
) -> None:
    def end(asked: Any) -> Answer:
        answer = FakeUploads.route(uploads, asked)
        if asked.method == "PUT":
            uploads.status = status
        return answer

    uploads.fails(0, DROP)
    host.route = end
    with pytest.raises(FileUploadError) as caught:
        machine.files.upload_file(source, "/x", resumable=True, max_concurrency=1)
    assert (type(caught.value), caught.value.upload_id) == (kind, "upl_1")
    assert uploads.sent == [0]


def test_a_refused_part_is_final(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    told: list[UploadProgress] = []
    uploads.fails(1, failure("invalid_part_checksum", part_number=1, path="/x"))
    with pytest.raises(UploadChecksumError) as caught:
        machine.files.upload_file(source, "/x", resumable=True, max_concurrency=1, progress=told.append)
    assert (caught.value.reason, caught.value.part_number, caught.value.path) == ("invalid_part_checksum", 1, "/x")
    assert uploads.sent == [0, 1]
    assert (told[-1].phase, told[-1].bytes_completed) == ("failed", 4)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("insufficient_staging_space", UploadLimitError),
        ("size_limit_exceeded", UploadLimitError),
        ("target_conflict", UploadConflictError),
        ("upload_expired", UploadExpiredError),
        ("directory_extract_invalid_path", UploadPathError),
        ("missing_parts", UploadStateError),
        ("something_new", FileUploadError),
    ],
)
def test_reasons(
    machine: Machine, uploads: FakeUploads, source: Path, reason: str, kind: type[FileUploadError]
) -> None:
    uploads.complete_faults.append(failure(reason))
    with pytest.raises(FileUploadError) as caught:
        machine.files.upload_file(source, "/x", resumable=True)
    assert (type(caught.value), caught.value.reason, caught.value.upload_id) == (kind, reason, "upl_1")


def test_completing_is_repeated_with_the_same_key(
    machine: Machine, uploads: FakeUploads, source: Path, waits: list[float]
) -> None:
    uploads.complete_faults.extend([DROP, refusal(429, "rate_limit_exceeded")])
    machine.files.upload_file(source, "/x", resumable=True)
    begin, *complete = uploads.keys
    assert (len(complete), len(set(complete)), begin in complete) == (3, 1, False)


def test_a_source_that_shrinks(machine: Machine, uploads: FakeUploads, source: Path) -> None:
    def shrink(progress: UploadProgress) -> None:
        if progress.phase == "created":
            os.truncate(source, 5)

    with pytest.raises(FileUploadError, match="changed during the upload") as caught:
        machine.files.upload_file(source, "/x", resumable=True, progress=shrink)
    assert caught.value.upload_id == "upl_1"


@pytest.mark.parametrize("phases", [{"uploading"}, {"uploading", "failed"}])
def test_what_the_callback_raises_ends_the_upload(
    machine: Machine, uploads: FakeUploads, source: Path, phases: set[str]
) -> None:
    def stop(progress: UploadProgress) -> None:
        if progress.phase in phases:
            raise KeyError("stop")

    with pytest.raises(FileUploadError) as caught:
        machine.files.upload_file(source, "/x", resumable=True, max_concurrency=1, progress=stop)
    assert isinstance(caught.value.__cause__, KeyError)
    assert (caught.value.upload_id, uploads.status) == ("upl_1", "uploading")
    assert 3 not in uploads.sent


def test_async(host: FakeHost, uploads: FakeUploads, source: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield DATA[:5]
        yield DATA[5:]

    async def run() -> None:
        uploads.gathers = 2
        async with await AsyncMachine.create() as machine:
            result = await machine.files.upload_file(source, "/x", resumable=True)
            assert (uploads.content, result.transport, uploads.most_under_way) == (DATA, "resumable", 2)
            uploads.parts.clear()
            await machine.files.upload_file(pieces(), "/x", resumable=True)
            assert (uploads.content, uploads.begun["source_kind"]) == (DATA, "spooled_stream")
            result = await machine.files.upload_file(pieces(), "/x", spool_to_disk=False)
            assert (uploads.content, result.transport) == (DATA, "direct")

    asyncio.run(run())
