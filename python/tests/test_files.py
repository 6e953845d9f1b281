"""Calls about files: what is sent, what is made of the answers."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from fakehost import DROP, MACHINE, Answer, Asked, FakeHost, refusal
from nullspace import (
    AsyncMachine,
    BatchWriteError,
    BatchWriteFailure,
    FileInfo,
    Machine,
    MachineError,
    NotFoundError,
    PermissionError,
    SearchMatch,
    UploadUrl,
)
from nullspace._operations import files as operations

INFO: dict[str, Any] = {
    "name": "a.txt",
    "path": "/workspace/a.txt",
    "is_dir": False,
    "size": 2,
    "type": "file",
    "mode": "0644",
    "permissions": "0644",
    "owner": "root",
    "group": "root",
    "modified_time": "2026-01-02T03:04:05.678Z",
}
CREATED = Answer(201, MACHINE)
DONE = Answer(204)
BASE = "/v1/machines/mch_a"


@pytest.fixture
def machine(host: FakeHost) -> Iterator[Machine]:
    host.says(CREATED)
    with Machine.create() as machine:
        host.asked.clear()
        yield machine
        host.says(Answer(200, {"id": "mch_a", "status": "destroyed"}))


def last(host: FakeHost) -> tuple[str, str, Any]:
    asked = host.asked[-1]
    return asked.method, asked.path.removeprefix(BASE), asked.body if asked.content else asked.query


CALLS: list[tuple[Callable[[Machine], Any], Answer, tuple[str, str, Any], Any]] = [
    (
        lambda m: m.files.read("/a"),
        Answer(200, {"content": "ü", "encoding": "utf8", "size": 2}),
        ("POST", "/files/read", {"path": "/a", "encoding": "utf8"}),
        "ü",
    ),
    (
        lambda m: m.files.read("/a", encoding="base64", user="u"),
        Answer(200, raw=b"\x00\xff"),
        ("GET", "/file", {"path": "/a", "user": "u"}),
        b"\x00\xff",
    ),
    (
        lambda m: m.files.write("/a", "ü"),
        Answer(200, INFO),
        ("POST", "/files/write", {"path": "/a", "content": "ü", "encoding": "utf8"}),
        FileInfo.from_wire(INFO),
    ),
    (
        lambda m: m.files.write("/a", b"\x00\xff", user=" u ", append=True, mode="0600"),
        Answer(200, INFO),
        (
            "POST",
            "/files/write",
            {"path": "/a", "content": "AP8=", "encoding": "base64", "append": True, "mode": "0600", "user": "u"},
        ),
        FileInfo.from_wire(INFO),
    ),
    (
        lambda m: m.files.list(),
        Answer(200, [INFO]),
        ("GET", "/files", {"path": "/"}),
        [FileInfo.from_wire(INFO)],
    ),
    (
        lambda m: m.files.list("/a", depth=3, user="u"),
        Answer(200, []),
        ("GET", "/files", {"path": "/a", "depth": "3", "user": "u"}),
        [],
    ),
    (lambda m: m.files.exists("/a"), Answer(200, {"exists": False}), ("POST", "/files/exists", {"path": "/a"}), False),
    (
        lambda m: m.files.get_info("/a", user=""),
        Answer(200, INFO),
        ("POST", "/files/info", {"path": "/a"}),
        FileInfo.from_wire(INFO),
    ),
    (lambda m: m.files.make_dir("/a"), DONE, ("POST", "/files/mkdir", {"path": "/a"}), True),
    (lambda m: m.files.remove("/a", user="u"), DONE, ("POST", "/files/remove", {"path": "/a", "user": "u"}), None),
    (
        lambda m: m.files.rename("/a", "/b"),
        Answer(200, INFO),
        ("POST", "/files/rename", {"old_path": "/a", "new_path": "/b"}),
        FileInfo.from_wire(INFO),
    ),
    (
        lambda m: m.files.set_permissions("/a", "0755"),
        DONE,
        ("POST", "/files/permissions", {"path": "/a", "permissions": "0755"}),
        None,
    ),
    (
        lambda m: m.files.find_files("/a", "x+"),
        Answer(200, [{"file": "/a/b", "line": 3, "content": "xx"}]),
        ("POST", "/files/find", {"path": "/a", "pattern": "x+"}),
        [SearchMatch("/a/b", 3, "xx")],
    ),
    (
        lambda m: m.files.search_files("/a", "*.py"),
        Answer(200, ["/a/b.py"]),
        ("POST", "/files/search", {"path": "/a", "pattern": "*.py"}),
        ["/a/b.py"],
    ),
    (
        lambda m: m.files.replace_in_files(["/a"], "x", "y", dry_run=True, user="u"),
        Answer(200, {"replacements": 2}),
        ("POST", "/files/replace", {"files": ["/a"], "pattern": "x", "replacement": "y", "dry_run": True, "user": "u"}),
        2,
    ),
    (
        lambda m: m.download_url("/a"),
        Answer(200, {"url": "http://h/x"}),
        ("POST", "/files/download-url", {"path": "/a"}),
        "http://h/x",
    ),
    (
        lambda m: m.files.upload_url("/a"),
        Answer(200, {"url": "http://h/x", "token": "t"}),
        ("POST", "/files/upload-url", {"path": "/a"}),
        UploadUrl("http://h/x", "t"),
    ),
]


@pytest.mark.parametrize(("call", "answer", "asked", "value"), CALLS)
def test_what_is_sent_and_what_comes_of_it(
    host: FakeHost, machine: Machine, call: Callable[[Machine], Any], answer: Answer, asked: Any, value: Any
) -> None:
    host.says(answer)
    assert call(machine) == value
    assert last(host) == asked


def test_info_is_read_whole(host: FakeHost, machine: Machine) -> None:
    host.says(Answer(200, {**INFO, "type": "symlink", "symlink_target": "b"}))
    info = machine.files.info("/a")
    assert (info.type, info.symlink_target, info.mode) == ("symlink", "b", "0644")
    assert (info.modified_time.year, info.modified_time.utcoffset() is not None) == (2026, True)


def test_names_that_are_no_utf8(host: FakeHost, machine: Machine) -> None:
    name = "/a b/ü\udcff+&"
    host.says(Answer(200, {"exists": True}), Answer(200, raw=b"x"), Answer(200, [{**INFO, "name": name}]))
    assert machine.files.exists(name)
    assert host.asked[-1].body == {"path": name}
    assert b"\\udcff" in host.asked[-1].content
    assert machine.files.read(name, format="bytes") == b"x"
    assert host.asked[-1].target.endswith("/file?path=%2Fa%20b%2F%C3%BC%FF%2B%26")
    assert machine.files.list("/")[0].name == name


def test_a_name_that_is_no_text_at_all_is_refused(host: FakeHost, machine: Machine) -> None:
    with pytest.raises(MachineError) as caught:
        machine.files.list("/\ud800")
    assert caught.value.code == "invalid_request"
    assert host.asked == []


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"format": "html"}, "format"),
        ({"encoding": "latin1"}, "encoding"),
        ({"format": "text", "encoding": "utf8"}, "either"),
    ],
)
def test_formats_that_are_none(machine: Machine, options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        machine.files.read("/a", **options)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("file_not_found", 404, NotFoundError),
        ("permission_denied", 403, PermissionError),
        ("file_error", 409, MachineError),
    ],
)
def test_refusals(host: FakeHost, machine: Machine, code: str, status: int, kind: type[MachineError]) -> None:
    for call in (
        lambda: machine.files.read("/a"),
        lambda: machine.files.read("/a", format="bytes"),
        lambda: list(machine.files.read("/a", format="stream")),
        lambda: machine.files.write("/a", iter([b"x"])),
    ):
        host.says(refusal(status, code))
        with pytest.raises(MachineError) as caught:
            call()
        assert (type(caught.value), caught.value.code, caught.value.request_id) == (kind, code, "req_1")


def test_a_stream_is_given_as_it_comes(host: FakeHost, machine: Machine) -> None:
    go_on = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first"
        assert go_on.wait(10)
        yield b"second"

    host.says(Answer(200, pieces=pieces()))
    stream = machine.files.read("/a", format="stream")
    assert host.asked == []
    assert next(stream) == b"first"
    go_on.set()
    assert b"".join(stream) == b"second"


def test_a_cut_is_an_error(host: FakeHost, machine: Machine) -> None:
    host.says(*[Answer(200, raw=b"only this", length=100)] * 2)
    with pytest.raises(MachineError, match="connection was lost") as caught:
        machine.files.read("/a", format="bytes")
    assert caught.value.code == "transport_error"
    seen: list[bytes] = []
    with pytest.raises(MachineError, match="connection was lost"):
        seen.extend(machine.files.read("/a", format="stream"))
    assert seen == [b"only this"]


def test_a_read_is_tried_again(host: FakeHost, machine: Machine, waits: list[float]) -> None:
    host.says(DROP, Answer(200, {"content": "x"}), DROP, Answer(200, raw=b"y"))
    machine = reopened(host)
    assert (machine.files.read("/a"), machine.files.read("/a", format="bytes")) == ("x", b"y")
    assert waits == [0.5, 0.5]
    machine.close()


def reopened(host: FakeHost) -> Machine:
    """With the waits of the test, which must be there before the machine is."""
    host.answers.appendleft(Answer(200, MACHINE))
    return Machine.connect("mch_a")


def sources() -> dict[str, Any]:
    return {
        "iterator": iter([b"ab", "c", bytearray(b"d")]),
        "file": io.BytesIO(b"abcd"),
        "text file": io.StringIO("abcd"),
        "list": [b"abcd"],
    }


@pytest.mark.parametrize("name", sources())
def test_write_of_what_is_read_piece_by_piece(host: FakeHost, machine: Machine, name: str) -> None:
    host.says(DONE, Answer(200, INFO))
    assert machine.files.write("/a b", sources()[name], user="u").path == "/workspace/a.txt"
    put, info = host.asked
    assert (put.method, put.path, put.query) == ("PUT", f"{BASE}/file", {"path": "/a b", "user": "u"})
    assert put.content == b"abcd"
    assert put.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Type" not in put.headers
    assert info.body == {"path": "/a b", "user": "u"}


def test_a_write_is_sent_as_it_is_read(host: FakeHost, machine: Machine) -> None:
    heard = threading.Event()
    host.heard = lambda _: heard.set()
    host.says(DONE, Answer(200, INFO))

    def pieces() -> Iterator[bytes]:
        yield b"first"
        assert heard.wait(10), "the first piece was not sent before the second was asked for"
        yield b"second"

    machine.files.write("/a", pieces(), append=True)
    assert host.asked[0].query == {"path": "/a", "append": "true"}


def test_what_can_be_read_once_is_sent_once(host: FakeHost, waits: list[float]) -> None:
    machine = reopened(host)
    for answer in (DROP, refusal(429, "rate_limit_exceeded"), refusal(409, "transition_in_progress")):
        host.asked.clear()
        host.says(answer)
        with pytest.raises(MachineError):
            machine.files.write("/a", iter([b"x"]))
        assert len(host.asked) == 1
    assert waits == []
    machine.close()


def test_an_append_is_not_repeated_but_a_write_is(host: FakeHost, waits: list[float]) -> None:
    machine = reopened(host)
    host.says(DROP, Answer(200, INFO), DROP)
    machine.files.write("/a", "x")
    with pytest.raises(MachineError, match="lost"):
        machine.files.write("/a", "x", append=True)
    assert waits == [0.5]
    machine.close()


def test_large_bytes_are_not_put_into_json(host: FakeHost, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "JSON_BYTES", 3)
    host.says(DONE, Answer(200, INFO), Answer(200, INFO))
    machine.files.write("/a", "üü")
    assert (host.asked[0].method, host.asked[0].content) == ("PUT", "üü".encode())
    machine.files.write("/a", b"abc")
    assert base64.b64decode(host.asked[-1].body["content"]) == b"abc"


def test_contents_that_are_none(host: FakeHost, machine: Machine) -> None:
    for content in (5, [5], None):
        with pytest.raises(TypeError, match="contents of a file"):
            machine.files.write("/a", content)
    with pytest.raises(MachineError, match="mode"):
        machine.files.write("/a", iter([b"x"]), mode="0600")


def parts_of(asked: Asked) -> list[tuple[str, bytes]]:
    kind, _, boundary = asked.headers["Content-Type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    *parts, end = asked.content.split(f"--{boundary}".encode())[1:]
    assert end == b"--\r\n"
    split = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n") for part in parts]
    return [(head.decode(), content) for head, _, content in split]


def test_many_files_at_once(host: FakeHost, machine: Machine) -> None:
    host.says(Answer(200, {"results": [{"status": "success", "path": "/a", "info": INFO}] * 3}))
    written = machine.files.write_files([("/a", "ü"), ("/\udcff", b"\r\n--x"), ("/c", iter([b"1", b"2"]))], user="u")
    assert [info.path for info in written] == ["/workspace/a.txt"] * 3
    (head, manifest), *contents = parts_of(host.asked[0])
    assert 'name="manifest"' in head
    assert manifest == (
        b'{"files": [{"path": "/a", "field": "file0"}, {"path": "/\\udcff", "field": "file1"},'
        b' {"path": "/c", "field": "file2"}], "user": "u"}'
    )
    assert [content for _, content in contents] == ["ü".encode(), b"\r\n--x", b"12"]
    assert 'name="file2"; filename="file2.bin"\r\nContent-Type: application/octet-stream' in contents[2][0]
    assert host.asked[0].path == f"{BASE}/files/batch-write"


def test_no_files_at_once(host: FakeHost, machine: Machine) -> None:
    assert machine.files.write_files([]) == []
    assert host.asked == []


def test_some_of_many_files_fail(host: FakeHost, machine: Machine) -> None:
    failed = {"status": "error", "path": "/b", "error": "is a directory"}
    host.says(Answer(200, {"results": [{"status": "success", "path": "/a", "info": INFO}, failed]}))
    with pytest.raises(BatchWriteError, match="1 of 2 files") as caught:
        machine.files.write_files([("/a", "x"), ("/b", "y")])
    assert caught.value.code == "batch_write_partial_failure"
    assert [info.path for info in caught.value.successes] == ["/workspace/a.txt"]
    assert caught.value.failures == [BatchWriteFailure("/b", "is a directory")]


def test_async(host: FakeHost) -> None:
    class Awaited:
        def __init__(self) -> None:
            self.left = [b"x", b"y", b""]

        async def read(self, size: int) -> bytes:
            return self.left.pop(0)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"

    async def run() -> None:
        host.says(CREATED)
        async with await AsyncMachine.create() as machine:
            host.says(*[DONE, Answer(200, INFO)] * 3)
            await machine.files.write("/a", pieces())
            await machine.files.write("/a", Awaited())
            await machine.files.write("/a", io.BytesIO(b"file"))
            assert [asked.content for asked in host.asked if asked.method == "PUT"] == [b"12", b"xy", b"file"]
            host.says(Answer(200, {"results": [{"status": "success", "path": "/a", "info": INFO}] * 2}))
            await machine.files.write_files([("/a", pieces()), ("/b", b"x")])
            assert [content for _, content in parts_of(host.asked[-1])][1:] == [b"12", b"x"]
            host.says(Answer(200, pieces=[b"a", b"b"]), Answer(200, raw=b"ab"), refusal(404, "file_not_found"))
            stream = await machine.files.read("/a", format="stream")
            assert b"".join([piece async for piece in stream]) == b"ab"
            assert await machine.files.read("/a", format="bytes") == b"ab"
            with pytest.raises(NotFoundError):
                await machine.files.read("/a", format="bytes")
            host.says(Answer(200, {"url": "u", "token": "t"}))
            assert await machine.upload_url("/a") == "u"
            host.says(Answer(200, {"id": "mch_a", "status": "destroyed"}))

    asyncio.run(run())
