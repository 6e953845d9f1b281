# Generated from _async/commands.py by tools/gen_sync.py; do not edit.

"""Commands in a machine."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, overload

from .._exec_frames import Transcript
from .._models import CommandLogs, CommandResult
from .._monitor_frames import ProcessInfo
from .._operations import commands
from .background_command import BackgroundCommand, end_input
from .client import Client
from .exec_stream import ExecStream


class Commands:
    """Runs commands; reached as ``machine.commands``."""

    def __init__(self, client: Client, machine_id: str) -> None:
        self._client = client
        self._machine_id = machine_id

    @overload
    def run(
        self,
        command: str,
        args: Sequence[str] | None = None,
        *,
        shell: bool = False,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        timeout: float = commands.DEFAULT_TIMEOUT,
        user: str | None = None,
        background: Literal[False] = False,
        on_stdout: Callable[[str], None] | None = None,
        on_stderr: Callable[[str], None] | None = None,
    ) -> CommandResult: ...

    @overload
    def run(
        self,
        command: str,
        args: Sequence[str] | None = None,
        *,
        shell: bool = False,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        timeout: float = commands.DEFAULT_TIMEOUT,
        user: str | None = None,
        background: Literal[True],
        on_stdout: Callable[[str], None] | None = None,
        on_stderr: Callable[[str], None] | None = None,
    ) -> BackgroundCommand: ...

    def run(
        self,
        command: str,
        args: Sequence[str] | None = None,
        *,
        shell: bool = False,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        timeout: float = commands.DEFAULT_TIMEOUT,
        user: str | None = None,
        background: bool = False,
        on_stdout: Callable[[str], None] | None = None,
        on_stderr: Callable[[str], None] | None = None,
    ) -> CommandResult | BackgroundCommand:
        """Runs a command to its end, or starts it and gives a handle of it.

        A non-zero exit code is a result, not an error. The call is never repeated by itself, since the command may have
        run. A command whose time is up raises ``exec_timeout``, with the end of its output in ``details``. Without
        callbacks it does so in its first ten seconds only; later it is a result with exit code 124, ``pid`` 0, the last
        4 KiB of each output, and the reason at the end of ``stderr``.

        Standard input is empty, but in the background, where ``send_stdin`` writes to it.

        Args:
            command: a program, by name or path; with ``shell`` a line for the shell.
            args: passed to the program exactly as they are. Not together with ``shell``.
            shell: whether a shell runs ``command``.
            cwd: absolute path of an existing directory; default is the machine's working directory.
            envs: environment variables for this command only, on top of the machine's.
            timeout: seconds after which the command and its process group are ended. Not in the background.
            user: whose process it is, by name or number; default is root.
            background: returns as soon as it has started. It runs until it ends by itself or is killed.
            on_stdout, on_stderr: called with each piece of output as it comes, whole characters only. In the background
                from a thread of the handle (a task, if async); what they raise is logged then. Otherwise what they
                raise ends the call, and the command runs on until its time is up.

        Raises:
            NotFoundError: the machine does not exist (any more).
            ConflictError: the machine is not running (``machine_not_ready``).
            MachineError: the program could not be started (``exec_failed``), its time was up (``exec_timeout``), the
                daemon holds too much output (``capacity_exceeded``), the arguments make no sense
                (``invalid_request``), or there was no answer (``transport_error``).
        """
        line = commands.CommandLine(command, args, shell, cwd, envs, user)
        is_live = on_stdout is not None or on_stderr is not None
        if background:
            if is_live:
                transcript = Transcript(start=commands.live_start(line, None))
                return self._opened(transcript, on_stdout, on_stderr)
            pid = self._client.send(commands.start(self._machine_id, line))
            return BackgroundCommand(self._client, self._machine_id, self._stream(Transcript(pid=pid)))
        if is_live:
            transcript = Transcript(start=commands.live_start(line, timeout))
            return self._run_live(transcript, on_stdout, on_stderr)
        return self._client.send(commands.run(self._machine_id, line, timeout))

    def run_streaming(
        self,
        command: str,
        args: Sequence[str] | None = None,
        *,
        shell: bool = False,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        timeout: float = commands.DEFAULT_TIMEOUT,
        user: str | None = None,
        on_stdout: Callable[[str], None] | None = None,
        on_stderr: Callable[[str], None] | None = None,
    ) -> CommandResult:
        """``run`` over a live connection, also without callbacks: the result has all of the output, however much."""
        line = commands.CommandLine(command, args, shell, cwd, envs, user)
        return self._run_live(Transcript(start=commands.live_start(line, timeout)), on_stdout, on_stderr)

    def connect(
        self,
        pid: int,
        *,
        on_stdout: Callable[[str], None] | None = None,
        on_stderr: Callable[[str], None] | None = None,
    ) -> BackgroundCommand:
        """A handle of a command that was started in the background, also by another program, or that has ended.

        Args:
            pid: which one.
            on_stdout, on_stderr: called with what it has printed so far, then with what it prints.

        Raises:
            NotFoundError: there is no such process (``process_not_found``), or the machine does not exist.
            MachineError: as ``run``.
        """
        return self._opened(Transcript(pid=pid), on_stdout, on_stderr)

    def list(self) -> builtins.list[ProcessInfo]:
        """Commands that were started in the background or live, in the order of their start, with those that ended."""
        return self._client.send(commands.listing(self._machine_id))

    def get_logs(self, pid: int) -> CommandLogs:
        """What a command has printed: the first 1 MiB of both outputs together. ``exit_code`` is None while it runs.

        Raises:
            NotFoundError: there is no such process (``process_not_found``).
        """
        return self._client.send(commands.logs(self._machine_id, pid))

    def send_stdin(self, pid: int, data: str | bytes) -> None:
        """Writes to the standard input of a command; at most 4 MiB at once. Returns when the machine has taken it.

        Raises:
            NotFoundError: there is no such process (``process_not_found``).
            MachineError: it has ended, or reads nothing (``exec_failed``).
        """
        self._client.send(commands.send_stdin(self._machine_id, pid, data))

    def close_stdin(self, pid: int) -> None:
        """Ends the standard input of a command, behind what was sent before.

        Raises:
            NotFoundError: there is no such process (``process_not_found``).
        """
        end_input(self._client, self._machine_id, pid)

    def kill(self, pid: int) -> None:
        """Ends a command and its process group, with SIGKILL; returns when the command is gone.

        What it moved into a session of its own (``setsid``, daemons) is in another group and lives on. A command that
        has ended stays as it is.

        Raises:
            NotFoundError: there is no such process (``process_not_found``).
        """
        self._client.send(commands.kill(self._machine_id, pid))

    def _opened(
        self,
        transcript: Transcript,
        on_stdout: Callable[[str], None] | None,
        on_stderr: Callable[[str], None] | None,
    ) -> BackgroundCommand:
        stream = self._stream(transcript)
        stream.open()
        return BackgroundCommand(self._client, self._machine_id, stream, on_stdout, on_stderr)

    def _run_live(
        self,
        transcript: Transcript,
        on_stdout: Callable[[str], None] | None,
        on_stderr: Callable[[str], None] | None,
    ) -> CommandResult:
        stream = self._stream(transcript, without_input=True)
        try:
            stream.open()
            while True:
                chunk = stream.next()
                if chunk is None:
                    return transcript.result()
                if on_stdout is not None and chunk.stdout is not None:
                    on_stdout(chunk.stdout)
                if on_stderr is not None and chunk.stderr is not None:
                    on_stderr(chunk.stderr)
        finally:
            stream.stop()

    def _stream(self, transcript: Transcript, *, without_input: bool = False) -> ExecStream:
        return ExecStream(self._client, self._machine_id, transcript, without_input=without_input)
