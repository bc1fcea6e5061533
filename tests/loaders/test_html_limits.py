"""Pages that a parser would take quadratic time for are skipped; long pages, however they are written, are read."""

from __future__ import annotations

import time

import pytest

from synthgen.config.settings import Sources
from synthgen.loaders.html import load_html
from synthgen.records import Document, Skipped

N = 100_000
BAD = {
    "elements": "<div>" * N,
    "two kinds": "<div><span>" * N,
    "formatting": "<b>" * N,
    "formatting in paragraphs": "".join(f"<p><b class=c{i}>" for i in range(N)),
    "lists": "<ul><li>" * N,
    "tables": "<table><tr><td>" * N,
    "closed in a table": "<div><table></div>" * N,
    "closed that were never open": "<div></span></p></x>" * N,
    "unknown elements": "<x-a>" * N,
    "capitals": "<DIV>" * N,
    "self-closing": "<div/>" * N,
    "drawings": "<svg><div/>" * N,
    "after an empty comment": "<!-->" + "<div>" * N,
    "in a script": "<svg><script>" + "<div>" * N,
    "never closed": "<div" + "<div a>" * N,
    "closed at the end": "<i>" * N + "</i>" * N,
    "attributes": "<p " + " ".join(f"a{i}=1" for i in range(N)) + ">",
    "attributes without values": "<p " + " ".join(f"a{i}" for i in range(N)) + ">",
    "attributes with marks": "<p " + " ".join(f"""a{i}="<" b{i}='>'""" for i in range(N)) + ">",
    "attributes and slashes": "<p/" + "/".join(f"a{i}" for i in range(N)) + ">",
    "attributes without spaces": "<p " + "".join(f'a{i}="1"' for i in range(N)) + ">",
    "attributes of a tag that never ends": "<p " + " ".join(f"a{i}" for i in range(N)),
    "attributes of a closing tag": "<p>x</p " + " ".join(f"a{i}" for i in range(N)) + ">",
}
GOOD = {
    "paragraphs": "<p>It boils. " * 3_000,
    "items": f"<ul>{'<li>It boils. ' * 3_000}</ul>",
    "cells": f"<table>{'<tr><td>It<td>boils.' * 1_500}</table>",
    "breaks": "It boils.<br>" * 6_000,
    "drawings": f"<p>It boils.<svg>{'<path d=1 /><g/>' * 6_000}</svg>",
    "anchors": "<a name=x>It boils.</p>" * 3_000,
    "elements": "<div><b>It</b> boils.</div>" * 3_000,
    "a hundred deep": "<div>" * 100 + "It boils." + "</div>" * 100,
    "many attributes": "<p " + " ".join(f"data-a{i}='1'" for i in range(200)) + ">It boils.",
    "signs": "if a<1 and 2 < c: " * 3_000 + "<p>It boils.",
}


@pytest.mark.parametrize("html", BAD.values(), ids=BAD)
def test_what_takes_a_parser_quadratic_time_is_skipped_at_once(html: str) -> None:
    start = time.process_time()
    found = load_html(f"<p>It boils.</p>{html}".encode(), "a.html", Sources())
    assert isinstance(found, Skipped)
    assert found.reason == "too_complex"
    assert found.detail
    assert time.process_time() - start < 2


@pytest.mark.parametrize("html", GOOD.values(), ids=GOOD)
def test_long_pages_are_read(html: str) -> None:
    found = load_html(html.encode(), "a.html", Sources())
    assert isinstance(found, Document)
    assert "boils." in found.text
