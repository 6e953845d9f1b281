"""A daemon made of scripted answers, on loopback. It records what it was asked."""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    pieces: Iterable[bytes] | None = None
    """Instead of the others: sent one after another, each only when the one before is on its way."""
    length: int | None = None
    """What it claims to be long, where that is not so."""

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
    target: str
    """Path and query as they came."""

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
        self.heard: Callable[[bytes], None] | None = None
        """Told of each piece of a body that comes in pieces."""

    def says(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.answers:
            return self.answers.popleft()
        return self.route(asked) if self.route else refusal(500, "no_answer_scripted")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may go in the middle of a request: it cancels what it does not need any more.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def running_host() -> Iterator[FakeHost]:
    host = FakeHost()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _serve(self) -> None:
            url = urlsplit(self.path)
            content = b"".join(self._pieces()) if self.headers.get("transfer-encoding") else self._whole()
            asked = Asked(
                self.command, url.path, dict(parse_qsl(url.query)), dict(self.headers.items()), content, self.path
            )
            answer = host.answer(asked)
            if answer.drop:
                self.close_connection = True
                return
            reply = answer.content()
            pieces = [reply] if answer.pieces is None else answer.pieces
            self.send_response(answer.status)
            for name, value in {"x-request-id": "req_1", **answer.headers}.items():
                self.send_header(name, value)
            if answer.pieces is None:
                self.send_header("content-length", str(len(reply) if answer.length is None else answer.length))
            # Otherwise the end of the connection is the end of the answer.
            self.close_connection = answer.pieces is not None or answer.length is not None
            self.end_headers()
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()

        def _whole(self) -> bytes:
            return self.rfile.read(int(self.headers.get("content-length") or 0))

        def _pieces(self) -> Iterator[bytes]:
            while length := int(self.rfile.readline(), 16):
                piece = self.rfile.read(length)
                self.rfile.readline()
                if host.heard is not None:
                    host.heard(piece)
                yield piece
            self.rfile.readline()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
