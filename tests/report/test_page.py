"""The report's HTML: well-formed, self-contained, escaped."""

import base64
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from lenet.report.page import Page, Picture, Section, page_html, table_html
from lenet.report.table import Table

VOID = {"meta", "img", "br", "source", "input"}
NASTY = "<script>alert(\"1\")</script> & $title ${body} 'x' \x00\x1b"


class Reader(HTMLParser):
    """Collects text and addresses, and complains about tags that do not match."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.addresses = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "srcset", "href")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def page(words):
    table = Table((words, "n"), ((words, "1"), ("a\nb", "2")), ((words, "3"),), note=words)
    section = Section(
        words, words, (Picture(words, b"light", b"dark"), Picture(words, b"l")), (table,), {words: words}
    )
    return Page(words, words, {words: words}, (section,))


def test_a_page_is_well_formed_and_holds_everything_itself():
    html = page_html(page("Le Net"))
    reader = read(html)
    assert html.startswith("<!DOCTYPE html>")
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert reader.addresses == [
        "data:image/png;base64," + base64.b64encode(picture).decode() for picture in (b"dark", b"light", b"l")
    ]
    assert "http:" not in html
    assert "https:" not in html
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


def test_nothing_that_a_file_says_becomes_markup():
    html = page_html(page(NASTY))
    reader = read(html)
    assert "script" not in reader.tags
    assert "\x1b" not in html
    assert any('<script>alert("1")</script> & $title ${body}' in text for text in reader.text)


@given(st.text(max_size=30))
def test_any_words_survive(words):
    read(page_html(page(words)))


def test_numbers_stand_right_in_tables_and_totals_apart():
    html = table_html(Table(("class", "f1"), (("cat", "0.5"),), (("mean", "0.5"),)))
    assert html.count("<tbody>") == 2
    assert '<td>cat</td><td class="r">0.5</td>' in html
    read(html)


def test_a_page_of_nothing():
    read(page_html(Page("", "", {})))
