from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from fakehost import MACHINE
from nullspace import MachineError, MachineInfo, MachineStatus, _wire


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        ("2026-01-02T03:04:05.5z", datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=timezone.utc)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=timezone.utc)),
        ("2026-01-02T03:04:05-02:30", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=2, minutes=30)))),
    ],
)
def test_timestamps(text: str, value: datetime) -> None:
    assert _wire.timestamp(text, "x") == value


@pytest.mark.parametrize("bad", ["2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05", 5, None])
def test_bad_timestamps(bad: Any) -> None:
    with pytest.raises(MachineError, match="x must be a date and time"):
        _wire.timestamp(bad, "x")


def test_machine_is_read() -> None:
    info = MachineInfo.from_wire({**MACHINE, "timeout_ms": 1500.0, "started_at": None, "of_tomorrow": 1})
    assert (info.config.memory_mb, info.timeout_ms, info.started_at) == (512, 1500, None)
    assert info.status is MachineStatus.RUNNING
    assert info.status == "running"
    assert f"{info.status}" == "running"


def test_unknown_state_is_kept() -> None:
    status = MachineInfo.from_wire({**MACHINE, "status": "migrating"}).status
    assert status == "migrating"
    assert isinstance(status, MachineStatus)
    assert status not in list(MachineStatus)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"config": {"vcpus": 2, "memory_mb": "512", "disk_mb": 1}}, "MachineInfo.config.memory_mb must be a whole"),
        ({"status": 5}, "MachineInfo.status must be a string, not int"),
        ({"metadata": []}, "MachineInfo.metadata must be an object"),
        ({"ephemeral": 1}, "MachineInfo.ephemeral must be a boolean"),
        ({"timeout_ms": True}, "MachineInfo.timeout_ms must be a whole"),
    ],
)
def test_misfits_name_their_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(MachineError, match=place) as caught:
        MachineInfo.from_wire({**MACHINE, **change})
    assert caught.value.code == "invalid_response"


def test_missing_field() -> None:
    with pytest.raises(MachineError, match=r"MachineInfo\.id is missing"):
        MachineInfo.from_wire({name: value for name, value in MACHINE.items() if name != "id"})
