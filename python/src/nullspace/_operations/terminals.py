"""Terminals of a machine, as far as no connection to them is needed."""

from __future__ import annotations

from .. import _wire
from .._models import PtySessionInfo
from .._operation import Operation, segment
from .._pty_frames import check_size
from .._retry import READ, REPEATABLE, UNTIL_FREE
from .life import path_of


def channel(machine_id: str) -> str:
    return path_of(machine_id, "ws?channel=pty")


def listing(machine_id: str) -> Operation[list[PtySessionInfo]]:
    return Operation(
        method="GET",
        path=path_of(machine_id, "pty"),
        read=_wire.answer(_wire.array(PtySessionInfo.from_wire)),
        retry=READ,
    )


def info(machine_id: str, session_id: str) -> Operation[PtySessionInfo]:
    return Operation(method="GET", path=_session(machine_id, session_id), read=PtySessionInfo.from_wire, retry=READ)


def resize(machine_id: str, session_id: str, cols: int, rows: int) -> Operation[None]:
    check_size(cols, rows)
    return Operation(
        method="POST",
        path=f"{_session(machine_id, session_id)}/resize",
        body={"cols": cols, "rows": rows},
        read=lambda _: None,
        retry=REPEATABLE,
    )


def kill(machine_id: str, session_id: str) -> Operation[None]:
    return Operation(method="DELETE", path=_session(machine_id, session_id), read=lambda _: None, retry=UNTIL_FREE)


def _session(machine_id: str, session_id: str) -> str:
    return path_of(machine_id, f"pty/{segment(session_id, 'session_id')}")
