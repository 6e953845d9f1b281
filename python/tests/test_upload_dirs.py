"""Uploads of directories: what is sent of them, what is left out, what cannot be sent."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakehost import FakeHost, refusal
from fakeuploads import FakeUploads, asked_for
from nullspace import AsyncMachine, FileUploadError, Machine, MachineError, UploadChecksumError, UploadProgress


@pytest.fixture
def machine(uploads: FakeUploads, waits: list[float]) -> Iterator[Machine]:
    with Machine.create() as machine:
        yield machine


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "run.sh").write_text("run")
    (root / "run.sh").chmod(0o755)
    (root / "sub" / "ü b.txt").write_text("b")
    (root / "sub" / "link").symlink_to("../a.txt")
    (root / "skip.log").write_text("x")
    return root


def unpacked(content: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {
            one.name: one.linkname or ("dir" if one.isdir() else tar.extractfile(one).read().decode())  # type: ignore[union-attr]
            for one in tar
        }


TREE = {
    "a.txt": "a",
    "run.sh": "run",
    "skip.log": "x",
    "sub": "dir",
    "sub/empty": "dir",
    "sub/link": "../a.txt",
    "sub/ü b.txt": "b",
}


def test_directories(machine: Machine, uploads: FakeUploads, tree: Path) -> None:
    uploads.part_size = 1024
    told: list[UploadProgress] = []
    result = machine.files.upload(tree, user="u", progress=told.append)
    assert unpacked(uploads.content) == TREE
    checksum = hashlib.sha256(uploads.content).hexdigest()
    assert uploads.begun == {
        "kind": "directory_tar",
        "source_kind": "directory_archive",
        "target_path": "tree",
        "content_length": len(uploads.content),
        "conflict": "merge",
        "checksum_algorithm": "sha256",
        "archive_format": "tar",
        "whole_checksum_sha256": checksum,
        "user": "u",
    }
    with tarfile.open(fileobj=io.BytesIO(uploads.content)) as tar:
        assert tar.getmember("run.sh").mode == 0o755
        assert {(one.mtime, one.uid, one.gid, one.uname) for one in tar} == {(0, 0, 0, "")}
    assert (result.kind, result.file_count, result.target_path) == ("directory_tar", 5, "/workspace/tree")
    assert [one.phase for one in told[:3]] == ["preparing", "preparing", "created"]


def test_names_in_a_directory_that_are_no_utf8(machine: Machine, uploads: FakeUploads, tmp_path: Path) -> None:
    root = tmp_path / "odd"
    root.mkdir()
    (root / os.fsdecode(b"\xff.txt")).write_text("x")
    uploads.part_size = 4096
    machine.files.upload_dir(root, "/odd")
    assert unpacked(uploads.content) == {os.fsdecode(b"\xff.txt"): "x"}


def test_what_is_left_out(machine: Machine, uploads: FakeUploads, tree: Path) -> None:
    (tree / ".nullspaceignore").write_text("# logs\n*.log\nempty/\n")
    uploads.part_size = 4096
    machine.files.upload_dir(tree, "/x", conflict="replace", ignore_patterns=["/sub/*.txt", "!skip.log"])
    assert set(unpacked(uploads.content)) == {".nullspaceignore", "a.txt", "run.sh", "skip.log", "sub", "sub/link"}
    assert uploads.begun["conflict"] == "replace"


def test_directories_are_resumed(machine: Machine, uploads: FakeUploads, tree: Path) -> None:
    uploads.part_size = 2048
    uploads.fails(1, refusal(500, "internal_error"))
    with pytest.raises(FileUploadError):
        machine.files.upload_dir(tree, "/x", max_concurrency=1)
    uploads.sent.clear()
    result = machine.files.resume_upload("upl_1", tree)
    assert 0 not in uploads.sent
    assert (unpacked(uploads.content), result.file_count) == (TREE, 5)
    uploads.status = "uploading"
    (tree / "a.txt").write_text("b")
    with pytest.raises(UploadChecksumError) as caught:
        machine.files.resume_upload("upl_1", tree)
    assert caught.value.reason == "whole_checksum_mismatch"


def test_directories_that_cannot_be_sent(host: FakeHost, machine: Machine, tree: Path, tmp_path: Path) -> None:
    for target in ("/etc/passwd", "../../x", "../.."):
        (tree / "sub" / "out").symlink_to(target)
        with pytest.raises(MachineError, match="leads out") as caught:
            machine.files.upload_dir(tree, "/x")
        assert caught.value.code == "invalid_request"
        (tree / "sub" / "out").unlink()
    os.mkfifo(tree / "pipe")
    with pytest.raises(MachineError, match="pipe is neither"):
        machine.files.upload_dir(tree, "/x")
    for source in (tmp_path / "missing", tree / "a.txt"):
        with pytest.raises(MachineError, match="There is no directory"):
            machine.files.upload_dir(source, "/x")
    assert asked_for(host) == []


def test_async(uploads: FakeUploads, tree: Path) -> None:
    async def run() -> None:
        async with await AsyncMachine.create() as machine:
            uploads.part_size = 1024
            assert (await machine.files.upload(tree, "/t")).file_count == 5
            assert unpacked(uploads.content) == TREE

    asyncio.run(run())
