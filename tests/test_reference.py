"""The reference pages say what the tables of the program say."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def generator():
    spec = importlib.util.spec_from_file_location("generate_reference", FOLDER / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages():
    return generator().pages()


@pytest.mark.parametrize("name", ["eblearn-variables.md", "layers.md", "verbs.md"])
def test_page_is_up_to_date(pages, name):
    """If not: python docs/reference/generate.py writes it anew."""
    assert (FOLDER / name).read_text(encoding="utf-8") == pages[name]


def test_every_page_is_linked(pages):
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"({name})" in index for name in pages)
