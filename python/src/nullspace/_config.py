"""Where API key and base URL come from: argument, environment, ./.env, config file, legacy config file.

Each setting is looked up for itself, so that a key from the environment goes with a URL from the config file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .errors import AuthError, MachineError

DEFAULT_BASE_URL = "http://localhost:3000"

KEY_VARIABLES = ("NULLSPACE_API_KEY", "NULLSPACE_TOKEN")
URL_VARIABLES = ("NULLSPACE_API_URL", "NULLSPACE_BASE_URL")
KEY_CONFIG_KEYS = ("api_key",)
URL_CONFIG_KEYS = ("base_url", "api_url")


@dataclass(frozen=True)
class Settings:
    """What a client needs to know. The key is kept out of ``repr`` so that it does not end up in logs."""

    api_key: str = field(repr=False)
    base_url: str


def resolve(api_key: str | None = None, base_url: str | None = None) -> Settings:
    """Settings for one client. Raises ``AuthError`` (code ``missing_api_key``) when there is no key anywhere."""
    return Settings(api_key=_checked_key(_find_key(api_key)), base_url=_checked_url(_find_url(base_url)))


def _find_key(argument: str | None) -> str:
    # An explicit empty key is a mistake of the caller; falling through would use somebody else's key.
    if argument is not None:
        return argument.strip()
    return _look_up(KEY_VARIABLES, KEY_CONFIG_KEYS) or ""


def _find_url(argument: str | None) -> str:
    if argument is not None and argument.strip():
        return argument.strip()
    return _look_up(URL_VARIABLES, URL_CONFIG_KEYS) or DEFAULT_BASE_URL


def _checked_key(key: str) -> str:
    if not key:
        raise AuthError(
            "No API key.",
            code="missing_api_key",
            suggested_action='Pass api_key=, set NULLSPACE_API_KEY, or run "nullspace auth login".',
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise AuthError("The API key holds characters that no key has.", code="unauthorized")
    return key


def _checked_url(url: str) -> str:
    if not url.lower().startswith(("http://", "https://")):
        raise MachineError(f"The base URL must begin with http:// or https://: {url}", code="invalid_request")
    return url.rstrip("/")


def _look_up(variables: tuple[str, ...], config_keys: tuple[str, ...]) -> str | None:
    return (
        _first(os.environ, variables)
        or _first(_read_dotenv(Path(".env")), variables)
        or _first(_read_json(_xdg_config()), config_keys)
        or _first(_read_json(_home() / ".nullspace" / "config.json"), config_keys)
    )


def _first(source: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _home() -> Path:
    return Path(os.path.expanduser("~"))


def _xdg_config() -> Path:
    root = os.environ.get("XDG_CONFIG_HOME")
    return (Path(root) if root else _home() / ".config") / "nullspace" / "config.json"


def _read_text(path: Path) -> str | None:
    # A file that cannot be read is as good as none: the next source may still have the setting.
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _read_dotenv(path: Path) -> dict[str, str]:
    """Plain ``NAME=value`` lines; ``#`` lines, a leading ``export`` and quotes around the value are understood."""
    values: dict[str, str] = {}
    for line in (_read_text(path) or "").splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        name = name.strip()
        if name.startswith("export "):
            name = name[len("export ") :].strip()
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[name] = value
    return values


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        document: object = json.loads(_read_text(path) or "{}")
    except json.JSONDecodeError:
        return {}
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else {}
