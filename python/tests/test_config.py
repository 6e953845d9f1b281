from __future__ import annotations

import json
from pathlib import Path

import pytest

from nullspace import AuthError, MachineError
from nullspace._config import resolve


def write_config(path: Path, **values: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source holds a setting of its own."""
    monkeypatch.setenv("NULLSPACE_API_KEY", "key-env")
    monkeypatch.setenv("NULLSPACE_TOKEN", "key-env-old")
    monkeypatch.setenv("NULLSPACE_API_URL", "http://env")
    monkeypatch.setenv("NULLSPACE_BASE_URL", "http://env-old")
    Path(".env").write_text(
        'NULLSPACE_API_KEY="key-dotenv"\nexport NULLSPACE_TOKEN=key-dotenv-old\n'
        "# NULLSPACE_API_URL=http://no\nNULLSPACE_API_URL = http://dotenv#x\nNULLSPACE_BASE_URL=http://dotenv-old\n"
    )
    home = Path.home()
    write_config(home / ".config/nullspace/config.json", api_key="key-xdg", base_url="http://xdg", api_url="http://no")
    write_config(home / ".nullspace/config.json", api_key="key-legacy", api_url="http://legacy")


def test_sources_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    assert resolve("key-arg", "http://arg").base_url == "http://arg"
    seen = [resolve("key-arg", None).api_key]
    urls: list[str] = []
    for step in (
        lambda: None,
        lambda: (monkeypatch.delenv("NULLSPACE_API_KEY"), monkeypatch.delenv("NULLSPACE_API_URL")),
        lambda: (monkeypatch.setenv("NULLSPACE_TOKEN", "  "), monkeypatch.setenv("NULLSPACE_BASE_URL", "")),
        lambda: Path(".env").write_text("NULLSPACE_TOKEN=key-dotenv-old\nNULLSPACE_BASE_URL=http://dotenv-old\n"),
        lambda: Path(".env").unlink(),
        lambda: (Path.home() / ".config/nullspace/config.json").write_text("{not json"),
    ):
        step()
        seen.append(resolve().api_key)
        urls.append(resolve().base_url)
    assert seen == ["key-arg", "key-env", "key-env-old", "key-dotenv", "key-dotenv-old", "key-xdg", "key-legacy"]
    assert urls == [
        "http://env",
        "http://env-old",
        "http://dotenv#x",
        "http://dotenv-old",
        "http://xdg",
        "http://legacy",
    ]


def test_xdg_config_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    write_config(tmp_path / "xdg/nullspace/config.json", api_key="k", api_url="http://x/")
    assert resolve() == resolve("k", "http://x")


def test_each_setting_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NULLSPACE_API_KEY", "k")
    assert resolve().base_url == "http://localhost:3000"


def test_slashes_cut_and_prefix_kept() -> None:
    assert resolve("k", " http://h/pre// ").base_url == "http://h/pre"


def test_no_key() -> None:
    with pytest.raises(AuthError) as caught:
        resolve()
    assert caught.value.code == "missing_api_key"


def test_empty_argument_does_not_fall_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NULLSPACE_API_KEY", "k")
    with pytest.raises(AuthError):
        resolve("")


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel"])
def test_impossible_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(AuthError) as caught:
        resolve(key)
    assert key not in str(caught.value)


def test_impossible_url() -> None:
    with pytest.raises(MachineError, match="http"):
        resolve("k", "localhost:3000")


def test_key_is_not_in_repr() -> None:
    assert "secret" not in repr(resolve("secret"))
