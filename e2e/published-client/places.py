"""Directories that cases work in, in the machine and here, and what they put there."""

import hashlib
import random
import tempfile
import uuid
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from harness import shared
from nullspace import AsyncMachine

MIB = 1024 * 1024


@contextmanager
def place():
    """A directory of the case's own, gone afterwards."""
    path = f"/srv/{uuid.uuid4().hex[:12]}"
    shared().files.make_dir(path)
    try:
        yield path
    finally:
        shared().files.remove(path)


@asynccontextmanager
async def async_place():
    """The same for an async case, with the files of the machine."""
    machine = await AsyncMachine.connect(shared().id)
    path = f"/srv/{uuid.uuid4().hex[:12]}"
    await machine.files.make_dir(path)
    try:
        yield machine.files, path
    finally:
        await machine.files.remove(path)
        await machine.close()


@contextmanager
def local_place():
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def text_of(script):
    result = shared().commands.run(script, shell=True)
    assert result.exit_code == 0, result
    return result.stdout


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sha256_there(path):
    return text_of(f"sha256sum < '{path}'").split()[0]


def noise(length):
    return random.Random(length).randbytes(length)


def make_tree(root):
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (root / "run.sh").chmod(0o755)
    (root / "sub" / "ü b.txt").write_text("b")
    (root / "sub" / "link").symlink_to("../a.txt")
    (root / "skip.log").write_text("x")
