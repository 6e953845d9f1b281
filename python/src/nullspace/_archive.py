"""A local directory as a tar: the same tree gives the same bytes, so that an upload of it can be resumed."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from ._ignore import IgnoreRules
from ._models import UploadSourceKind
from ._upload_source import UploadSource, invalid, local_path

IGNORE_FILE = ".nullspaceignore"


class _Entry(NamedTuple):
    name: str
    """Relative, with slashes."""
    path: str
    status: os.stat_result


def directory_archive(source: object, ignore_patterns: Iterable[str] | None) -> UploadSource:
    """Packs it into a temporary file. Raises ``MachineError`` for what cannot be sent."""
    root = _root(source)
    file = tempfile.TemporaryFile(prefix="nullspace-upload-")  # noqa: SIM115
    try:
        hashing = _Hashing(file)
        count = 0
        # As a stream, which is never gone back in, so that the bytes can be hashed as they are written.
        with tarfile.open(
            mode="w|",
            fileobj=cast("Any", hashing),
            format=tarfile.PAX_FORMAT,
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar:
            for entry in _entries(root, ignore_patterns):
                _add(tar, entry)
                count += 0 if stat.S_ISDIR(entry.status.st_mode) else 1
        length = file.tell()
    except BaseException:
        file.close()
        raise
    return UploadSource(
        file,
        length,
        UploadSourceKind.DIRECTORY_ARCHIVE,
        name=root.name or root.resolve().name or None,
        is_path=True,
        checksum=hashing.digest.hexdigest(),
        file_count=count,
        close=file.close,
    )


def file_count(source: object, ignore_patterns: Iterable[str] | None) -> int:
    """Files and symlinks that would be in it."""
    entries = _entries(_root(source), ignore_patterns)
    return sum(1 for entry in entries if not stat.S_ISDIR(entry.status.st_mode))


def _root(source: object) -> Path:
    root = local_path(source)
    if root is None or not root.is_dir():
        raise invalid(f"There is no directory {source}.")
    return root


def _entries(root: Path, ignore_patterns: Iterable[str] | None) -> Iterator[_Entry]:
    ignored = root / IGNORE_FILE
    patterns = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
    yield from _below(str(root), "", IgnoreRules([*patterns, *(ignore_patterns or ())]))


def _below(directory: str, prefix: str, rules: IgnoreRules) -> Iterator[_Entry]:
    with os.scandir(directory) as found:
        children = sorted(found, key=lambda child: child.name)
    for child in children:
        entry = _Entry(prefix + child.name, child.path, child.stat(follow_symlinks=False))
        is_directory = stat.S_ISDIR(entry.status.st_mode)
        if rules.leaves_out(entry.name, is_directory):
            continue
        yield entry
        if is_directory:
            yield from _below(entry.path, f"{entry.name}/", rules)


def _add(tar: tarfile.TarFile, entry: _Entry) -> None:
    info = tarfile.TarInfo(entry.name)
    # Owner and times are left at nought: they are this host's.
    info.mode = stat.S_IMODE(entry.status.st_mode)
    if stat.S_ISDIR(entry.status.st_mode):
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    elif stat.S_ISLNK(entry.status.st_mode):
        info.type = tarfile.SYMTYPE
        info.linkname = os.readlink(entry.path)
        if leads_out(entry.name, info.linkname):
            raise invalid(f"The symlink {entry.name} leads out of the directory, to {info.linkname}.")
        tar.addfile(info)
    elif stat.S_ISREG(entry.status.st_mode):
        info.size = entry.status.st_size
        with open(entry.path, "rb") as file:
            tar.addfile(info, file)
    else:
        raise invalid(f"{entry.name} is neither a file nor a directory nor a symlink.")


def leads_out(name: str, target: str) -> bool:
    """Whether a symlink ``name`` in a tree leads to somewhere outside of it."""
    if not target or target.startswith("/"):
        return True
    depth = name.count("/")
    for part in target.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            return True
    return False


class _Hashing:
    def __init__(self, file: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)
