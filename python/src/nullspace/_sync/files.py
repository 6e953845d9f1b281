# Generated from _async/files.py by tools/gen_sync.py; do not edit.

"""Files of a machine."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Callable, Sequence
from typing import Literal, overload

from .._content import Content, chunks, in_memory
from .._files import FileEvent, ReadFormat, UploadUrl, read_format
from .._models import FileInfo, SearchMatch
from .._operations import files as operations
from ..errors import MachineError
from .transfers import FileTransfers
from .watch import WatchHandle, open_watch


class Files(FileTransfers):
    """Reads and changes files; reached as ``machine.files``.

    Paths are absolute, or relative to the machine's working directory; ``~`` is the user's home. A name that is no
    UTF-8 is a string as ``os.fsdecode`` gives it. ``user`` names whose rights are used and who owns what is made,
    default is root; relative paths then begin at the home of that user, unless the machine was created with a ``cwd``.

    Every call raises ``NotFoundError`` when there is nothing at the path (``file_not_found``) or no such machine,
    ``PermissionError`` when the user may not, and ``MachineError`` for what else the machine refuses (``file_error``).
    Nobody may touch ``/workspace/.nullspace`` (``invalid_request``).
    """

    @overload
    def read(
        self, path: str, *, format: Literal["text"] | None = None, encoding: Literal["utf8"] | None = None,
        user: str | None = None,
    ) -> str: ...  # fmt: skip

    @overload
    def read(
        self, path: str, *, format: Literal["bytes", "blob"], encoding: None = None, user: str | None = None
    ) -> bytes: ...

    @overload
    def read(
        self, path: str, *, format: Literal["stream"], encoding: None = None, user: str | None = None
    ) -> Iterator[bytes]: ...

    @overload
    def read(
        self, path: str, *, format: None = None, encoding: Literal["base64"], user: str | None = None
    ) -> bytes: ...

    def read(
        self, path: str, *, format: ReadFormat | None = None, encoding: str | None = None, user: str | None = None
    ) -> str | bytes | Iterator[bytes]:
        """Reads a file.

        Args:
            path: of the file.
            format: ``text`` (up to 128 MiB, what is no UTF-8 becomes U+FFFD), ``bytes``, or ``stream``: an iterator of
                bytes that holds one piece at a time, and opens the file when it is first asked for one.
            encoding: ``utf8`` for text or ``base64`` for bytes, instead of ``format``.
            user: see the class.
        """
        how = read_format(format, encoding)
        if how == "text":
            return self._client.send(operations.read_text(self._machine_id, path, user))
        stream = self._stream(path, user)
        return stream if how == "stream" else b"".join([piece for piece in stream])

    def _stream(self, path: str, user: str | None) -> Iterator[bytes]:
        with self._client.open(operations.download(self._machine_id, path, user)) as body:
            for piece in body:
                yield piece

    def write(
        self,
        path: str,
        content: Content,
        *,
        user: str | None = None,
        append: bool = False,
        mode: str | None = None,
    ) -> FileInfo:
        """Writes a file, and the directories above it. It is there whole or not at all.

        Args:
            path: of the file; what is there is replaced.
            content: text, bytes, a file object, or an iterable of bytes; the latter two are sent as they are read.
            append: write at the end of what is there.
            mode: permissions in octal digits; only with text or bytes up to 64 MiB.
            user: see the class.
        """
        whole = in_memory(content)
        if whole is not None and (len(whole) <= operations.JSON_BYTES or mode is not None):
            data = content if isinstance(content, str) else whole
            return self._client.send(
                operations.write(self._machine_id, path, data, user, append=append, mode=mode)
            )
        if mode is not None:
            raise MachineError("mode goes with text or bytes only; use set_permissions.", code="invalid_request")
        operation = operations.upload(self._machine_id, path, user, append=append)
        self._client.send(operation, lambda: chunks(content))
        return self.info(path, user=user)

    def write_files(
        self, files: Sequence[tuple[str, Content]], *, user: str | None = None
    ) -> builtins.list[FileInfo]:
        """Writes up to 1000 files in one request: pairs of a path and what ``write`` takes.

        Raises:
            BatchWriteError: some were not written; ``successes`` and ``failures`` say which.
        """
        if not files:
            return []
        form = operations.batch(files, user)
        results = self._client.send(operations.write_batch(self._machine_id, form), form.body)
        return operations.all_written(results)

    def list(
        self, path: str = "/", *, depth: int | None = None, user: str | None = None
    ) -> builtins.list[FileInfo]:
        """What is in a directory, by name; with ``depth`` also below it, so many levels."""
        return self._client.send(operations.listing(self._machine_id, path, depth, user))

    def exists(self, path: str, *, user: str | None = None) -> bool:
        """Whether there is something at a path."""
        return self._client.send(operations.exists(self._machine_id, path, user))

    def info(self, path: str, *, user: str | None = None) -> FileInfo:
        """What is at a path; of a symlink, the link itself."""
        return self._client.send(operations.info(self._machine_id, path, user))

    def get_info(self, path: str, *, user: str | None = None) -> FileInfo:
        """The same as ``info``."""
        return self.info(path, user=user)

    def make_dir(self, path: str, *, user: str | None = None) -> bool:
        """Makes a directory and those above it. Gives True, also for one that is there already."""
        self._client.send(operations.make_dir(self._machine_id, path, user))
        return True

    def remove(self, path: str, *, user: str | None = None) -> None:
        """Removes a file, a symlink (not what it leads to), or a directory with all that is in it."""
        self._client.send(operations.remove(self._machine_id, path, user))

    def rename(self, old: str, new: str, *, user: str | None = None) -> FileInfo:
        """Moves within a filesystem. A file at the new path is replaced."""
        return self._client.send(operations.rename(self._machine_id, old, new, user))

    def set_permissions(self, path: str, permissions: str, *, user: str | None = None) -> None:
        """Sets permissions, in octal digits: ``"0644"``."""
        self._client.send(operations.set_permissions(self._machine_id, path, permissions, user))

    def find_files(self, path: str, pattern: str, *, user: str | None = None) -> builtins.list[SearchMatch]:
        """Lines below a path that fit a regular expression (RE2; plain text if it is none), at most 10,000."""
        return self._client.send(operations.find(self._machine_id, path, pattern, user))

    def search_files(self, path: str, pattern: str, *, user: str | None = None) -> builtins.list[str]:
        """Paths below a directory whose name fits a glob; with a slash in it, whose path from there does."""
        return self._client.send(operations.search(self._machine_id, path, pattern, user))

    def replace_in_files(
        self, files: Sequence[str], pattern: str, replacement: str, *, dry_run: bool = False,
        user: str | None = None,
    ) -> int:  # fmt: skip
        """Replaces plain text everywhere in files. With ``dry_run`` only counts. Gives the number of places."""
        operation = operations.replace(self._machine_id, files, pattern, replacement, user, dry_run=dry_run)
        return self._client.send(operation)

    def download_url(self, path: str, *, user: str | None = None) -> str:
        """An address that gives the file to whoever has it, for ten minutes, without a key."""
        return self._client.send(operations.download_url(self._machine_id, path, user))

    def upload_url(self, path: str, *, user: str | None = None) -> UploadUrl:
        """An address that takes the file (PUT of its bytes, or a form with the field ``file``), for ten minutes,
        without a key."""
        return self._client.send(operations.upload_url(self._machine_id, path, user))

    def watch_dir(
        self,
        path: str,
        on_event: Callable[[FileEvent], None],
        *,
        recursive: bool = False,
        timeout: float | None = None,
        on_exit: Callable[[Exception | None], None] | None = None,
        user: str | None = None,
    ) -> WatchHandle:
        """Tells of changes in a directory, from when this returns until ``stop``.

        Example:
            ```python
            with machine.files.watch_dir("/workspace", print):
                machine.files.write("/workspace/a.txt", "hi")
            ```

        Args:
            on_event: called with each change, from a thread of the watch (a task, if async). What it raises ends it.
                Where changes may have been missed, with an ``overflow``, whose ``path`` is the ``path`` given here.
            recursive: also what is below.
            timeout: seconds after which it ends by itself; default never.
            on_exit: called at the end, with what ended it, or None after ``stop`` and ``timeout``.
            path, user: see the class.

        Raises:
            TimeoutError: Python's own; the daemon does not say that it watches.
            MachineError: the directory cannot be watched (``watch_error``).
        """
        return open_watch(
            self._client,
            self._machine_id,
            path,
            on_event,
            recursive=recursive,
            timeout=timeout,
            on_exit=on_exit,
            user=user,
        )
