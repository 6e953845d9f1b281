"""A daemon made of scripted answers, on loopback. It records what it was asked."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MACHINE: dict[str, Any] = {
    "id": "mch_a",
    "status": "running",
    "config": {"vcpus": 2, "memory_mb": 512, "disk_mb": 2048},
    "template": "base",
    "created_at": "2026-01-01T00:00:00.123456789Z",
    "metadata": {},
    "timeout_ms": 300000,
    "timeout_action": "destroy",
    "ephemeral": False,
    "cwd": "/workspace",
    "auto_resume": False,
}
SAMPLE = {
    "timestamp": "2026-01-01T00:00:00Z",
    "cpu_percent": 12.5,
    "cpu_count": 2,
    "mem_used_bytes": 1,
    "mem_total_bytes": 2,
    "disk_used_bytes": 3,
    "disk_total_bytes": 4,
    "network_rx_bytes": 5,
    "network_tx_bytes": 6,
}
EXEC = {"exit_code": 0, "stdout": "hi\n", "stderr": "", "pid": 7}


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drop: bool = False

    def content(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else json.dumps(self.body).encode()


def refusal(status: int, code: str, **more: Any) -> Answer:
    return Answer(status, {"error": f"refused: {code}", "code": code, **more})


DROP = Answer(drop=True)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class FakeHost:
    """``answers`` are given in order; then ``route``, if set, decides by request."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.asked: list[Asked] = []
        self.route: Callable[[Asked], Answer] | None = None
        self.url = ""

    def says(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.answers:
            return self.answers.popleft()
        return self.route(asked) if self.route else refusal(500, "no_answer_scripted")


@contextmanager
def running_host() -> Iterator[FakeHost]:
    host = FakeHost()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _serve(self) -> None:
            url = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(self.command, url.path, dict(parse_qsl(url.query)), dict(self.headers.items()), content)
            answer = host.answer(asked)
            if answer.drop:
                self.close_connection = True
                return
            reply = answer.content()
            self.send_response(answer.status)
            for name, value in {"x-request-id": "req_1", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
