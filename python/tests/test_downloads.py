"""Downloads, and archives that are not to be trusted."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakehost import MACHINE, Answer, FakeHost, refusal
from nullspace import AsyncMachine, DownloadProgress, Machine, MachineError, NotFoundError


@pytest.fixture
def machine(host: FakeHost) -> Iterator[Machine]:
    host.says(Answer(201, MACHINE))
    with Machine.create() as machine:
        host.asked.clear()
        yield machine
        host.says(Answer(200, {"id": "mch_a", "status": "destroyed"}))


def tar(*members: tuple[str, dict[str, Any]]) -> bytes:
    """Of names and attributes of TarInfo; ``content`` makes a file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, attributes in members:
            info = tarfile.TarInfo(name)
            content = attributes.pop("content", b"")
            for key, value in {"mtime": 1000, "size": len(content), **attributes}.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


DIRECTORY = {"type": tarfile.DIRTYPE}


def symlink(target: str) -> dict[str, Any]:
    return {"type": tarfile.SYMTYPE, "linkname": target}


def seen(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_file(host: FakeHost, machine: Machine, tmp_path: Path) -> None:
    told: list[DownloadProgress] = []
    host.says(Answer(200, raw=b"abc"), Answer(200, raw=b"def"))
    result = machine.files.download_file("/srv/x.bin", tmp_path / "new" / "y", user="u", progress=told.append)
    assert host.asked[0].query == {"path": "/srv/x.bin", "user": "u"}
    assert (tmp_path / "new" / "y").read_bytes() == b"abc"
    assert (result.path, result.kind, result.bytes_downloaded, result.extracted) == (
        str(tmp_path / "new" / "y"),
        "file",
        3,
        False,
    )
    assert [(one.phase, one.bytes_completed, one.bytes_total, one.transport) for one in told] == [
        ("downloading", 3, 3, "direct"),
        ("completed", 3, 3, "direct"),
    ]
    machine.files.download_file("/srv/x.bin", tmp_path / "new")
    assert (tmp_path / "new" / "x.bin").read_bytes() == b"def"
    assert seen(tmp_path / "new") == ["x.bin", "y"]


def test_by_default_it_has_the_same_name_here(
    host: FakeHost, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    host.says(Answer(200, raw=b"abc"), Answer(200, raw=tar(("a", {"content": b"1"}))))
    assert machine.files.download_file("/srv/x.bin").path == "x.bin"
    assert machine.files.download_dir("/srv/d/").path == "d"
    assert (tmp_path / "d" / "a").read_bytes() == b"1"
    for call in (machine.files.download_file, machine.files.download_dir):
        with pytest.raises(MachineError, match="local path must be given"):
            call("/")


def test_nothing_is_written_over(host: FakeHost, machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("old")
    for call in (machine.files.download_file, machine.files.download_dir):
        with pytest.raises(MachineError, match="something at") as caught:
            call("/x", file)
        assert caught.value.code == "invalid_request"
    assert host.asked == []
    host.says(Answer(200, raw=b"new"), Answer(200, raw=tar(("a", {"content": b"1"}))))
    machine.files.download_file("/x", file, overwrite=True)
    assert file.read_text() == "new"
    machine.files.download_dir("/x", file, overwrite=True)
    assert seen(tmp_path) == ["home", "work", "x", "x/a"]


@pytest.mark.parametrize("is_directory", [False, True])
def test_a_failure_leaves_nothing_and_what_was_there(
    host: FakeHost, machine: Machine, tmp_path: Path, is_directory: bool
) -> None:
    old = tmp_path / "d" / "x"
    old.mkdir(parents=True)
    (old / "kept").write_text("kept")
    call: Callable[..., Any] = machine.files.download_dir if is_directory else machine.files.download_file
    target = old if is_directory else old / "kept"
    told: list[DownloadProgress] = []
    host.says(Answer(200, raw=b"abc", length=100), refusal(404, "file_not_found"))
    with pytest.raises(MachineError, match="connection was lost"):
        call("/x", target, overwrite=True, progress=told.append)
    assert (told[-1].phase, told[-1].bytes_completed) == ("failed", 3)
    with pytest.raises(NotFoundError):
        call("/x", target, overwrite=True)
    assert seen(tmp_path / "d") == ["x", "x/kept"]
    assert (old / "kept").read_text() == "kept"


def test_a_callback_that_raises_of_a_failure_does_not_hide_it(host: FakeHost, machine: Machine, tmp_path: Path) -> None:
    def stop(progress: DownloadProgress) -> None:
        if progress.phase == "failed":
            raise KeyError("stop")

    for call in (machine.files.download_file, machine.files.download_dir):
        host.says(refusal(404, "file_not_found"))
        with pytest.raises(NotFoundError):
            call("/x", tmp_path / "x", progress=stop)


def test_a_directory(host: FakeHost, machine: Machine, tmp_path: Path) -> None:
    archive = tar(
        ("sub", {**DIRECTORY, "mode": 0o555}),
        ("sub/a", {"content": b"1", "mode": 0o4755}),
        ("./b", {"content": b"2", "mode": 0o600}),
        (os.fsdecode(b"sub/\xff"), {"content": b"3"}),
        ("sub/link", symlink("../b")),
        ("hard", {"type": tarfile.LNKTYPE, "linkname": "sub/a"}),
        ("no/entry/of/its/own", {"content": b"4"}),
        ("empty", DIRECTORY),
    )
    told: list[DownloadProgress] = []
    host.says(Answer(200, pieces=[archive[:700], archive[700:]]))
    result = machine.files.download_dir("/srv/d", tmp_path / "d", user="u", progress=told.append)
    assert host.asked[0].query == {"path": "/srv/d", "user": "u", "archive": "tar"}
    root = tmp_path / "d"
    assert (root / "sub" / "link").read_bytes() == (root / "b").read_bytes() == b"2"
    assert (root / "no/entry/of/its/own").read_bytes() == b"4"
    assert Path(os.fsdecode(bytes(root) + b"/sub/\xff")).read_bytes() == b"3"
    assert (root / "hard").samefile(root / "sub" / "a")
    assert [path.stat().st_mode & 0o7777 for path in (root / "sub" / "a", root / "b", root / "sub")] == [
        0o755,
        0o600,
        0o755,
    ]
    assert (root / "b").stat().st_mtime == (root / "empty").stat().st_mtime == 1000
    assert (result.kind, result.extracted, result.bytes_downloaded) == ("directory", True, len(archive))
    assert [one.phase for one in told][-2:] == ["extracting", "completed"]
    assert told[-1].bytes_total is None
    assert seen(tmp_path) == sorted(["home", "work", "d", *(f"d/{name}" for name in seen(root))])


def test_an_archive_as_it_is(host: FakeHost, machine: Machine, tmp_path: Path) -> None:
    host.says(Answer(200, raw=b"any bytes"))
    result = machine.files.download_dir("/srv/d", tmp_path, archive=True)
    assert (result.path, result.kind, result.archive_format) == (str(tmp_path / "d.tar"), "directory_archive", "tar")
    assert (tmp_path / "d.tar").read_bytes() == b"any bytes"


EVIL = {
    "up": tar(("../out", {"content": b"x"})),
    "up inside": tar(("a/../../out", {"content": b"x"})),
    "absolute": tar(("/tmp/out", {"content": b"x"})),
    "twice": tar(("a", {"content": b"x"}), ("a", {"content": b"y"})),
    "through a file": tar(("a", {"content": b"x"}), ("a/b", {"content": b"y"})),
    "hard link out": tar(("a", {"type": tarfile.LNKTYPE, "linkname": "../out"})),
    "hard link to nothing": tar(("a", {"type": tarfile.LNKTYPE, "linkname": "b"})),
    "symlink over a file": tar(("a", {"content": b"x"}), ("a", symlink("b"))),
    "cut": tar(("a", {"content": b"x" * 5000}))[:1500],
    "no tar": b"x" * 2000,
}


@pytest.mark.parametrize("name", EVIL)
def test_archives_that_are_not_as_they_should_be(host: FakeHost, machine: Machine, tmp_path: Path, name: str) -> None:
    (tmp_path / "out").write_text("kept")
    host.says(Answer(200, raw=EVIL[name]))
    with pytest.raises(MachineError, match="cannot be unpacked") as caught:
        machine.files.download_dir("/d", tmp_path / "d")
    assert caught.value.code == "invalid_response"
    assert seen(tmp_path) == ["home", "out", "work"]
    assert (tmp_path / "out").read_text() == "kept"


def test_nothing_is_written_through_a_symlink(host: FakeHost, machine: Machine, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    # With one that leads out it is written next to it, into a directory of the same name.
    host.says(Answer(200, raw=tar(("a", symlink(str(outside))), ("a/b", {"content": b"x"}))))
    machine.files.download_dir("/d", tmp_path / "d")
    assert (tmp_path / "d" / "a" / "b").read_bytes() == b"x"
    assert seen(outside) == []


def test_what_is_left_out(host: FakeHost, machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "secret").write_text("x")
    archive = tar(
        ("kept", {"content": b"x"}),
        ("absolute", symlink("/etc/passwd")),
        ("up", symlink("../secret")),
        # Each stays inside by its own words; the second leads out by way of the first.
        ("deep/er/first", symlink("../..")),
        ("second", symlink("deep/er/first/../secret")),
        ("dangling", symlink("not/there")),
        ("pipe", {"type": tarfile.FIFOTYPE}),
        ("device", {"type": tarfile.CHRTYPE}),
    )
    host.says(Answer(200, raw=archive))
    with caplog.at_level(logging.WARNING, logger="nullspace"):
        machine.files.download_dir("/d", tmp_path / "d")
    assert seen(tmp_path / "d") == ["dangling", "deep", "deep/er", "deep/er/first", "kept"]
    assert [message.partition(" ")[0] for message in caplog.messages] == ["absolute", "up", "pipe", "device", "second"]


def test_async(host: FakeHost, tmp_path: Path) -> None:
    async def run() -> None:
        host.says(Answer(201, MACHINE), Answer(200, raw=b"abc"), Answer(200, raw=tar(("a", {"content": b"1"}))))
        async with await AsyncMachine.create() as machine:
            await machine.files.download_file("/x", tmp_path / "x")
            await machine.files.download_dir("/d", tmp_path / "d")
            host.says(refusal(404, "file_not_found"), Answer(200, {"id": "mch_a", "status": "destroyed"}))
            with pytest.raises(NotFoundError):
                await machine.files.download_file("/x", tmp_path / "y")

    asyncio.run(run())
    assert seen(tmp_path) == ["d", "d/a", "home", "work", "x"]
