"""examples/quick.py runs as it stands."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from fakehost import EXEC, MACHINE, Answer, FakeHost

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quick.py"


def test_quick_example(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> None:
    host.says(Answer(201, MACHINE), Answer(200, EXEC), Answer(200, {"id": "mch_a", "status": "destroyed"}))
    runpy.run_path(str(EXAMPLE))
    assert capsys.readouterr().out == "mch_a hi\n"
