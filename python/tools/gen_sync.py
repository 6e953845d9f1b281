"""Writes src/nullspace/_sync from src/nullspace/_async: the same code without async and await.

    python tools/gen_sync.py [--check]

Standard library only. Word for word and line for line, doc strings included, so that both can be compared side by side.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "nullspace"

RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\basync (def|with|for)\b", r"\1"),
        (r"\bawait ", ""),
        (r"\b__a(enter|exit|iter|next)__\b", r"__\1__"),
        (r"\bStopAsyncIteration\b", "StopIteration"),
        (r"\baclose\b", "close"),
        (r"\basync_(\w+)", r"\1"),
        (r"\ba(iter_bytes|read)\b", r"\1"),
        (r"\bAsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
        (r"\bAsync(\w+)", r"\1"),
        (r"\b_async\b", "_sync"),
    )
)
HEADER = "# Generated from {source} by tools/gen_sync.py; do not edit.\n\n"


def translate(text: str, source: str) -> str:
    """The sync form of a module."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return HEADER.format(source=source) + text


def outputs(package: Path = PACKAGE) -> dict[Path, str]:
    """Every file of ``_sync`` with what it should hold."""
    return {
        package / "_sync" / path.name: translate(path.read_text(encoding="utf-8"), f"_async/{path.name}")
        for path in sorted((package / "_async").glob("*.py"))
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Generate the sync classes of the Python SDK.")
    parser.add_argument("--check", action="store_true", help="fail when a file would change; write nothing")
    check: bool = parser.parse_args(arguments).check
    wanted = outputs()
    target = PACKAGE / "_sync"
    stale = [path for path in target.glob("*.py") if path not in wanted]
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check:
        for path in sorted(changed + stale):
            print(f"gen_sync: _sync/{path.name} is not up to date; run tools/gen_sync.py", file=sys.stderr)
        return 1 if changed or stale else 0
    target.mkdir(exist_ok=True)
    for path in stale:
        path.unlink()
    for path in changed:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
