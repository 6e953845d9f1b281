"""Every test starts without settings of the person who runs it, and without a real wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakehost import FakeHost, running_host
from fakesockets import FakeSockets, running_sockets
from fakeuploads import DATA, FakeUploads
from nullspace import _background, _config
from nullspace._sync import client


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*_config.KEY_VARIABLES, *_config.URL_VARIABLES, "XDG_CONFIG_HOME", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    """A scripted daemon that the settings point to."""
    with running_host() as running:
        monkeypatch.setenv("NULLSPACE_API_URL", running.url)
        monkeypatch.setenv("NULLSPACE_API_KEY", "ns_live_test")
        yield running


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, in seconds, instead of waiting."""
    waited: list[float] = []
    assert client.Client.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(client.Client.__init__.__kwdefaults__, "sleep", waited.append)
    return waited


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSockets]:
    """A daemon with scripted WebSockets that the settings point to."""
    with running_sockets() as running:
        monkeypatch.setenv("NULLSPACE_API_URL", running.url)
        monkeypatch.setenv("NULLSPACE_API_KEY", "ns_live_test")
        yield running


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before connections are opened again, in seconds, instead of pausing."""
    paused: list[float] = []

    async def pause(_: object, seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(_background.Signal, "wait", lambda _, seconds: paused.append(seconds))
    monkeypatch.setattr(_background.AsyncSignal, "wait", pause)
    return paused


@pytest.fixture
def uploads(host: FakeHost) -> FakeUploads:
    """What takes uploads on that daemon."""
    fake = FakeUploads()
    host.route = fake.route
    return fake


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file that holds ``DATA``."""
    path = tmp_path / "data.bin"
    path.write_bytes(DATA)
    return path
