"""A daemon whose WebSockets are scripted, on loopback. Plain reads are answered as well."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from fakehost import Answer

Script = Callable[["Peer"], None]
LONGEST_WAIT = 10.0


class Peer:
    """The daemon's end of one connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def says(self, *frames: Mapping[str, Any] | str) -> None:
        for frame in frames:
            self._connection.send(frame if isinstance(frame, str) else json.dumps(frame))

    def hears(self) -> dict[str, Any]:
        return json.loads(self._connection.recv(timeout=LONGEST_WAIT))

    def breaks(self) -> None:
        """The connection is lost, without a word."""
        self._connection.socket.shutdown(SHUT_RDWR)

    def waits_for_the_end(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                self._connection.recv(timeout=LONGEST_WAIT)


class FakeSockets:
    """``scripts`` are used up in order, one per upgrade: a script plays a connection, an answer refuses one."""

    def __init__(self) -> None:
        self.scripts: deque[Script | Answer] = deque()
        self.reads: deque[Answer] = deque()
        self.upgrades: list[tuple[str, Headers]] = []
        self.read_paths: list[str] = []
        self.ended = threading.Semaphore(0)
        self.url = ""

    def plays(self, *scripts: Script | Answer) -> None:
        self.scripts.extend(scripts)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if "upgrade" not in request.headers:
            self.read_paths.append(request.path)
            return _response(self.reads.popleft())
        self.upgrades.append((request.path, request.headers))
        if not self.scripts:
            return _response(Answer(400, {"error": "no script is left", "code": "invalid_request"}))
        first = self.scripts[0]
        return _response(self.scripts.popleft()) if isinstance(first, Answer) else None

    def serve(self, connection: ServerConnection) -> None:
        script = self.scripts.popleft()
        assert not isinstance(script, Answer)
        # The client may go in mid-sentence: a callback that stops its subscription at the first of two frames.
        with suppress(ConnectionClosed):
            script(Peer(connection))
        self.ended.release()


def _response(answer: Answer) -> Response:
    content = answer.content()
    headers = Headers({"content-type": "application/json", **answer.headers, "content-length": str(len(content))})
    return Response(answer.status, "", headers, content)


@contextmanager
def running_sockets() -> Iterator[FakeSockets]:
    fake = FakeSockets()
    with serve(fake.serve, "127.0.0.1", 0, process_request=fake.admit) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        fake.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
