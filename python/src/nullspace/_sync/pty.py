# Generated from _async/pty.py by tools/gen_sync.py; do not edit.

"""Terminals in a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .._models import PtySessionInfo
from .._operations import terminals
from .._pty_frames import DEFAULT_COLS, DEFAULT_ROWS, connect_frame, new_id, start_frame, started
from .._retry import READ, REFUSED_ONLY, Retry
from .._socket import Frame
from .client import Client
from .link import WAKING_TIMEOUT, Link
from .pty_session import PtySession


class Pty:
    """Opens terminals and finds them again; reached as ``machine.pty``."""

    def __init__(self, client: Client, machine_id: str) -> None:
        self._client = client
        self._machine_id = machine_id

    def create_session(
        self,
        id: str | None = None,
        cols: int = DEFAULT_COLS,
        rows: int = DEFAULT_ROWS,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        *,
        user: str | None = None,
        shell: str | None = None,
    ) -> PtySession:
        """Opens a terminal with a login shell in it.

        Args:
            id: what its frames on the wire are marked with; default is a new one.
            cols, rows: its size in characters.
            cwd: absolute path of an existing directory; default is the machine's working directory.
            envs: environment variables on top of the machine's. ``TERM`` is ``xterm-256color`` unless given.
            user: whose shell it is, by name or number; default is root.
            shell: path of the shell; default is the user's own.

        Raises:
            NotFoundError: the machine does not exist (any more).
            ConflictError: the machine is not running (``machine_not_ready``).
            MachineError: the shell could not be started (``exec_failed``), the arguments make no sense
                (``invalid_request``), or there was no answer (``transport_error``).
        """
        request_id = id or new_id()
        frame = start_frame(request_id, cols, rows, cwd=cwd, envs=envs, user=user, shell=shell)
        # A start whose answer is lost may have been carried out.
        return self._open(request_id, frame, REFUSED_ONLY, None)

    def connect(
        self,
        pid: int | None = None,
        *,
        session_id: str | None = None,
        id: str | None = None,
        on_data: Callable[[bytes], None] | None = None,
    ) -> PtySession:
        """Another connection to a terminal. It gets what was printed last, 256 KiB or more, then what is printed.

        Args:
            pid: of its shell; give this or ``session_id``.
            session_id: of the terminal.
            id: what its frames on the wire are marked with; default is a new one.
            on_data: called with each piece of output, from a thread of the session (a task, if async). What it raises
                is logged.

        Raises:
            NotFoundError: there is no such terminal (``session_not_found``), it may have ended; or no such machine.
            MachineError: as ``create_session``.
        """
        request_id = id or new_id()
        return self._open(request_id, connect_frame(request_id, session_id, pid), READ, on_data)

    def list_sessions(self) -> list[PtySessionInfo]:
        """The terminals that run, in the order of their start."""
        return self._client.send(terminals.listing(self._machine_id))

    def get_session_info(self, session_id: str) -> PtySessionInfo:
        """One of them. Raises ``NotFoundError`` (``session_not_found``) when it is not there, or has ended."""
        return self._client.send(terminals.info(self._machine_id, session_id))

    def resize_session(self, session_id: str, cols: int, rows: int) -> None:
        """Gives it another size in characters. Raises as ``get_session_info``."""
        self._client.send(terminals.resize(self._machine_id, session_id, cols, rows))

    def kill_session(self, session_id: str) -> None:
        """Ends its shell and the process group of that, with SIGKILL; returns when the shell is gone.

        Raises as ``get_session_info``.
        """
        self._client.send(terminals.kill(self._machine_id, session_id))

    def _open(
        self, request_id: str, first: Frame, retry: Retry, on_data: Callable[[bytes], None] | None
    ) -> PtySession:
        seen: list[PtySessionInfo] = []
        link = Link(
            self._client.settings,
            terminals.channel(self._machine_id),
            hello=lambda: first,
            check=lambda frame: seen.append(started(frame)),
            answer_timeout=WAKING_TIMEOUT,
            retry=retry,
            # The daemon does not say which part of the screen was sent before, so a loss is told.
            most_losses=1,
        )
        link.open()
        return PtySession(self._client, self._machine_id, link, request_id, seen[-1], on_data)
