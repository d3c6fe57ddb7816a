"""docs/files.md: every promise names a test that exists."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def test_every_promise_about_files_has_its_test():
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")][2:]
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert len(rows) > 15 and all(named)
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert not [name for names in named for name in names if f"def {name}(" not in tests]
