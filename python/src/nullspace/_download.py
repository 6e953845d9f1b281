"""Where a download goes on this side. Nothing is seen there before it is whole."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path, PurePosixPath

from .errors import MachineError


def local_file(path: str, destination: str | os.PathLike[str] | None, *, suffix: str = "") -> Path:
    """The local path for one file; in a directory that exists it has the name that it has in the machine."""
    local = Path(_basename(path) + suffix) if destination is None else Path(os.fspath(destination)).expanduser()
    return local / (_basename(path) + suffix) if destination is not None and local.is_dir() else local


def local_directory(path: str, destination: str | os.PathLike[str] | None) -> Path:
    return Path(_basename(path)) if destination is None else Path(os.fspath(destination)).expanduser()


def prepare(local: Path, *, overwrite: bool) -> Path:
    """Makes the directories above it. Gives a path beside it that nothing is at, to write to."""
    if os.path.lexists(local) and not overwrite:
        raise _exists(local)
    parent = local.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent / f".{local.name[:100]}.{uuid.uuid4().hex[:12]}.part"


def put_in_place(part: Path, local: Path, *, overwrite: bool) -> None:
    """Moves what was written to where it belongs."""
    if os.path.lexists(local):
        if not overwrite:
            raise _exists(local)
        if part.is_dir() or local.is_dir():
            discard(local)
    os.replace(part, local)


def discard(path: Path) -> None:
    """Removes what is there, if anything is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def _basename(path: str) -> str:
    name = PurePosixPath(path).name
    if name in ("", ".."):
        raise MachineError(f"The local path must be given: {path} has no name.", code="invalid_request")
    return name


def _exists(local: Path) -> MachineError:
    return MachineError(
        f"There is something at {local} already.", code="invalid_request", suggested_action="Use overwrite=True."
    )
