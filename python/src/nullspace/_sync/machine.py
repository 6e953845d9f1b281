# Generated from _async/machine.py by tools/gen_sync.py; do not edit.

"""A machine: its life, and the way to what is in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, overload

from .._models import CommandResult, MachineInfo, MachineStatus
from .._operations import commands, machines
from ..errors import MachineError
from .client import Client
from .commands import Commands
from .directory import MachineDirectory


class Machine(MachineDirectory):
    """A virtual machine. Made by ``create`` or ``connect``, not by its constructor.

    As a context manager it destroys the machine at the end.

    Attributes:
        info: the machine as last read; ``get_info`` reads it anew.
        commands: runs commands in it.
    """

    def __init__(self, info: MachineInfo, client: Client) -> None:
        self.info = info
        self.commands = Commands(client, info.id)
        self._client = client

    @property
    def id(self) -> str:
        """The machine's id, ``mch_...``; the CLI and plain HTTP take the same."""
        return self.info.id

    def __repr__(self) -> str:
        return f"<Machine {self.id}>"

    @classmethod
    def create(
        cls,
        template: str | None = None,
        *,
        snapshot_id: str | None = None,
        vcpus: int | None = None,
        memory_mb: int | None = None,
        disk_mb: int | None = None,
        timeout: float | None = None,
        on_timeout: Literal["destroy", "pause"] | None = None,
        timeout_action: Literal["destroy", "hibernate"] | None = None,
        inactivity_timeout_ms: int | None = None,
        auto_delete_after_ms: int | None = None,
        ephemeral: bool | None = None,
        auto_resume: bool | None = None,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        internet_access: bool | None = None,
        network: Mapping[str, Any] | None = None,
        volumes: Sequence[Mapping[str, Any]] | None = None,
        desktop: Mapping[str, Any] | None = None,
        warm_pool: str | None = None,
        warm_pool_mode: Literal["prefer", "require", "bypass"] | None = None,
        warm_pool_wait_ms: int | None = None,
        idempotency_key: str | None = None,
        request_timeout: float | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> Machine:
        """Creates a machine and returns when commands work in it.

        Everything that is given is sent; what the daemon cannot do, it refuses with ``not_implemented``. A lost answer
        is no lost machine: the request is repeated with the same idempotency key and then gives the same machine.

        Example:
            ```python
            with Machine.create(template="base", timeout=300) as machine:
                result = machine.commands.run("python3 --version", shell=True)
            ```

        Args:
            template: what to create it from, default ``base``.
            snapshot_id: create from a snapshot instead. Template, size, ``cwd``, ``envs``, ``internet_access``,
                ``desktop`` and warm pool come from it and cannot be given as well.
            vcpus: virtual processors, default 2.
            memory_mb: memory in MiB, default 512 (2048 for ``code-interpreter`` and ``desktop``).
            disk_mb: size of the disk in MiB, at least; default is the template's.
            timeout: seconds until ``on_timeout`` happens, default 300.
            on_timeout: what happens then, default ``destroy``.
            timeout_action: the same in the words of the wire; give one of the two.
            inactivity_timeout_ms: milliseconds without use after which the same happens; default never.
            auto_delete_after_ms: milliseconds after which a paused machine is destroyed; default never.
            ephemeral: always destroy, never pause.
            auto_resume: wake it from a pause when it is used; needs ``on_timeout="pause"``.
            cwd: working directory of commands, absolute; default is the template's.
            envs: environment variables of every command.
            metadata: anything that fits JSON; kept with the machine, and lists can be filtered by it.
            internet_access: whether it reaches the internet, default True.
            network: policy for traffic in and out, as on the wire.
            volumes: volumes to attach, as on the wire.
            desktop: screen of the template ``desktop``, as on the wire.
            warm_pool: id of the pool to take it from.
            warm_pool_mode: whether the pool is preferred, required or passed by.
            warm_pool_wait_ms: milliseconds to wait for the pool.
            idempotency_key: a second call with the same key and options gives the same machine; default is a new one.
            request_timeout: seconds without a byte from the daemon after which one try is given up, default 120.
            api_key: default is NULLSPACE_API_KEY, NULLSPACE_TOKEN, ``./.env``, the config file.
            base_url: default is NULLSPACE_API_URL, NULLSPACE_BASE_URL, ``./.env``, the config file,
                ``http://localhost:3000``.

        Raises:
            AuthError: no key (``missing_api_key``), or one that is not valid.
            NotFoundError: the template does not exist.
            QuotaExceededError: the host has no room for it (``capacity_exceeded``).
            ConflictError: the idempotency key was used with other options (``idempotency_conflict``).
            NotImplementedError: the daemon does not have what an option asks for.
            MachineError: an option makes no sense (``invalid_request``), the host cannot start machines
                (``no_eligible_runtime_host``), or there was no answer (``transport_error``).
        """
        options = machines.CreateOptions(
            template=template,
            snapshot_id=snapshot_id,
            vcpus=vcpus,
            memory_mb=memory_mb,
            disk_mb=disk_mb,
            timeout=timeout,
            timeout_action=timeout_action,
            on_timeout=on_timeout,
            inactivity_timeout_ms=inactivity_timeout_ms,
            auto_delete_after_ms=auto_delete_after_ms,
            ephemeral=ephemeral,
            auto_resume=auto_resume,
            cwd=cwd,
            envs=envs,
            metadata=metadata,
            internet_access=internet_access,
            network=network,
            volumes=volumes,
            desktop=desktop,
            warm_pool=warm_pool,
            warm_pool_mode=warm_pool_mode,
            warm_pool_wait_ms=warm_pool_wait_ms,
        )
        operation = machines.create(options, idempotency_key=idempotency_key, request_timeout=request_timeout)
        client = Client.resolved(api_key, base_url)
        try:
            return cls(client.send(operation), client)
        except BaseException:
            client.close()
            raise

    @classmethod
    def connect(cls, machine_id: str, *, api_key: str | None = None, base_url: str | None = None) -> Machine:
        """A handle for a machine that exists. Its state is left as it is.

        Raises:
            NotFoundError: there is no such machine (any more).
            MachineError: as in ``create``.
        """
        client = Client.resolved(api_key, base_url)
        try:
            return cls(client.send(machines.info(machine_id)), client)
        except BaseException:
            client.close()
            raise

    @classmethod
    def run_once(
        cls,
        command: str,
        args: Sequence[str] | None = None,
        *,
        shell: bool = False,
        timeout: float = commands.DEFAULT_TIMEOUT,
        template: str | None = None,
        vcpus: int | None = None,
        memory_mb: int | None = None,
        disk_mb: int | None = None,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        internet_access: bool | None = None,
        network: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> CommandResult:
        """Creates a machine, runs one command in it, destroys the machine.

        Args:
            command, args, shell: see ``commands.run``.
            timeout: seconds the command may take. The machine itself lives at most a minute longer, whatever happens.
            template, vcpus, memory_mb, disk_mb, cwd, envs, metadata, internet_access, network: see ``create``.
            api_key, base_url: see ``create``.

        Raises:
            MachineError: as ``create`` and ``commands.run``.
        """
        machine = cls.create(
            template=template,
            vcpus=vcpus,
            memory_mb=memory_mb,
            disk_mb=disk_mb,
            timeout=timeout + machines.RUN_ONCE_MARGIN,
            cwd=cwd,
            envs=envs,
            metadata=metadata,
            internet_access=internet_access,
            network=network,
            api_key=api_key,
            base_url=base_url,
        )
        with machine:
            return machine.commands.run(command, args, shell=shell, timeout=timeout)

    @overload
    def get_info(self, *, fields: None = None) -> MachineInfo: ...

    @overload
    def get_info(self, *, fields: Iterable[str] | str) -> dict[str, Any]: ...

    def get_info(self, *, fields: Iterable[str] | str | None = None) -> MachineInfo | dict[str, Any]:
        """Reads the machine; see ``get_info_by_id``. Without ``fields`` it also renews ``info``."""
        if fields is not None:
            return self._client.send(machines.masked_info(self.id, fields))
        self.info = self._client.send(machines.info(self.id))
        return self.info

    def kill(self) -> None:
        """Destroys the machine and everything in it.

        Raises:
            NotFoundError: it does not exist any more.
            MachineError: as in ``create``.
        """
        self._client.send(machines.destroy(self.id))

    def is_running(self) -> bool:
        """Whether the machine is in state ``running`` now.

        Raises:
            NotFoundError: it does not exist any more.
            MachineError: as in ``create``.
        """
        return (self.get_info()).status == MachineStatus.RUNNING

    def close(self) -> None:
        """Ends the connections of this handle. The machine lives on."""
        self._client.close()

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # It may be gone already, and a failure here must not hide what the block raised; its timeout ends it.
            with contextlib.suppress(MachineError):
                self.kill()
        finally:
            self.close()
