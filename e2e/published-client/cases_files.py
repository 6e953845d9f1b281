"""Files of a machine: read, written, listed, searched, changed."""

import uuid

from harness import case, ours_only, refused, shared, until
from nullspace import BatchWriteError, NotFoundError, errors
from places import MIB, async_place, local_place, noise, place, sha256, sha256_there, text_of


@case
def text_is_written_and_read():
    files = shared().files
    with place() as at:
        text = 'first\r\nsecond ü€🚀\n\ttab \\ "quoted" \0 end'
        info = files.write(f"{at}/a.txt", text)
        assert (info.name, info.path, info.size) == ("a.txt", f"{at}/a.txt", len(text.encode()))
        assert (info.type, info.is_dir) == ("file", False)
        assert files.read(f"{at}/a.txt") == text
        assert files.read(f"{at}/a.txt", format="text") == text
        assert files.read(f"{at}/a.txt", encoding="utf8") == text
        assert sha256_there(f"{at}/a.txt") == sha256(text.encode())
        files.write(f"{at}/a.txt", "shorter")
        assert files.read(f"{at}/a.txt") == "shorter"


@case
def bytes_are_written_and_read():
    files = shared().files
    with place() as at:
        data = bytes(range(256)) * 3
        assert files.write(f"{at}/b", data).size == len(data)
        assert files.read(f"{at}/b", format="bytes") == data
        assert files.read(f"{at}/b", encoding="base64") == data
        assert sha256_there(f"{at}/b") == sha256(data)


@case
def a_stream_is_read():
    with place() as at:
        data = noise(3 * MIB + 7)
        shared().files.write(f"{at}/s", data)
        pieces = list(shared().files.read(f"{at}/s", format="stream"))
        assert len(pieces) > 1
        assert b"".join(pieces) == data


@case
def iterators_and_file_objects_are_written():
    files = shared().files
    with place() as at, local_place() as here:
        info = files.write(f"{at}/i", iter([b"one ", b"two ", b"three"]))
        assert (info.path, info.size) == (f"{at}/i", 13)
        assert files.read(f"{at}/i") == "one two three"
        data = noise(2 * MIB + 3)
        (here / "f").write_bytes(data)
        with (here / "f").open("rb") as source:
            assert files.write(f"{at}/f", source).size == len(data)
        assert sha256_there(f"{at}/f") == sha256(data)


@case
def empty_files():
    files = shared().files
    with place() as at, local_place() as here:
        for name, content in (("text", ""), ("bytes", b""), ("iterator", iter([]))):
            path = f"{at}/{name}"
            assert files.write(path, content).size == 0
            assert files.read(path) == ""
            assert files.read(path, format="bytes") == b""
            assert b"".join(files.read(path, format="stream")) == b""
        (here / "empty").write_bytes(b"")
        for resumable in ("auto", True):
            assert files.upload_file(here / "empty", f"{at}/up", resumable=resumable).bytes_uploaded == 0
            assert files.info(f"{at}/up").size == 0


@case
def names_with_spaces_and_unicode():
    files = shared().files
    names = [
        "two words",
        "ünïcödé €",
        "日本語 🚀",
        'it\'s "quoted"',
        "a%20b&c=d+e?f#g",
        "-dash",
        "back\\slash",
        "new\nline",
    ]
    with place() as at:
        for name in names:
            path = f"{at}/{name}"
            assert files.write(path, name).path == path
            assert files.read(path) == name
            assert files.read(path, format="bytes") == name.encode()
            assert files.info(path).name == name
        assert sorted(info.name for info in files.list(at)) == sorted(names)
        assert files.search_files(at, "日本*") == [f"{at}/日本語 🚀"]


@case
def many_files_at_once():
    files = shared().files
    with place() as at:
        data = noise(300_000)
        written = files.write_files([(f"{at}/a", "text ü"), (f"{at}/deep/er/b", data), (f"{at}/c", iter([b"1", b"2"]))])
        assert [(info.path, info.size) for info in written] == [
            (f"{at}/a", 7),
            (f"{at}/deep/er/b", 300_000),
            (f"{at}/c", 2),
        ]
        assert files.read(f"{at}/a") == "text ü"
        assert files.read(f"{at}/deep/er/b", format="bytes") == data
        assert files.write_files([]) == []


@case
def some_of_many_files_fail():
    files = shared().files
    with place() as at:
        files.write(f"{at}/plain", "x")
        wanted = [(f"{at}/a", "1"), (f"{at}/plain/below", "2"), ("/workspace/.nullspace/x", "3"), (f"{at}/b", b"4")]
        try:
            answer = files.write_files(wanted)
        except BatchWriteError as error:
            assert error.code == "batch_write_partial_failure"
            assert [info.path for info in error.successes] == [f"{at}/a", f"{at}/b"]
            assert [one.path for one in error.failures] == [f"{at}/plain/below", "/workspace/.nullspace/x"]
            assert all(one.error for one in error.failures)
        else:
            raise AssertionError(f"not refused, but {answer!r}")
        assert (files.read(f"{at}/a"), files.read(f"{at}/b")) == ("1", "4")


@case
def directories_are_listed():
    files = shared().files
    with place() as at:
        text_of(f"cd {at}; mkdir -p d/e/f; echo 1 > d/e/f/deep; echo 22 > b; ln -s b c; : > a")

        def listed(**options):
            return [(info.path.removeprefix(f"{at}/"), info.type) for info in files.list(at, **options)]

        top = [("a", "file"), ("b", "file"), ("c", "symlink"), ("d", "dir")]
        assert listed() == listed(depth=1) == top
        assert listed(depth=2) == [*top, ("d/e", "dir")]
        assert sorted(listed(depth=9)) == sorted([*top, ("d/e", "dir"), ("d/e/f", "dir"), ("d/e/f/deep", "file")])
        assert [info.is_dir for info in files.list(at)] == [False, False, False, True]
        files.make_dir(f"{at}/none")
        assert files.list(f"{at}/none") == []
        assert "srv" in {info.name for info in files.list()}
        refused(lambda: files.list(f"{at}/missing"), "file_not_found", NotFoundError)


@case
def info_of_files_directories_and_symlinks():
    files = shared().files
    with place() as at:
        text_of(
            f"cd {at}; echo 1 > file; chmod 640 file; mkdir dir; chmod 2755 dir; ln -s file link; ln -s gone broken"
        )
        file, directory, link, broken = (files.info(f"{at}/{name}") for name in ("file", "dir", "link", "broken"))
        assert (file.type, file.is_dir, file.size, file.permissions, file.mode) == ("file", False, 2, "0640", "0640")
        assert (file.owner, file.group, file.symlink_target) == ("root", "root", None)
        now = float(text_of("date +%s"))
        assert abs(file.modified_time.timestamp() - now) < 300
        assert (directory.type, directory.is_dir, directory.permissions) == ("dir", True, "2755")
        assert (link.type, link.is_dir, link.symlink_target) == ("symlink", False, "file")
        assert (broken.type, broken.symlink_target) == ("symlink", "gone")
        assert files.get_info(f"{at}/file") == file
        assert files.info("/").is_dir


@case
def exists_says_whether_something_is_there():
    files = shared().files
    with place() as at:
        assert files.exists(at)
        assert files.exists(f"{at}/x") is False
        files.write(f"{at}/x", "")
        assert files.exists(f"{at}/x") is True
        assert files.exists(f"{at}/x/below") is False


@case
def files_are_renamed():
    files = shared().files
    with place() as at:
        files.write(f"{at}/old", "1")
        info = files.rename(f"{at}/old", f"{at}/new ü")
        assert (info.path, info.name, info.size) == (f"{at}/new ü", "new ü", 1)
        assert not files.exists(f"{at}/old")
        files.write(f"{at}/other", "2")
        files.rename(f"{at}/other", f"{at}/new ü")
        assert files.read(f"{at}/new ü") == "2"
        files.make_dir(f"{at}/d/e")
        files.rename(f"{at}/d", f"{at}/f")
        assert files.info(f"{at}/f/e").is_dir
        refused(lambda: files.rename(f"{at}/missing", f"{at}/x"), "file_not_found", NotFoundError)


@case
def files_are_removed():
    files = shared().files
    with place() as at:
        text_of(f"cd {at}; mkdir -p d/e; echo 1 > d/e/f; echo 2 > kept; ln -s kept link; ln -s d way")
        assert files.remove(f"{at}/link") is None
        files.remove(f"{at}/way")
        assert files.read(f"{at}/kept") == "2\n"
        assert files.read(f"{at}/d/e/f") == "1\n"
        files.remove(f"{at}/d")
        assert [info.name for info in files.list(at)] == ["kept"]
        refused(lambda: files.remove(f"{at}/d"), "file_not_found", NotFoundError)


@case
def directories_are_made():
    files = shared().files
    with place() as at:
        assert files.make_dir(f"{at}/a/b/c") is True
        assert files.make_dir(f"{at}/a/b/c") is True
        assert files.info(f"{at}/a/b/c").is_dir
        files.write(f"{at}/file", "")
        refused(lambda: files.make_dir(f"{at}/file"), "file_error")


@case
def permissions_are_set():
    files = shared().files
    with place() as at:
        files.write(f"{at}/x", "#!/bin/sh\necho ran\n")
        assert files.set_permissions(f"{at}/x", "0755") is None
        assert files.info(f"{at}/x").permissions == "0755"
        assert text_of(f"{at}/x") == "ran\n"
        files.set_permissions(f"{at}/x", "600")
        assert files.info(f"{at}/x").permissions == "0600"
        files.write(f"{at}/x", "again")
        assert files.info(f"{at}/x").permissions == "0600"
        refused(lambda: files.set_permissions(f"{at}/x", "rwx"), "invalid_request")
        refused(lambda: files.set_permissions(f"{at}/missing", "0644"), "file_not_found", NotFoundError)


@case
def lines_are_found():
    files = shared().files
    with place() as at:
        files.write(f"{at}/a.py", "import os\nimport sys\nx = 1\n")
        files.write(f"{at}/d/b.py", "# import none\n  import re\n")
        files.write(f"{at}/d/bin", b"import \0 binary")
        found = files.find_files(at, r"^\s*import \w+")
        assert sorted((one.file, one.line, one.content) for one in found) == [
            (f"{at}/a.py", 1, "import os"),
            (f"{at}/a.py", 2, "import sys"),
            (f"{at}/d/b.py", 2, "  import re"),
        ]
        assert [(one.file, one.line) for one in files.find_files(at, "x = 1")] == [(f"{at}/a.py", 3)]
        files.write(f"{at}/c", "a call( here")
        assert [one.file for one in files.find_files(at, "call(")] == [f"{at}/c"]
        assert files.find_files(at, "nowhere") == []
        refused(lambda: files.find_files(f"{at}/missing", "x"), "file_not_found", NotFoundError)


@case
def names_are_searched():
    files = shared().files
    with place() as at:
        files.write_files([(f"{at}/{name}", "") for name in ("a.py", "b.txt", "d/c.py", "d/e/f.py")])
        assert sorted(files.search_files(at, "*.py")) == [f"{at}/a.py", f"{at}/d/c.py", f"{at}/d/e/f.py"]
        assert files.search_files(at, "d/*.py") == [f"{at}/d/c.py"]
        assert sorted(files.search_files(at, "d/**/*.py")) == [f"{at}/d/c.py", f"{at}/d/e/f.py"]
        assert files.search_files(at, "?.txt") == [f"{at}/b.txt"]
        assert files.search_files(at, "*.none") == []


@case
def text_is_replaced():
    files = shared().files
    with place() as at:
        files.write(f"{at}/a", "x.y x.y\nxzy\n")
        files.write(f"{at}/b", "x.y")
        files.write(f"{at}/c", "none")
        assert files.replace_in_files([f"{at}/a", f"{at}/b", f"{at}/c"], "x.y", "$1 ü") == 3
        assert files.read(f"{at}/a") == "$1 ü $1 ü\nxzy\n"
        assert files.read(f"{at}/b") == "$1 ü"
        assert files.replace_in_files([f"{at}/c"], "x.y", "z") == 0


@case
def the_reserved_path_is_refused():
    files = shared().files
    for path in (
        "/workspace/.nullspace",
        "/workspace/.nullspace/x",
        "/workspace/a/../.nullspace/x",
        ".nullspace/x",
        "//workspace/.//.nullspace",
    ):
        for call in (
            lambda path=path: files.read(path),
            lambda path=path: files.read(path, format="bytes"),
            lambda path=path: files.write(path, "x"),
            lambda path=path: files.write(path, iter([b"x"])),
            lambda path=path: files.list(path),
            lambda path=path: files.make_dir(path),
            lambda path=path: files.remove(path),
            lambda path=path: files.info(path),
            lambda path=path: files.download_url(path),
        ):
            refused(call, "invalid_request")
    with place() as at:
        files.write(f"{at}/x", "x")
        refused(lambda: files.rename(f"{at}/x", "/workspace/.nullspace"), "invalid_request")
        text_of(f"ln -s /workspace {at}/way")
        refused(lambda: files.write(f"{at}/way/.nullspace/x", "x"), "invalid_request")
        assert files.read(f"{at}/x") == "x"


@case
def files_belong_to_their_user():
    files = shared().files
    name = f"u{uuid.uuid4().hex[:8]}"
    text_of(f"useradd -m {name}")
    try:
        info = files.write("note", "mine", user=name)
        assert (info.path, info.owner) == (f"/home/{name}/note", name)
        assert text_of(f"stat -c %U /home/{name}/note") == f"{name}\n"
        assert files.read("note", user=name) == "mine"
        assert files.read("note", format="bytes", user=name) == b"mine"
        assert files.read(f"/home/{name}/note") == "mine"
        assert files.write("stream", iter([b"x"]), user=name).owner == name
        assert [info.owner for info in files.write_files([("many", "x")], user=name)] == [name]
        files.make_dir("dir", user=name)
        assert files.info("dir", user=name).owner == name
        assert {info.name for info in files.list(f"/home/{name}", user=name)} >= {"note", "stream", "many", "dir"}
        with local_place() as here:
            (here / "up").write_text("up")
            assert files.upload_file(here / "up", user=name).target_path == f"/home/{name}/up"
            assert (
                files.upload_file(here / "up", "parts", user=name, resumable=True).target_path == f"/home/{name}/parts"
            )
        assert [files.info(path, user=name).owner for path in ("up", "parts")] == [name, name]
        for call in (
            lambda: files.read("/etc/shadow", user=name),
            lambda: files.write("/etc/motd", "x", user=name),
            lambda: files.remove("/etc/passwd", user=name),
            lambda: files.list("/root", user=name),
        ):
            refused(call, "permission_denied", errors.PermissionError)
        refused(lambda: files.read("x", user="nobody-knows"), "invalid_request")
    finally:
        # A process of the user's lives on for a moment.
        until(lambda: shared().commands.run(f"userdel -r {name}", shell=True).exit_code == 0)


@case
def relative_paths_begin_at_the_working_directory():
    files = shared().files
    name = f"relative-{uuid.uuid4().hex[:8]}"
    assert files.write(name, "x").path == f"/workspace/{name}"
    assert files.read(f"./../workspace/{name}") == "x"
    files.remove(name)


@case
def what_is_missing_is_not_found():
    files = shared().files
    with place() as at:
        for call in (
            lambda: files.read(f"{at}/missing"),
            lambda: files.read(f"{at}/missing", format="bytes"),
            lambda: list(files.read(f"{at}/missing", format="stream")),
            lambda: files.info(f"{at}/missing"),
        ):
            refused(call, "file_not_found", NotFoundError)
        refused(lambda: files.read(at), "file_error")
        refused(lambda: files.write(at, "x"), "file_error")


@case
def large_texts_and_bytes_go_through_json():
    files = shared().files
    with place() as at:
        text = "line ü€ 0123456789\n" * (20 * MIB // 22)
        assert files.write(f"{at}/text", text).size == len(text.encode())
        assert sha256_there(f"{at}/text") == sha256(text.encode())
        assert files.read(f"{at}/text") == text
        data = noise(20 * MIB)
        assert files.write(f"{at}/data", data).size == len(data)
        assert sha256_there(f"{at}/data") == sha256(data)


@case
async def async_files():
    async def pieces():
        yield b"one "
        yield b"two"

    async with async_place() as (files, at):
        assert (await files.write(f"{at}/a", "text ü")).size == 7
        assert await files.read(f"{at}/a") == "text ü"
        assert (await files.write(f"{at}/b", pieces())).size == 7
        assert await files.read(f"{at}/b", format="bytes") == b"one two"
        stream = await files.read(f"{at}/b", format="stream")
        assert b"".join([piece async for piece in stream]) == b"one two"
        assert [info.name for info in await files.list(at)] == ["a", "b"]
        try:
            await files.read(f"{at}/missing", format="bytes")
        except NotFoundError as error:
            assert error.code == "file_not_found"
        else:
            raise AssertionError("not refused")


@ours_only
def names_that_are_no_utf8():
    files = shared().files
    with place() as at:
        path = f"{at}/odd-\udcff"
        assert files.write(path, "x").path == path
        assert text_of(f"ls {at} | od -An -tx1").split() == ["6f", "64", "64", "2d", "ff", "0a"]
        assert [info.path for info in files.list(at)] == [path]
        assert files.read(path, format="bytes") == b"x"
        assert files.write(path, iter([b"yy"])).size == 2
        told = []
        with files.watch_dir(at, told.append):
            files.remove(path)
            until(lambda: any((event.type, event.path) == ("remove", path) for event in told))
        assert not files.exists(path)


@ours_only
def writes_append_and_replacements_are_counted():
    files = shared().files
    with place() as at:
        files.write(f"{at}/log", "one\n", mode="0600")
        files.write(f"{at}/log", "two\n", append=True)
        files.write(f"{at}/log", iter([b"three\n"]), append=True)
        assert files.read(f"{at}/log") == "one\ntwo\nthree\n"
        assert files.info(f"{at}/log").permissions == "0600"
        assert files.replace_in_files([f"{at}/log"], "t", "T", dry_run=True) == 2
        assert files.read(f"{at}/log") == "one\ntwo\nthree\n"
