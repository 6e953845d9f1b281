"""A machine: how one comes to be and how it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

from .._models import MachineInfo, MachineStatus
from .._operations import commands, life, machines
from .._run_once import RunOnceResult
from ..errors import ConflictError, MachineError
from .client import AsyncClient
from .directory import AsyncMachineDirectory
from .life import AsyncMachineLife
from .observation import AsyncMachineObservation
from .once import run_in


class AsyncMachine(AsyncMachineLife, AsyncMachineObservation, AsyncMachineDirectory):
    """A virtual machine. Made by ``create``, ``connect``, ``resume`` or ``fork``, not by its constructor.

    As a context manager it destroys the machine at the end.

    Attributes:
        info: the machine as last read; ``get_info`` reads it anew.
        commands: runs commands in it.
        files: reads and changes its files, uploads and downloads.
        git: git repositories in it.
        pty: terminals in it.
    """

    @classmethod
    async def create(
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
    ) -> AsyncMachine:
        """Creates a machine and returns when commands work in it.

        Everything that is given is sent; what the daemon cannot do, it refuses with ``not_implemented``. A lost answer
        is no lost machine: the request is repeated with the same idempotency key and then gives the same machine.

        Example:
            ```python
            async with await AsyncMachine.create(template="base", timeout=300) as machine:
                result = await machine.commands.run("python3 --version", shell=True)
            ```

        Args:
            template: what to create it from, default ``base``.
            snapshot_id: go on from a snapshot instead. Template, size, ``cwd``, ``envs``, ``internet_access``,
                ``desktop`` and warm pool come from it and cannot be given as well.
            vcpus: virtual processors, default 2.
            memory_mb: memory in MiB, default 512 (2048 for ``code-interpreter`` and ``desktop``).
            disk_mb: size of the disk in MiB, at least; default is the template's.
            timeout: seconds until ``on_timeout`` happens, default 300.
            on_timeout: what happens then, default ``destroy``.
            timeout_action: the same in the words of the wire; give one of the two.
            inactivity_timeout_ms: milliseconds without use after which the same happens; default never.
            auto_delete_after_ms: milliseconds after which a paused machine is destroyed; default never.
            ephemeral: always destroy, never pause; not together with ``auto_resume``.
            auto_resume: a command on it wakes it when it is paused; needs ``on_timeout="pause"``.
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
            NotFoundError: the template or the snapshot does not exist.
            QuotaExceededError: the host has no room for it (``capacity_exceeded``), or the owner has too much
                (``quota_exceeded``).
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
        client = AsyncClient.resolved(api_key, base_url)
        try:
            return cls(await client.send(operation), client)
        except BaseException:
            await client.aclose()
            raise

    @classmethod
    async def connect(
        cls,
        machine_id: str,
        *,
        timeout: float | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        request_timeout: float | None = None,
    ) -> AsyncMachine:
        """A handle for a machine that exists. One that is paused is resumed; any other state is left as it is.

        Args:
            machine_id: which one.
            timeout: seconds until its time is up, as ``set_timeout`` has it; default is to leave that alone.
            api_key, base_url: see ``create``.
            request_timeout: seconds without a byte from the daemon after which a resume is given up, default 300.

        Raises:
            NotFoundError: there is no such machine (any more).
            MachineError: as in ``create`` and ``resume``.
        """
        client = AsyncClient.resolved(api_key, base_url)
        try:
            info = await client.send(machines.info(machine_id))
            if info.status == MachineStatus.PAUSED:
                info = await _woken(client, machine_id, request_timeout)
            machine = cls(info, client)
            if timeout is not None:
                await machine.set_timeout(timeout)
            return machine
        except BaseException:
            await client.aclose()
            raise

    @classmethod
    async def resume(
        cls,
        machine_id: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        request_timeout: float | None = None,
    ) -> AsyncMachine:
        """Lets a paused machine go on: same id, same memory, same processes.

        Args:
            machine_id: which one.
            api_key, base_url: see ``create``.
            request_timeout: see ``connect``.

        Raises:
            NotFoundError: there is no such machine (any more).
            ConflictError: it is not paused (``machine_not_ready``), or its snapshot does not fit this host any more
                (``incompatible_snapshot``).
            QuotaExceededError: the host has no room for it, or the owner has too much.
            MachineError: as in ``create``.
        """
        client = AsyncClient.resolved(api_key, base_url)
        try:
            return cls(await client.send(life.resume(machine_id, request_timeout=request_timeout)), client)
        except BaseException:
            await client.aclose()
            raise

    @classmethod
    async def run_once(
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
        retain_on_failure: bool = False,
        retention_seconds: float = machines.RETENTION,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> RunOnceResult:
        """Creates a machine, runs one command in it, destroys the machine.

        Args:
            command, args, shell: see ``commands.run``.
            timeout: seconds the command may take. The machine itself lives at most a minute longer, whatever happens.
            template, vcpus, memory_mb, disk_mb, cwd, envs, metadata, internet_access, network: see ``create``.
            retain_on_failure: keep the machine for a look when the command exits with another code than 0, or fails
                with a ``MachineError``. Its id is in ``machine_id`` of the result, or in ``retained_machine_id`` of the
                error.
            retention_seconds: how long it is kept; then it is destroyed.
            api_key, base_url: see ``create``.

        Raises:
            MachineError: as ``create`` and ``commands.run``.
        """
        machine = await cls.create(
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
        return await run_in(
            machine,
            command,
            args,
            shell=shell,
            timeout=timeout,
            retention_seconds=retention_seconds if retain_on_failure else None,
        )

    async def __aenter__(self) -> AsyncMachine:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # It may be gone already, and a failure here must not hide what the block raised; its timeout ends it.
            with contextlib.suppress(MachineError):
                await self.kill()
        finally:
            await self.close()


async def _woken(client: AsyncClient, machine_id: str, request_timeout: float | None) -> MachineInfo:
    try:
        return await client.send(life.resume(machine_id, request_timeout=request_timeout))
    except ConflictError:
        # Somebody else may have resumed it in between, which is as good.
        info = await client.send(machines.info(machine_id))
        if info.status == MachineStatus.PAUSED:
            raise
        return info
