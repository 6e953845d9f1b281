"""Patterns of files to leave out. What git makes of them was asked of git."""

from __future__ import annotations

import pytest

from nullspace._ignore import IgnoreRules


@pytest.mark.parametrize(
    ("patterns", "out", "stays"),
    [
        (["*.log"], ["a.log", "d/a.log", ".log"], ["a.logs", "log"]),
        (["build"], ["build", "d/build", "build/"], ["builds", "abuild"]),
        (["build/"], ["build/", "d/build/"], ["build", "d/build"]),
        (["/build"], ["build", "build/"], ["d/build"]),
        (["d/x"], ["d/x"], ["e/d/x", "x"]),
        (["d/*"], ["d/x", "d/y/"], ["d/"]),
        (["**/x"], ["x", "d/x", "d/e/x"], ["xx"]),
        (["d/**"], ["d/x", "d/x/y"], ["d/", "d", "e/d/x"]),
        (["d/**/x"], ["d/x", "d/e/x", "d/e/f/x"], ["x", "dx"]),
        (["a?c"], ["abc"], ["ac", "a/c"]),
        (["a[bd]c", "[!x]y", "[0-9]z"], ["abc", "adc", "ay", "5z"], ["aec", "xy", "az"]),
        (["*.txt", "!keep.txt"], ["a.txt"], ["keep.txt", "d/keep.txt"]),
        (["!keep.txt", "*.txt"], ["keep.txt"], []),
        (["# a", "", "   ", "\\#b", "\\!c", "d  ", "e\\ "], ["#b", "!c", "d", "e "], ["# a", "b", "c", "d  ", "e"]),
        (["\\*"], ["*"], ["a"]),
        (["a.b"], ["a.b"], ["axb"]),
        (["[z-a]", "[ab"], [], ["[ab", "a"]),
        (["ü*"], ["ünder", "d/ü"], ["u"]),
        (["/"], [], ["a", "a/"]),
    ],
)
def test_patterns(patterns: list[str], out: list[str], stays: list[str]) -> None:
    rules = IgnoreRules(patterns)
    for path in out:
        assert rules.leaves_out(path.rstrip("/"), path.endswith("/")), path
    for path in stays:
        assert not rules.leaves_out(path.rstrip("/"), path.endswith("/")), path
