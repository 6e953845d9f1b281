"""Patterns of files to leave out, as in a ``.gitignore``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class _Rule(NamedTuple):
    path: re.Pattern[str]
    only_directories: bool
    leaves_out: bool


class IgnoreRules:
    """The last pattern that fits decides; ``!`` takes back in. What is below a directory that is left out stays out."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules = [rule for rule in map(_rule, patterns) if rule is not None]

    def leaves_out(self, path: str, is_directory: bool) -> bool:
        """``path`` is relative, with slashes."""
        for rule in reversed(self._rules):
            if (is_directory or not rule.only_directories) and rule.path.fullmatch(path):
                return rule.leaves_out
        return False


def _rule(line: str) -> _Rule | None:
    pattern = _without_trailing_blanks(line.rstrip("\r\n"))
    if not pattern or pattern.startswith("#"):
        return None
    leaves_out = not pattern.startswith("!")
    pattern = pattern if leaves_out else pattern[1:]
    only_directories = pattern.endswith("/")
    pattern = pattern.rstrip("/")
    if not pattern:
        return None
    # With a slash in front or within, it is a path from the top; otherwise a name anywhere.
    anywhere = "" if "/" in pattern else "(?:.*/)?"
    try:
        path = re.compile(anywhere + _expression(pattern.lstrip("/")), re.DOTALL)
    except re.error:
        # [z-a] fits nothing.
        return None
    return _Rule(path, only_directories, leaves_out)


def _without_trailing_blanks(pattern: str) -> str:
    bare = pattern.rstrip(" ")
    escaped = bare.endswith("\\") and (len(bare) - len(bare.rstrip("\\"))) % 2 == 1
    return f"{bare} " if escaped and bare != pattern else bare


_TOKENS = re.compile(
    r"(?P<above>(?:(?<=/)|^)\*\*/)|(?P<below>(?:(?<=/)|^)\*\*$)|(?P<stars>\*+)|(?P<one>\?)|(?P<set>\[[!^]?\]?[^\]]*\])"
    r"|(?P<escaped>\\.)|(?P<plain>.)",
    re.DOTALL,
)


def _expression(pattern: str) -> str:
    return "".join(_part(token.lastgroup or "", token.group()) for token in _TOKENS.finditer(pattern))


def _part(kind: str, text: str) -> str:
    if kind == "set":
        inside = text[1:-1]
        negated = inside[:1] in ("!", "^")
        members = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[1:] if negated else inside)
        return f"(?!/)[{'^' if negated else ''}{members}]"
    if kind == "plain" and text == "[":
        # Never closed: fits nothing.
        return "(?!)"
    fixed = {"above": "(?:.*/)?", "below": ".+", "stars": "[^/]*", "one": "[^/]"}
    return fixed[kind] if kind in fixed else re.escape(text[-1])
