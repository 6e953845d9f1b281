"""Machines: create, read, list, destroy."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _wire
from .._models import MachineInfo
from .._operation import Operation, field_mask, given, segment
from .._retry import READ, UNTIL_FREE, WITH_KEY
from ..errors import MachineError

DEFAULT_TEMPLATE = "base"
DEFAULT_VCPUS = 2
DEFAULT_MEMORY_MB = 512
DEFAULT_MEMORY_MB_OF = {"code-interpreter": 2048, "desktop": 2048}
DEFAULT_TIMEOUT = 300.0
RUN_ONCE_MARGIN = 60.0
"""Seconds a machine for one command outlives the command's time limit."""
RETENTION = 3600.0
"""Seconds such a machine is kept for a look."""
PAGE_LIMIT = 100
CREATE_SILENCE = 120.0

_COLLECTION = "/v1/machines"


@dataclass(frozen=True)
class CreateOptions:
    """What ``create`` takes, None for what was not given. Units as there."""

    template: str | None = None
    snapshot_id: str | None = None
    vcpus: int | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    timeout: float | None = None
    timeout_action: str | None = None
    on_timeout: str | None = None
    inactivity_timeout_ms: int | None = None
    auto_delete_after_ms: int | None = None
    ephemeral: bool | None = None
    auto_resume: bool | None = None
    cwd: str | None = None
    envs: Mapping[str, str] | None = None
    metadata: Mapping[str, Any] | None = None
    internet_access: bool | None = None
    network: Mapping[str, Any] | None = None
    volumes: Sequence[Mapping[str, Any]] | None = None
    desktop: Mapping[str, Any] | None = None
    warm_pool: str | None = None
    warm_pool_mode: str | None = None
    warm_pool_wait_ms: int | None = None


# A snapshot brings these along, so that giving one as well would be ignored.
_FROM_SNAPSHOT = (
    "template", "vcpus", "memory_mb", "disk_mb", "cwd", "envs", "internet_access", "desktop",
    "warm_pool", "warm_pool_mode", "warm_pool_wait_ms",
)  # fmt: skip


def create(
    options: CreateOptions, *, idempotency_key: str | None = None, request_timeout: float | None = None
) -> Operation[MachineInfo]:
    return Operation(
        method="POST",
        path=_COLLECTION,
        headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
        body=create_body(options),
        read=_machine,
        retry=WITH_KEY,
        silence=CREATE_SILENCE if request_timeout is None else request_timeout,
    )


def create_body(options: CreateOptions) -> dict[str, Any]:
    common = given(
        {
            "timeout_ms": milliseconds(DEFAULT_TIMEOUT if options.timeout is None else options.timeout),
            "timeout_action": options.timeout_action,
            "lifecycle": None if options.on_timeout is None else {"on_timeout": options.on_timeout},
            "inactivity_timeout_ms": options.inactivity_timeout_ms,
            "auto_delete_after_ms": options.auto_delete_after_ms,
            "ephemeral": options.ephemeral,
            "auto_resume": options.auto_resume,
            "metadata": options.metadata,
            "network": options.network,
            "volumes": options.volumes,
        }
    )
    if options.snapshot_id is not None:
        _refuse_with_snapshot(options)
        return {"snapshot_id": options.snapshot_id, **common}
    template = DEFAULT_TEMPLATE if options.template is None else options.template
    memory_mb = DEFAULT_MEMORY_MB_OF.get(template, DEFAULT_MEMORY_MB)
    return {
        "template": template,
        "vcpus": DEFAULT_VCPUS if options.vcpus is None else options.vcpus,
        "memory_mb": memory_mb if options.memory_mb is None else options.memory_mb,
        "internet_access": True if options.internet_access is None else options.internet_access,
        **given(
            {
                "disk_mb": options.disk_mb,
                "cwd": options.cwd,
                "envs": options.envs,
                "desktop": options.desktop,
                "warm_pool": _warm_pool(options),
            }
        ),
        **common,
    }


def _refuse_with_snapshot(options: CreateOptions) -> None:
    extra = [name for name in _FROM_SNAPSHOT if getattr(options, name) is not None]
    if extra:
        raise MachineError(
            f"{', '.join(extra)} cannot be given together with snapshot_id: the snapshot brings it along.",
            code="invalid_request",
        )


def _warm_pool(options: CreateOptions) -> dict[str, Any] | None:
    pool = given({"id": options.warm_pool, "mode": options.warm_pool_mode, "wait_ms": options.warm_pool_wait_ms})
    return pool or None


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def info(machine_id: str) -> Operation[MachineInfo]:
    return Operation(method="GET", path=_path(machine_id), read=_machine, retry=READ)


def masked_info(machine_id: str, fields: Iterable[str] | str) -> Operation[dict[str, Any]]:
    return Operation(method="GET", path=_path(machine_id), query=field_mask(fields), read=_object, retry=READ)


def destroy(machine_id: str) -> Operation[None]:
    return Operation(method="DELETE", path=_path(machine_id), read=lambda _: None, retry=UNTIL_FREE)


@dataclass(frozen=True)
class MachineQuery:
    """Which machines to list: all conditions must hold.

    Attributes:
        state: states a machine may be in, e.g. ``["running", "paused"]``; None for any.
        template: name of its template.
        metadata: pairs its metadata must hold.
    """

    state: Sequence[str] | str | None = None
    template: str | None = None
    metadata: Mapping[str, Any] | None = None

    def wire(self) -> dict[str, str]:
        state = self.state if self.state is None or isinstance(self.state, str) else ",".join(map(str, self.state))
        metadata = None if self.metadata is None else json.dumps(self.metadata, ensure_ascii=False)
        return given({"state": state and str(state), "template": self.template, "metadata": metadata})


@dataclass(frozen=True)
class Page:
    """One page of a list. ``next_token`` is None on the last one."""

    items: list[MachineInfo]
    next_token: str | None


@dataclass(frozen=True)
class MaskedPage:
    """One page of a list with a field mask."""

    items: list[dict[str, Any]]
    next_token: str | None


def page(query: MachineQuery, *, limit: int | None, next_token: str | None) -> Operation[Page]:
    return Operation(
        method="GET", path=_COLLECTION, query=_page_query(query, limit, next_token), read=_page, retry=READ
    )


def masked_page(
    query: MachineQuery, fields: Iterable[str] | str, *, limit: int | None, next_token: str | None
) -> Operation[MaskedPage]:
    return Operation(
        method="GET",
        path=_COLLECTION,
        query={**_page_query(query, limit, next_token), **field_mask(fields)},
        read=_masked_page,
        retry=READ,
    )


def _page_query(query: MachineQuery, limit: int | None, next_token: str | None) -> dict[str, str]:
    # Always with a limit: without any query the daemon answers with everything at once.
    token = {} if next_token is None else {"next_token": next_token}
    return {**query.wire(), "limit": str(PAGE_LIMIT if limit is None else limit), **token}


def _path(machine_id: str) -> str:
    return f"{_COLLECTION}/{segment(machine_id, 'machine_id')}"


def _machine(document: object) -> MachineInfo:
    return MachineInfo.from_wire(document)


def _object(document: object) -> dict[str, Any]:
    return dict(_wire.fields(document, "machine"))


def _page(document: object) -> Page:
    source = _wire.fields(document, "list")
    return Page(_wire.required(source, "items", _wire.array(MachineInfo.from_wire), "list"), _next_token(source))


def _masked_page(document: object) -> MaskedPage:
    source = _wire.fields(document, "list")
    items = _wire.required(source, "items", _wire.array(_wire.mapping(_wire.anything)), "list")
    return MaskedPage(items, _next_token(source))


def _next_token(source: Mapping[str, Any]) -> str | None:
    has_next = _wire.required(source, "has_next", _wire.boolean, "list")
    return _wire.optional(source, "next_token", _wire.string, "list") if has_next else None


def query_of(
    state: Sequence[str] | str | None,
    template: str | None,
    metadata: Mapping[str, Any] | None,
    query: MachineQuery | None,
) -> MachineQuery:
    """The conditions of a list, from either way of giving them."""
    conditions = MachineQuery(state, template, metadata)
    if query is None:
        return conditions
    if conditions != MachineQuery():
        raise MachineError("Give either query or its parts, not both.", code="invalid_request")
    return query
