# Generated from _async/exec_stream.py by tools/gen_sync.py; do not edit.

"""The channel of one command as if there were one connection."""

from __future__ import annotations

from .._exec_frames import OutputChunk, Transcript
from .._operations import commands
from .._retry import READ, REFUSED_ONLY
from .._socket import Frame
from .client import Client
from .link import WAKING_TIMEOUT, Link

_MOST_LOSSES = 16
"""Connections lost in a row after which it is given up: about a minute."""


class ExecStream:
    """Output of a command in order: nothing comes twice, however often the connection is lost. What the daemon had not
    kept when a connection came back is left out, and counted in the result.

    Args:
        without_input: whether the command's standard input is to be empty.
    """

    def __init__(
        self, client: Client, machine_id: str, transcript: Transcript, *, without_input: bool = False
    ) -> None:
        self.transcript = transcript
        self._client = client
        self._machine_id = machine_id
        self._without_input = without_input
        self._link: Link | None = None

    @property
    def is_open(self) -> bool:
        return self._link is not None

    def open(self) -> None:
        """Starts the command, or connects to it if it was started."""
        self._link = Link(
            self._client.settings,
            commands.channel(self._machine_id),
            hello=self.transcript.first_frame,
            check=self.transcript.check_started,
            then=self._then,
            answer_timeout=WAKING_TIMEOUT,
            # A start whose answer is lost may have been carried out.
            retry=REFUSED_ONLY if self.transcript.pid is None else READ,
            most_losses=_MOST_LOSSES,
        )
        try:
            self._link.open()
        except BaseException:
            self.stop()
            raise

    def next(self) -> OutputChunk | None:
        """None once the command has ended, and after ``stop``."""
        while self._link is not None and self.transcript.exit_code is None:
            frame = self._link.receive()
            if frame is None:
                return None
            if self.transcript.is_told_again:
                self._begin_again()
            chunk = self.transcript.take(frame)
            if chunk is not None:
                return chunk
        return None

    def end_input(self) -> None:
        link = self._link
        if link is not None:
            link.send(self.transcript.end_of_input())

    def stop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.stop()

    def _begin_again(self) -> None:
        assert self.transcript.pid is not None
        logs = self._client.send(commands.logs(self._machine_id, self.transcript.pid))
        self.transcript.begins_again(logs)

    def _then(self) -> list[Frame]:
        return [self.transcript.end_of_input()] if self._without_input else []
