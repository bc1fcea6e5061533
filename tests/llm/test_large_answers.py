"""An answer of any size is read in bounded time, and a large one beside the event loop."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from support.fills import ask, at
from support.wire import RawServer, answer

from synthgen.llm.call_store import CallStore
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import fill
from synthgen.llm.lenient_json import read_json
from synthgen.llm.structured_output import read_answer
from synthgen.records import Completion

FIELDS = {"query": "", "answer": ""}
ITEM = '{"query": "How many rings are there?", "answer": "Three for the elves."}'
ATTACKS = {
    "thoughts that never close": "<think>{0}",
    "thoughts with words": "<think> and so {0}",
    "thoughts of other names": "<analysis>a</think>{0}",
    "thoughts that close": "<think>a</think>{0}",
    "thoughts in brackets": "[THINK]{0}",
    "tags that do not end": "<think x{0}",
    "ends of thoughts": "</think>{0}",
    "an object in an object": '{{"items": [{0}',
    "lists that begin": '{{"items": [{{"a": 1, {0}',
    "brackets": "[{0}",
    "braces": "{{{0}",
    "broken objects": '{{"a": 1,, }} {0}',
    "fences": "```json\n{0}",
    "fences that end": "```json\n{{}}\n```\n{0}",
}
WRAPPED = {
    "a list that ends inside": ('{"items": [', f"{ITEM}, ", ""),
    "a bare list that ends inside": ("[", f"{ITEM}, ", ""),
    "a list that ends in an item": ('{"items": [', f"{ITEM}, ", '{"query": "Wha'),
    "a list with a broken item before": ('{"items": [{"query": "a" "b"}, ', f"{ITEM}, ", "]}"),
    "a list with a broken item behind": ('{"items": [', f"{ITEM}, ", '{"query": "a" "b"}]}'),
    "white space after a text": ('{"items": [{"query": "a"', " ", "x"),
    "white space after a bracket": ('{"items": [{"query": "a"]', " ", "x"),
    "line ends in a fence": ("```\nx", "\n", "x"),
    "quotation marks": ('{"items": [{"query": "', '" x ', ""),
    "backslashes": ('{"items": [{"query": "', "\\", ""),
    "escapes that are none": ('{"items": [{"query": "', "\\q ", ""),
    "comments": ('{"items": [{"query": "a"', " // ", ""),
    "numbers": ('{"items": [', "1, ", ""),
    "Python": ("{'items': [", "{'query': 'a', 'answer': 'b'}, ", ""),
}


def seconds(text: str) -> float:
    started = time.process_time()
    read_answer(Completion("k", text, "stop"), FIELDS, 3, "a passage")
    return time.process_time() - started


@pytest.mark.parametrize(
    ("begin", "piece", "end"),
    [*(("", attack.format(""), "") for attack in ATTACKS.values()), *WRAPPED.values()],
    ids=[*ATTACKS, *WRAPPED],
)
def test_four_times_the_text_takes_no_more_than_a_few_times_as_long(begin: str, piece: str, end: str) -> None:
    def text(chars: int) -> str:
        return begin + piece * (chars // len(piece)) + end

    assert seconds(text(20_000)) < 1
    assert seconds(text(400_000)) < 4


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("<think>a</think>" * 3_000 + f'{{"items": [{ITEM}]}}', 1),
        ("<think>" * 3_000 + "</think>" + f'{{"items": [{ITEM}]}}', 1),
        (f'<THINK>{ITEM}</think>{{"items": [{ITEM}, {ITEM}]}}', 2),
        (f'<think>a<analysis>b</think>c</analysis>{{"items": [{ITEM}]}}', 1),
        (f'<thinking a="b">[1]</thinking> [THINK]{ITEM}[/THINK] {{"items": [{ITEM}]}}', 1),
        (f'{{"items": [{json.dumps({"query": "Which tag?", "answer": "<think>It is this one.</think>"})}]}}', 1),
        ('{"items": [' + ", ".join([ITEM] * 5_000) + "]}", 3),
        ('{"items": [' + ", ".join([ITEM] * 5_000), 3),
    ],
)
def test_what_a_large_answer_has_is_still_read(text: str, items: int) -> None:
    found = read_answer(Completion("k", text, "stop"), FIELDS, 3)
    assert (len(found.items), found.reason) == (items, "")


def test_a_tag_in_a_text_is_a_part_of_it() -> None:
    assert read_json('{"items": [{"query": "<think>a</think>"}]}').values == ({"items": [{"query": "<think>a</think>"}]},)


def test_a_large_answer_does_not_stop_the_other_calls(tmp_path: Path) -> None:
    threads = list[bool]()

    def check(completion: Completion) -> tuple[str, str]:
        threads.append(threading.current_thread() is threading.main_thread())
        return "", ""

    for size, on_the_loop in ((100, True), (200_000, False)):
        with RawServer(answer("a " * size)) as server, CallStore(tmp_path / f"{size}.sqlite") as store:
            report = run_async(fill(ask(2, url=server.base_url), store, at(base_url=server.base_url), check=check))
        assert report.ok == 2
        assert threads == [on_the_loop] * 2
        threads.clear()
