# Generated from _async/pty_session.py by tools/gen_sync.py; do not edit.

"""One terminal, over one connection."""

from __future__ import annotations

import time
from collections.abc import Iterator, Callable
from dataclasses import replace

from .._background import Worker, tell
from .._models import PtySessionInfo
from .._operations import terminals
from .._pty_frames import DETACHED, PtyResult, end_of, input_frames, output_of, resize_frame
from .._retry import TransportError
from ..errors import MachineError, NotFoundError
from .client import Client
from .link import Link


class PtySession:
    """A terminal and the connection to it. Made by ``pty.create_session`` and ``pty.connect``.

    Its output is read by ``wait``, by iterating, which gives bytes, or by the ``on_data`` of ``pty.connect``; in one of
    these ways at a time. What nobody reads makes the programs in it wait, and after a minute or two the daemon ends the
    connection. The terminal outlives it: ``pty.connect`` shows what was on the screen last and goes on.
    """

    def __init__(
        self,
        client: Client,
        machine_id: str,
        link: Link,
        request_id: str,
        info: PtySessionInfo,
        on_data: Callable[[bytes], None] | None = None,
    ) -> None:
        self.info = info
        self._client = client
        self._machine_id = machine_id
        self._link = link
        self._request_id = request_id
        self._on_data = on_data
        self._connected = True
        self._end: PtyResult | None = None
        self._failure: MachineError | None = None
        self._worker = None if on_data is None else Worker(f"nullspace-pty-{info.session_id}", self._deliver)

    @property
    def id(self) -> str:
        """The same as ``session_id``."""
        return self.info.session_id

    @property
    def session_id(self) -> str:
        """For ``pty.connect``, ``pty.resize_session`` and ``pty.kill_session``."""
        return self.info.session_id

    @property
    def pid(self) -> int:
        """Process id of its shell in the machine."""
        return self.info.pid

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connected

    @property
    def exit_code(self) -> int | None:
        """Of its shell; None until its end was read of."""
        return None if self._end is None else self._end.exit_code

    @property
    def error(self) -> str | None:
        """What was wrong when the connection ended; None when nothing was."""
        if self._failure is not None:
            return self._failure.message
        return None if self._end is None else self._end.error

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.session_id} in {self._machine_id}>"

    def send_input(self, data: str | bytes) -> None:
        """Types it. Text goes as UTF-8. Sent, not answered: what it does is seen in the output.

        Raises:
            MachineError: there is no connection (``invalid_state``), or it was lost (``transport_error``).
        """
        for frame in input_frames(self._request_id, self.session_id, data):
            self._send(frame)

    def resize(self, cols: int, rows: int) -> PtySessionInfo:
        """Gives it another size in characters, behind what was typed before. Raises as ``send_input``."""
        self._send(resize_frame(self._request_id, self.session_id, cols, rows))
        self.info = replace(self.info, cols=cols, rows=rows)
        return self.info

    def kill(self) -> None:
        """Ends its shell and the process group of that; see ``pty.kill_session``. One that has ended stays as it is."""
        try:
            self._client.send(terminals.kill(self._machine_id, self.session_id))
        except NotFoundError as error:
            if error.code != "session_not_found":
                raise

    def wait(self, on_data: Callable[[bytes], None] | None = None, timeout: float | None = None) -> PtyResult:
        """Reads until the terminal ends.

        Args:
            on_data: called with each piece of output; what it raises ends the call.
            timeout: seconds to wait at most. Then the connection is ended and the result has ``timed_out``; the
                terminal lives on.

        Raises:
            MachineError: the connection was lost (``transport_error``; ``pty.connect`` opens another), or there is
                none (``invalid_state``).
        """
        if self._worker is None:
            self._read(on_data, timeout)
        elif on_data is None:
            self._worker.wait(timeout)
        else:
            raise _taken()
        if self._connected:
            self.disconnect()
            return PtyResult(DETACHED, "The time to wait was up.", timed_out=True)
        if self._failure is not None:
            raise self._failure
        if self._end is None:
            raise MachineError("It is disconnected; connect to it anew.", code="invalid_state")
        return self._end

    def disconnect(self) -> None:
        """Ends the connection; the terminal and what runs in it live on. After it no callback is called any more."""
        self._close()
        if self._worker is not None:
            self._worker.wait()

    def __iter__(self) -> Iterator[bytes]:
        if self._worker is not None:
            raise _taken()
        while True:
            chunk = self._next(None)
            if chunk is None:
                return
            yield chunk

    def _deliver(self) -> None:
        while True:
            chunk = self._next(None)
            if chunk is None:
                return
            tell(self._on_data, chunk)

    def _read(self, on_data: Callable[[bytes], None] | None, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._connected:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            chunk = self._next(left)
            if chunk is not None and on_data is not None:
                on_data(chunk)

    def _next(self, timeout: float | None) -> bytes | None:
        """The next piece of output; None at the end, and when none came in ``timeout`` seconds."""
        while self._connected:
            try:
                frame = self._link.receive(timeout)
                if frame is None:
                    return None
                chunk, self._end = output_of(frame), end_of(frame)
            except MachineError as error:
                self._fail(error)
                raise
            if chunk is not None:
                return chunk
            if self._end is not None:
                self._close()
        return None

    def _send(self, frame: dict[str, object]) -> None:
        if not self._connected:
            raise MachineError("There is no connection to the terminal.", code="invalid_state")
        try:
            self._link.send(frame)
        except TransportError as error:
            self._fail(error)
            raise

    def _fail(self, error: MachineError) -> None:
        self._failure = error
        self._close()

    def _close(self) -> None:
        self._connected = False
        self._link.stop()


def _taken() -> MachineError:
    return MachineError("Its output goes to the on_data it was made with.", code="invalid_state")
