"""The channel of one command: what is sent on it, and what has been heard on it so far."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import _wire
from ._models import CommandLogs, CommandResult
from ._socket import Frame, told_error
from .errors import MachineError

_TAIL = 4096
"""Characters of each output that come with the error about a command whose time is up."""


class OutputChunk(NamedTuple):
    """A piece of what a command printed: one of both is text, the other None. ``terminal`` is always None; there are
    three, so that loops written for the published client work."""

    stdout: str | None
    stderr: str | None
    terminal: None = None


class _Output:
    """One of the two outputs, over any number of connections. Each tells from the beginning what is kept of it, then
    what is printed: of the former what was heard before is skipped, the latter is always new."""

    def __init__(self) -> None:
        self._seen = 0
        self._bytes = 0
        self._skip = 0
        self._bytes_past_kept = 0
        self.lost = 0

    def new_in(self, text: str) -> str:
        new = text[self._skip :]
        self._skip -= len(text) - len(new)
        self._seen += len(new)
        self._bytes += _size(new)
        return new

    def begins_again(self, kept: str) -> None:
        self._skip = min(self._seen, len(kept))
        self._bytes_past_kept = max(0, self._bytes - _size(kept))

    def not_kept(self, size: int) -> None:
        """How many bytes the connection lacks; an earlier one may have had them."""
        self.lost = max(0, size - self._bytes_past_kept)


class Transcript:
    """What a command printed, and how it ended. ``pid`` is None until it is known that it began."""

    def __init__(self, *, start: Mapping[str, Any] | None = None, pid: int | None = None) -> None:
        self.id = f"exec_{uuid.uuid4().hex}"
        self.pid = pid
        self.exit_code: int | None = None
        self.chunks: list[OutputChunk] = []
        self.is_told_again = False
        """Whether a connection has begun that ``begins_again`` was not called for."""
        self._start = start
        self._began = False
        self._stdout = _Output()
        self._stderr = _Output()

    @property
    def stdout(self) -> str:
        return "".join(chunk.stdout or "" for chunk in self.chunks)

    @property
    def stderr(self) -> str:
        return "".join(chunk.stderr or "" for chunk in self.chunks)

    def first_frame(self) -> Frame:
        """A command that began is never begun again."""
        if self.pid is None:
            return {"type": "exec_start", "id": self.id, **(self._start or {})}
        return {"type": "exec_connect", "id": self.id, "pid": self.pid}

    def end_of_input(self) -> Frame:
        return {"type": "exec_stdin_close", "id": self.id, "pid": self.pid}

    def check_started(self, frame: Frame) -> None:
        """The first frame of a connection. Raises when it is not the one that says there is such a command."""
        if frame.get("type") == "error":
            raise told_error(frame)
        if frame.get("type") != "exec_started":
            raise MachineError("The channel does not begin as it should.", code="invalid_response")
        self.pid = _wire.required(frame, "pid", _wire.integer, "frame")
        self.is_told_again, self._began = self._began, True

    def begins_again(self, logs: CommandLogs) -> None:
        """``logs``: as the daemon had them after this connection began. What it has of more than it keeps does not
        change any more, so they say how far this connection goes back."""
        self.is_told_again = False
        self._stdout.begins_again(logs.stdout)
        self._stderr.begins_again(logs.stderr)

    def take(self, frame: Frame) -> OutputChunk | None:
        """The new output in a frame; None for other frames. Raises what the daemon ended the channel with."""
        kind = frame.get("type")
        if kind == "exec_stdout":
            new = self._stdout.new_in(_text(frame))
            return self._keep(OutputChunk(new, None)) if new else None
        if kind == "exec_stderr":
            new = self._stderr.new_in(_text(frame))
            return self._keep(OutputChunk(None, new)) if new else None
        if kind == "exec_dropped":
            self._stdout.not_kept(_wire.required(frame, "stdout_bytes", _wire.integer, "frame"))
            self._stderr.not_kept(_wire.required(frame, "stderr_bytes", _wire.integer, "frame"))
        elif kind == "exec_exit":
            self.exit_code = _wire.required(frame, "exit_code", _wire.integer, "frame")
        elif kind == "error":
            error = told_error(frame)
            if error.code == "exec_timeout":
                error.details.update(stdout=self.stdout[-_TAIL:], stderr=self.stderr[-_TAIL:])
            raise error
        return None

    def result(self) -> CommandResult:
        """Of a command that has ended."""
        assert self.exit_code is not None
        assert self.pid is not None
        return CommandResult(
            self.exit_code, self.stdout, self.stderr, self.pid, self._stdout.lost or None, self._stderr.lost or None
        )

    def _keep(self, chunk: OutputChunk) -> OutputChunk:
        self.chunks.append(chunk)
        return chunk


def _text(frame: Frame) -> str:
    return _wire.required(frame, "data", _wire.string, "frame")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
