"""A daemon that takes uploads in parts, as far as the client can tell. Give ``route`` to a ``FakeHost``."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from typing import Any

from fakehost import DROP, MACHINE, Answer, Asked, FakeHost, refusal

BASE = "/v1/machines/mch_a"
MOMENT = "2026-01-02T03:04:05Z"
DATA = b"0123456789ab_"
"""Four parts of four bytes, the last one short."""


def asked_for(host: FakeHost) -> list[tuple[str, str]]:
    return [(asked.method, asked.path.removeprefix(BASE)) for asked in host.asked[1:]]


def failure(reason: str, **more: Any) -> Answer:
    detail = {"reason": reason, "message": reason, "retryable": False, "upload_id": "upl_1", **more}
    return refusal(409, "file_upload_error", error_detail=detail)


class FakeUploads:
    """One upload. ``faults`` has answers for single parts, used up one by one, each instead of taking the part."""

    def __init__(self) -> None:
        self.begun: dict[str, Any] = {}
        self.parts: dict[int, bytes] = {}
        self.part_size = 4
        self.max_concurrency = 2
        self.status = "created"
        self.content = b""
        self.keys: list[str] = []
        self.faults: dict[int, deque[Answer]] = {}
        self.complete_faults: deque[Answer] = deque()
        self.under_way = 0
        self.most_under_way = 0
        self.sent: list[int] = []
        self._lock = threading.Lock()
        self.gathers = 0
        """How many parts must have come before the first of them is answered."""
        self._gathered = threading.Event()

    def fails(self, part: int, *answers: Answer) -> None:
        self.faults[part] = deque(answers)

    @property
    def count(self) -> int:
        return -(-self.begun["content_length"] // self.part_size)

    def session(self) -> dict[str, Any]:
        missing = [number for number in range(self.count) if number not in self.parts]
        return {
            "upload_id": "upl_1",
            **{name: self.begun[name] for name in ("kind", "source_kind", "target_path", "content_length", "conflict")},
            "accepted_bytes": sum(map(len, self.parts.values())),
            "reserved_staging_bytes": self.begun["content_length"],
            "part_size": self.part_size,
            "part_count": self.count,
            "max_concurrency": self.max_concurrency,
            "status": self.status,
            "checksum_algorithm": "sha256",
            "limits": {
                "max_upload_bytes": 1 << 33,
                "max_part_bytes": self.part_size,
                "max_concurrency": self.max_concurrency,
                "machine_staging_quota_bytes": 1 << 34,
            },
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "expires_at": MOMENT,
            **({"next_part": missing[0]} if missing else {}),
            **{
                name: self.begun[name]
                for name in ("user", "whole_checksum_sha256", "archive_format")
                if name in self.begun
            },
        }

    def route(self, asked: Asked) -> Answer:
        path = asked.path.removeprefix(BASE)
        if path == "/uploads":
            self.begun = asked.body
            self.keys.append(asked.headers["Idempotency-Key"])
            return Answer(200, {"session": self.session()})
        if path.startswith("/uploads/upl_1/parts/"):
            return self._part(int(path.rpartition("/")[2]), asked)
        if path == "/uploads/upl_1/complete":
            return self._complete(asked)
        if path == "/uploads/upl_1":
            return Answer(200, self.session())
        if path == "/file" and asked.method == "PUT":
            self.content = asked.content
            return Answer(204)
        if path == "/files/info":
            return Answer(200, info(asked.body["path"]))
        if asked.method == "DELETE":
            return Answer(200, {"id": "mch_a", "status": "destroyed"})
        return Answer(201, MACHINE) if path == "/v1/machines" else refusal(404, "not_found")

    def _part(self, number: int, asked: Asked) -> Answer:
        with self._lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            self.sent.append(number)
            fault = self.faults[number].popleft() if self.faults.get(number) else None
            if self.under_way >= self.gathers:
                self._gathered.set()
        assert self._gathered.wait(10), "the parts are not sent together"
        with self._lock:
            self.under_way -= 1
            if fault is not None and fault is not DROP:
                return fault
            # A connection may be lost before or after the part was taken: that it was is the harder case.
            assert asked.headers["x-nullspace-part-sha256"] == hashlib.sha256(asked.content).hexdigest()
            assert asked.headers["Content-Type"] == "application/octet-stream"
            self.parts[number] = asked.content
            self.status = "uploading"
            return fault or Answer(200, self.session())

    def _complete(self, asked: Asked) -> Answer:
        self.keys.append(asked.headers["Idempotency-Key"])
        if self.complete_faults:
            return self.complete_faults.popleft()
        self.content = b"".join(self.parts[number] for number in range(self.count))
        if hashlib.sha256(self.content).hexdigest() != asked.body["whole_checksum_sha256"]:
            return failure("whole_checksum_mismatch")
        self.status = "completed"
        return Answer(200, {"session": self.session(), "published_bytes": len(self.content), "published_file_count": 1})


def info(path: str) -> dict[str, Any]:
    return {
        "name": path.rpartition("/")[2],
        "path": path if path.startswith("/") else f"/workspace/{path}",
        "is_dir": False,
        "size": 0,
        "type": "file",
        "mode": "0644",
        "permissions": "0644",
        "owner": "root",
        "group": "root",
        "modified_time": MOMENT,
    }
