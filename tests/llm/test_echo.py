"""What a server's message repeats of the request is cut: no document text in errors, on the terminal or in RUN/run.log."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from support.command_line import synthgen

from synthgen.llm.echo import without_echo
from synthgen.testing import FakeOpenAI, Fault

DOCUMENT = 'The river "Brandywine" is 412 miles long & cold.\nBarrel-house wine of Köln, patient X77-812b, tastes sweet.'
REQUEST = ["You write search questions. Return JSON.", f"Passage:\n{DOCUMENT}"]

WRITTEN: dict[str, Callable[[str], str]] = {
    "plainly": str,
    "as JSON": json.dumps,
    "as JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "as JSON with its letters": lambda text: json.dumps(text, ensure_ascii=False),
    "as Python": repr,
    "as ASCII": ascii,
    "as HTML": html.escape,
    "as URL": quote,
    "in capitals": str.upper,
    "on one line": lambda text: " ".join(text.split()),
    "cut off": lambda text: f"{text[3:60]}…",
    "in part": lambda text: f"…{text[60:]}",
    "marked": lambda text: f"**{text[:20]}**{text[20:]}",
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_repeated_passage_is_cut_however_it_is_written(how: str) -> None:
    said = without_echo(f"400: flagged as unsafe: {WRITTEN[how](DOCUMENT)} (code 17)", REQUEST)
    assert said.startswith("400: flagged as unsafe: ")
    assert said.endswith("(code 17)")
    assert "[…]" in said
    assert len(said) < 50
    assert not [word for word in DOCUMENT.casefold().split() if len(word) > 5 and word in said.casefold()], said


@pytest.mark.parametrize(
    ("passage", "message", "shown"),
    [
        ("河流很长,它流入大海。", "拒绝: 它流入大海", "拒绝: […]"),
        ("Река Арн холодная и длинная.", "запрос отклонён: Река Арн холодная", "запрос отклонён: […]"),
        ("แม่น้ำยาวและเย็น", "ผิดพลาด: แม่น้ำยาวและเย็น", "ผิดพลาด: […]"),
        ("Call ann.lee@rivers.org4 now", "bad token 'ann.lee@rivers.org4' at 3", "bad token '[…]' at 3"),
        ("order AX-2231-Z9 was lost", "unexpected AX-2231-Z9", "unexpected […]"),
    ],
)
def test_scripts_without_spaces_and_identifiers_are_cut(passage: str, message: str, shown: str) -> None:
    assert without_echo(message, [passage]) == shown


@pytest.mark.parametrize(
    "message",
    [
        "400: This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (3000 in the messages).",
        "429: Rate limit reached for gpt-4o in organization org-x on tokens per min: Limit 30000, Used 29000.",
        "400: Invalid schema for response_format 'answer': additionalProperties is required",
        "404: The model `gpt-9` does not exist or you do not have access to it.",
        "500: ", "", "河流", "503: […]",
    ],
)  # fmt: skip
def test_a_message_of_the_servers_own_stays(message: str) -> None:
    assert without_echo(message, REQUEST) == message


@pytest.mark.parametrize(
    ("status", "said"), [(400, "bad_request"), (402, "quota"), (404, "model"), (422, "bad_request"), (500, "server")]
)
def test_no_document_text_is_in_the_log_or_on_the_terminal(tmp_path: Path, status: int, said: str) -> None:
    docs, run = tmp_path / "docs", tmp_path / "run"
    docs.mkdir()
    for number in range(30):
        (docs / f"{number}.md").write_text(
            f"# Inn {number}\n\n{DOCUMENT} The inn of mile {number} pours it warm.\n" * 3, encoding="utf-8"
        )
    flags = [
        "-m",
        "openai/fake-model",
        "--set",
        "training.enabled=false",
        "--set",
        "llm.max_attempts=1",
        "--set",
        "llm.concurrency=2",
    ]
    with FakeOpenAI(script=lambda _: Fault("error", status=status, message=f"cannot process: {DOCUMENT}")) as server:
        done = synthgen("run", docs, run, *flags, "--base-url", server.base_url, "-v")
    assert done.returncode in (1, 3)
    log = (run / "run.log").read_text(encoding="utf-8")
    for text in (log, done.stdout + done.stderr):
        assert "Brandywine" not in text
        assert "X77-812b" not in text
    assert "cannot process: […]" in done.stderr
    assert said in log or said in done.stderr
