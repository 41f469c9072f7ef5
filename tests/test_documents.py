"""The prose: no gaps left open, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in ("runs", "build") for part in path.relative_to(ROOT).parts)
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
class TestDocument:
    def test_has_no_gaps(self, path):
        """A gap is marked as <output of ...>, <figure: ...> or <table: ...> until it is filled."""
        assert not re.findall(r"<(?:output|figure|table)\b[^>]*>", path.read_text(encoding="utf-8"))

    def test_links_lead_to_files(self, path):
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
        assert [link for link in links if not (path.parent / link).exists()] == []
