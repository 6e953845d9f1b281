"""A command that runs while the program does something else."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

from .._background import AsyncChanges, AsyncWorker, tell
from .._exec_frames import OutputChunk, Transcript
from .._models import CommandLogs, CommandResult
from .._operations import commands
from ..errors import MachineError
from .client import AsyncClient
from .exec_stream import AsyncExecStream


class AsyncBackgroundCommand:
    """A command that runs on by itself, with or without this handle. Made by ``commands.run(..., background=True)`` and
    ``commands.connect``.

    Its output is followed over a connection of its own: from the beginning if there are callbacks, else from the first
    ``wait`` or iteration on, with what was printed before. A connection that is lost is opened again, for about a
    minute; nothing is told twice. The daemon keeps 1 MiB of what a command prints; what it printed past that while
    nobody was connected is left out, and counted in the result.

    Iterating gives ``OutputChunk`` tuples, ``(stdout, None, None)`` or ``(None, stderr, None)``, from the first one on
    until the command ends; each iteration begins anew.
    """

    def __init__(
        self,
        client: AsyncClient,
        machine_id: str,
        stream: AsyncExecStream,
        on_stdout: Callable[[str], None] | None = None,
        on_stderr: Callable[[str], None] | None = None,
    ) -> None:
        assert stream.transcript.pid is not None
        self._pid = stream.transcript.pid
        self._client = client
        self._machine_id = machine_id
        self._stream = stream
        self._on_stdout = on_stdout
        self._on_stderr = on_stderr
        # Never held while anything is waited for.
        self._lock = threading.Lock()
        self._following = False
        self._error: MachineError | None = None
        self._worker: AsyncWorker | None = None
        self._changes = AsyncChanges()
        if stream.is_open:
            self._follow()

    @property
    def pid(self) -> int:
        """Its process id in the machine."""
        return self._pid

    @property
    def stdout(self) -> str:
        """What was heard of it so far; ``get_logs`` asks the daemon."""
        return self._heard.stdout

    @property
    def stderr(self) -> str:
        """The same of the other output."""
        return self._heard.stderr

    @property
    def exit_code(self) -> int | None:
        """None until its end was heard of; 128 + signal when a signal ended it."""
        return self._heard.exit_code

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._pid} in {self._machine_id}>"

    async def wait(self, poll_interval: float | None = None, timeout: float | None = None) -> CommandResult:
        """Returns when it has ended and every callback was called. A non-zero exit code is a result, not an error.

        Args:
            poll_interval: without effect, as its end is told; the published client has it.
            timeout: seconds to wait at most; the command is not ended by it.

        Raises:
            TimeoutError: it did not end within ``timeout``; Python's own class.
            NotFoundError: the machine or the process does not exist (any more).
            MachineError: it had been started with a time limit and did not keep it (``exec_timeout``), the connection
                was lost for good (``transport_error``; another ``wait`` begins anew), or ``disconnect`` was called
                meanwhile (``invalid_state``).
        """
        self._follow()
        if not await self._changes.wait_for(self._is_over, timeout):
            raise TimeoutError(f"Command {self._pid} did not end within {timeout:g} s.")
        self._raise_error()
        if self.exit_code is None:
            raise MachineError("It was disconnected while it was waited for.", code="invalid_state")
        return self._heard.result()

    async def kill(self) -> None:
        """Ends it and its process group, with SIGKILL; see ``commands.kill``."""
        await self._client.send(commands.kill(self._machine_id, self._pid))

    async def send_stdin(self, data: str | bytes) -> None:
        """Writes to its standard input; see ``commands.send_stdin``."""
        await self._client.send(commands.send_stdin(self._machine_id, self._pid, data))

    async def close_stdin(self) -> None:
        """Ends its standard input; see ``commands.close_stdin``."""
        await end_input(self._client, self._machine_id, self._pid)

    async def get_logs(self) -> CommandLogs:
        """What the daemon keeps of it; see ``commands.get_logs``."""
        return await self._client.send(commands.logs(self._machine_id, self._pid))

    async def disconnect(self) -> None:
        """Ends the connection; the command runs on. After it no callback is called any more, and iterations end."""
        self._on_stdout = self._on_stderr = None
        await self._stream.stop()
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.join()

    async def __aiter__(self) -> AsyncIterator[OutputChunk]:
        self._follow()
        at = 0
        while True:
            await self._changes.wait_for(partial(self._has, at))
            if at == len(self._heard.chunks):
                break
            yield self._heard.chunks[at]
            at += 1
        self._raise_error()

    @property
    def _heard(self) -> Transcript:
        return self._stream.transcript

    def _has(self, count: int) -> bool:
        return len(self._heard.chunks) > count or self._is_over()

    def _is_over(self) -> bool:
        return not self._following

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _follow(self) -> None:
        with self._lock:
            if self._following or self.exit_code is not None:
                return
            self._following, self._error = True, None
            self._worker = AsyncWorker(f"nullspace-command-{self._pid}", self._deliver)

    async def _deliver(self) -> None:
        try:
            if not self._stream.is_open:
                await self._stream.open()
            while True:
                chunk = await self._stream.next()
                if chunk is None:
                    return
                self._changes.announce()
                if chunk.stdout is not None:
                    tell(self._on_stdout, chunk.stdout)
                if chunk.stderr is not None:
                    tell(self._on_stderr, chunk.stderr)
        except MachineError as error:
            self._error = error
        finally:
            try:
                await self._stream.stop()
            finally:
                self._following = False
                self._changes.announce()


async def end_input(client: AsyncClient, machine_id: str, pid: int) -> None:
    """Over a connection of its own: there is no other way."""
    stream = AsyncExecStream(client, machine_id, Transcript(pid=pid))
    try:
        await stream.open()
        await stream.end_input()
    finally:
        await stream.stop()
