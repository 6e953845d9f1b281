"""Files and directories between here and a machine: uploads, whole and resumed, and downloads."""

import os

import httpx
from harness import case, ours_only, refused, shared
from nullspace import FileUploadError, NotFoundError, UploadChecksumError, UploadConflictError
from places import MIB, async_place, local_place, make_tree, noise, place, sha256, sha256_there, text_of


@case
def small_files_are_uploaded_in_one_request():
    files = shared().files
    with place() as at, local_place() as here:
        data = noise(MIB)
        (here / "data.bin").write_bytes(data)
        told = []
        result = files.upload_file(here / "data.bin", f"{at}/", progress=told.append)
        assert (result.transport, result.target_path, result.bytes_uploaded) == ("direct", f"{at}/data.bin", MIB)
        assert (result.file_count, result.resumed, result.upload_id, result.kind) == (1, False, None, "file")
        assert sha256_there(f"{at}/data.bin") == sha256(data)
        assert (told[0].phase, told[-1].phase, told[-1].bytes_completed) == ("created", "completed", MIB)
        with (here / "data.bin").open("rb") as source:
            source.seek(1000)
            assert files.upload(source, f"{at}/rest").bytes_uploaded == MIB - 1000
        assert sha256_there(f"{at}/rest") == sha256(data[1000:])
        assert files.upload_file(iter([b"one", b"two"]), f"{at}/pieces").bytes_uploaded == 6
        assert files.read(f"{at}/pieces") == "onetwo"


@case
def large_files_are_uploaded_in_parts():
    files = shared().files
    with place() as at, local_place() as here:
        data = noise(12 * MIB)
        (here / "large").write_bytes(data)
        told = []
        result = files.upload_file(here / "large", f"{at}/large", progress=told.append)
        assert (result.transport, result.target_path, result.bytes_uploaded) == ("resumable", f"{at}/large", len(data))
        assert result.session.status == "completed"
        assert sha256_there(f"{at}/large") == sha256(data)
        phases = [one.phase for one in told]
        assert (phases[0], phases[-2:]) == ("created", ["completing", "completed"])
        assert (told[-1].bytes_completed, told[-1].bytes_total) == (len(data), len(data))
        assert {one.upload_id for one in told} == {result.upload_id}


@case
def small_files_are_uploaded_in_parts_when_asked_for():
    files = shared().files
    with place() as at, local_place() as here:
        (here / "x").write_text("checked")
        for options in ({"resumable": True}, {"checksum": "sha256"}):
            assert files.upload_file(here / "x", f"{at}/x", **options).transport == "resumable"
            assert files.read(f"{at}/x") == "checked"
            files.remove(f"{at}/x")
        refused(lambda: files.upload_file(here / "missing", f"{at}/x"), "invalid_request")
        refused(lambda: files.upload_file(b"bytes", f"{at}/x"), "invalid_request")


class Cut(Exception):
    pass


def cut_after_the_first_part(source, target):
    """The id of an upload that was broken off."""

    def cut(progress):
        if progress.phase == "uploading":
            raise Cut

    try:
        shared().files.upload_file(source, target, max_concurrency=1, progress=cut)
    except FileUploadError as error:
        assert error.upload_id
        return error.upload_id
    raise AssertionError("the upload was not cut")


@case
def an_upload_is_resumed():
    files = shared().files
    with place() as at, local_place() as here:
        data = noise(17 * MIB)
        (here / "large").write_bytes(data)
        upload_id = cut_after_the_first_part(here / "large", f"{at}/large")
        assert not files.exists(f"{at}/large")
        told = []
        result = files.resume_upload(upload_id, here / "large", progress=told.append)
        assert (result.resumed, result.upload_id, result.target_path) == (True, upload_id, f"{at}/large")
        assert result.bytes_uploaded == len(data)
        assert sha256_there(f"{at}/large") == sha256(data)
        assert (told[0].phase, told[-1].phase) == ("refreshing_status", "completed")
        again = files.resume_upload(upload_id, here / "large")
        assert (again.resumed, again.bytes_uploaded) == (True, len(data))


@case
def an_upload_is_not_resumed_with_something_else():
    files = shared().files
    with place() as at, local_place() as here:
        data = noise(12 * MIB)
        (here / "large").write_bytes(data)
        upload_id = cut_after_the_first_part(here / "large", f"{at}/large")
        (here / "shorter").write_bytes(b"x")
        (here / "other").write_bytes(bytes(12 * MIB))
        for source, kind in ((here / "shorter", FileUploadError), (here / "other", UploadChecksumError)):
            try:
                files.resume_upload(upload_id, source)
            except kind as error:
                assert error.upload_id == upload_id
            else:
                raise AssertionError("a mixture was taken")
        assert not files.exists(f"{at}/large")
        refused(lambda: files.resume_upload("no-such-upload", here / "large"), "upload_not_found", NotFoundError)


@case
def directories_are_uploaded():
    files = shared().files
    with place() as at, local_place() as here:
        root = here / "tree"
        make_tree(root)
        told = []
        result = files.upload_dir(root, f"{at}/tree", progress=told.append)
        assert (result.kind, result.transport, result.file_count) == ("directory_tar", "resumable", 5)
        assert result.target_path == f"{at}/tree"
        listed = {info.path.removeprefix(f"{at}/tree/"): info.type for info in files.list(f"{at}/tree", depth=5)}
        assert listed == {
            "a.txt": "file",
            "run.sh": "file",
            "skip.log": "file",
            "sub": "dir",
            "sub/empty": "dir",
            "sub/link": "symlink",
            "sub/ü b.txt": "file",
        }
        assert text_of(f"{at}/tree/run.sh") == "ran\n"
        assert files.read(f"{at}/tree/sub/link") == "a"
        assert files.info(f"{at}/tree/sub/link").symlink_target == "../a.txt"
        assert (told[0].phase, told[-1].phase) == ("preparing", "completed")


@case
def what_is_ignored_is_not_uploaded():
    files = shared().files
    with place() as at, local_place() as here:
        root = here / "tree"
        make_tree(root)
        (root / ".nullspaceignore").write_text("# logs\n*.log\n")
        assert files.upload(root, f"{at}/").target_path == f"{at}/tree"
        assert not files.exists(f"{at}/tree/skip.log")
        assert files.exists(f"{at}/tree/a.txt")
        files.upload_dir(root, f"{at}/less", ignore_patterns=["sub/", "!skip.log"])
        assert files.exists(f"{at}/less/skip.log")
        assert not files.exists(f"{at}/less/sub")


@case
def directories_that_are_there_already():
    files = shared().files
    with place() as at, local_place() as here:
        root = here / "tree"
        make_tree(root)
        files.write(f"{at}/tree/old", "kept")
        files.write(f"{at}/tree/a.txt", "old")
        files.upload_dir(root, f"{at}/tree", conflict="merge")
        assert (files.read(f"{at}/tree/old"), files.read(f"{at}/tree/a.txt")) == ("kept", "a")
        files.upload_dir(root, f"{at}/tree", conflict="replace")
        assert not files.exists(f"{at}/tree/old")
        files.write(f"{at}/tree/mark", "untouched")
        try:
            files.upload_dir(root, f"{at}/tree", conflict="error")
        except UploadConflictError as error:
            assert error.code == "file_upload_error"
        else:
            raise AssertionError("not refused")
        assert files.read(f"{at}/tree/mark") == "untouched"
        (root / "out").symlink_to("/etc/passwd")
        refused(lambda: files.upload_dir(root, f"{at}/tree"), "invalid_request")


@case
def files_are_downloaded_from_an_address():
    files = shared().files
    with place() as at:
        data = noise(MIB)
        files.write(f"{at}/a b ü", data)
        url = files.download_url(f"{at}/a b ü")
        answer = httpx.get(url, timeout=60)
        assert (answer.status_code, answer.content == data) == (200, True)
        assert answer.headers["content-length"] == str(MIB)
        assert shared().download_url(f"{at}/a b ü").startswith("http")
        # Signed: neither another path nor another method goes with it.
        assert httpx.put(url, content=b"x", timeout=60).status_code >= 400
        assert httpx.get(url[:-4], timeout=60).status_code >= 400
        assert files.read(f"{at}/a b ü", format="bytes") == data


@case
def files_are_uploaded_to_an_address():
    files = shared().files
    with place() as at:
        target = files.upload_url(f"{at}/new/x")
        assert target.token
        data = noise(MIB)
        answer = httpx.put(target.url, content=data, timeout=60)
        assert answer.status_code == 204, answer.text
        assert files.read(f"{at}/new/x", format="bytes") == data
        url = shared().upload_url(f"{at}/form")
        answer = httpx.post(url, files={"file": ("any name", b"from a form")}, timeout=60)
        assert answer.status_code == 204, answer.text
        assert files.read(f"{at}/form") == "from a form"
        assert httpx.get(target.url, timeout=60).status_code >= 400


@case
async def async_transfers():
    async with async_place() as (files, at):
        with local_place() as here:
            data = noise(9 * MIB)
            (here / "large").write_bytes(data)
            result = await files.upload_file(here / "large", f"{at}/large")
            assert (result.transport, result.bytes_uploaded) == ("resumable", len(data))
            assert sha256_there(f"{at}/large") == sha256(data)
            make_tree(here / "tree")
            assert (await files.upload(here / "tree", f"{at}/tree")).file_count == 5


@ours_only
def files_and_directories_are_downloaded():
    files = shared().files
    with place() as at, local_place() as here:
        data = noise(9 * MIB)
        files.write(f"{at}/large", iter([data]))
        told = []
        result = files.download_file(f"{at}/large", here / "large", progress=told.append)
        assert (here / "large").read_bytes() == data
        assert (result.bytes_downloaded, told[-1].phase, told[-1].bytes_total) == (len(data), "completed", len(data))
        refused(lambda: files.download_file(f"{at}/large", here / "large"), "invalid_request")
        make_tree(here / "tree")
        files.upload_dir(here / "tree", f"{at}/tree")
        text_of(f"cd {at}/tree; ln -s /etc/passwd out; mkfifo pipe; printf x > \"$(printf 'odd-\\377')\"")
        files.download_dir(f"{at}/tree", here / "back")
        names = sorted(os.fsencode(path.relative_to(here / "back")) for path in (here / "back").rglob("*"))
        assert names == sorted([
            b"a.txt", b"odd-\xff", b"run.sh", b"skip.log", b"sub", b"sub/empty", b"sub/link", "sub/ü b.txt".encode(),
        ])  # fmt: skip
        assert os.access(here / "back" / "run.sh", os.X_OK)
        assert (here / "back" / "sub" / "link").read_text() == "a"
        refused(lambda: files.download_dir(f"{at}/missing", here / "none"), "file_not_found", NotFoundError)
        assert not (here / "none").exists()
