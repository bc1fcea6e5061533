"""Pages as they are: what a reader sees of them, line by line. Each case is a file of `tests/cases/html`."""

from __future__ import annotations

import pytest
from support.cases import Case, cases

from synthgen.config.settings import Sources
from synthgen.loaders.html import html_to_text, load_html
from synthgen.records import Document

PROSE = "The pump moves two litres of water a minute. It must be primed before use."


@cases("html")
def test_a_page_becomes_what_a_reader_sees(case: Case) -> None:
    """`given` is the page, `expected` its title and text."""
    page = html_to_text(case.given)
    assert {"title": page.title, "text": page.text} == case.expected


@pytest.mark.parametrize(
    ("page", "share"),
    [
        (f"<p>{PROSE}", 0.0),
        (f"<p>{PROSE}<script>{PROSE}</script><p hidden>{PROSE}</p>", 0.0),
        (f"<nav><a href=a>{PROSE}</a></nav><p>{PROSE}", 0.5),
        (f"<footer><a href=a>{PROSE}</a> <a href=b>{PROSE}</a></footer><main><p>{PROSE}</main>", 0.667),
        (f"<div>{'Word ' * 30}</div><main><p>{PROSE}</main>", 0.672),
        ("<p>", 0.0),
    ],
)
def test_the_share_of_the_visible_text_that_is_left_out_is_counted(page: str, share: float) -> None:
    assert html_to_text(page).dropped_share == pytest.approx(share, abs=0.01)
    found = load_html(page.encode(), "a.html", Sources())
    assert isinstance(found, Document)
    assert found.metadata.get("dropped_share", 0.0) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("tag", ["div", "form", "aside", "sup", "q", "table><tr><td", "main", "details", "h2"])
def test_nesting_can_be_deep(tag: str) -> None:
    assert "two litres of water" in html_to_text(f"<{tag}>" * 2_000 + PROSE).text


@cases("encoding")
def test_a_page_is_read_in_the_encoding_that_it_declares(case: Case) -> None:
    """`given` has a page and the encoding of its bytes, `expected` its text."""
    found = load_html(case.given["page"].encode(case.given["written_in"]), "a.html", Sources())
    assert isinstance(found, Document)
    assert found.text == case.expected
