"""Unpacks a tar that a machine made, and does not trust it: nothing is written outside of one new directory.

Left out with a warning: symlinks that lead out of the directory, devices, sockets and pipes.
"""

from __future__ import annotations

import logging
import os
import shutil
import tarfile
from pathlib import Path
from typing import IO

from ._archive import leads_out
from .errors import MachineError

log = logging.getLogger("nullspace")


def extract(archive: IO[bytes], directory: Path) -> None:
    """``directory`` must not exist; its parent must. Raises ``MachineError`` for an archive that cannot be unpacked."""
    directory.mkdir(mode=0o700)
    directories: list[tuple[str, tarfile.TarInfo]] = []
    links: list[tuple[str, tarfile.TarInfo]] = []
    try:
        with tarfile.open(fileobj=archive, mode="r|", encoding="utf-8", errors="surrogateescape") as tar:
            for member in tar:
                name = _relative(member.name)
                path = os.path.join(directory, name)
                if member.isdir():
                    os.makedirs(path, mode=0o700, exist_ok=True)
                    directories.append((path, member))
                elif member.isreg():
                    _write(tar, member, path)
                elif member.islnk():
                    _above(path)
                    os.link(os.path.join(directory, _relative(member.linkname)), path)
                elif member.issym() and not leads_out(name, member.linkname):
                    links.append((path, member))
                else:
                    log.warning("%s is left out: %s", member.name, _what(member))
        # Only now, so that no file can be written through one.
        _link(links, directory)
        for path, member in reversed(directories):
            os.utime(path, (member.mtime, member.mtime))
            os.chmod(path, member.mode & 0o777 | 0o700)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise MachineError(f"The archive cannot be unpacked: {error}", code="invalid_response") from error


def _link(links: list[tuple[str, tarfile.TarInfo]], directory: Path) -> None:
    for path, member in links:
        _above(path)
        os.symlink(member.linkname, path)
    root = os.path.realpath(directory)
    for path, member in links:
        # By way of other links it may lead out all the same.
        if os.path.commonpath((root, os.path.realpath(path))) != root:
            os.unlink(path)
            log.warning("%s is left out: %s", member.name, _what(member))


def _relative(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    foreign = tuple(mark for mark in (os.sep, os.altsep, ":" if os.name == "nt" else None) if mark and mark != "/")
    if name.startswith("/") or any(part == ".." or any(mark in part for mark in foreign) for part in parts):
        raise ValueError(f"{name!r} leads out of the directory")
    return "/".join(parts)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    _above(path)
    source = tar.extractfile(member)
    assert source is not None
    # Never over something: no name may come twice.
    with open(path, "xb") as target:
        shutil.copyfileobj(source, target, 1024 * 1024)
    os.utime(path, (member.mtime, member.mtime))
    os.chmod(path, member.mode & 0o777 | 0o400)


def _above(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)


def _what(member: tarfile.TarInfo) -> str:
    return f"it leads out, to {member.linkname}" if member.issym() else "it is no file, directory or symlink"
