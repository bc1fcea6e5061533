"""Servers that call themselves OpenAI-compatible: a run ends with full data, and nothing is set but their address and model."""

from __future__ import annotations

from pathlib import Path

import pytest

import synthgen as sg
from synthgen.pipeline.run_folder import RunFolder
from synthgen.testing import FakeOpenAI

RINGS = {
    "one": "The One Ring was forged in the fire of Orodruin. It was lost at the Gladden Fields. Sméagol found it on his birthday.",
    "three": "Three rings were made for the elves. Narya was worn by Círdan the shipwright. Vilya was kept in Rivendell.",
    "seven": "Seven rings went to the lords of the dwarves. Four of them were eaten by dragons. Each of them began a hoard of gold.",
    "nine": "Nine rings were given to mortal men. They won glory and great wealth. In the end their bearers faded and became wraiths.",
}
REFUSED = {
    "permissive": 0,
    "openai": 2,  # max_tokens and temperature
    "openai-legacy": 0,
    "azure": 0,
    "gemini": 0,
    "vllm": 0,
    "llamacpp": 1,  # the schema one level down
    "ollama": 0,
}


def documents(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("dialect", REFUSED)
def test_a_run_needs_no_more_than_address_and_model(tmp_path: Path, dialect: str) -> None:
    def run(name: str, texts: dict[str, str]) -> sg.Result:
        settings = {
            "llm": {"base_url": server.base_url, "store": str(tmp_path / "calls.sqlite")},
            "filters": {"order": []},
            "training": {"enabled": False},
        }
        docs = documents(tmp_path / f"{name}-docs", texts)
        return sg.run(docs, tmp_path / name, model="openai/fake-model", settings=settings)

    with FakeOpenAI(dialect=dialect) as server:
        first = run("first", RINGS)
        assert {triple.document_id for triple in first.kept} == {f"{name}.txt" for name in RINGS}
        assert all(triple.query and triple.answer and "quote" in triple.metadata for triple in first.kept)
        assert not list(RunFolder(first.path).read("skipped"))
        refused = [logged for logged in server.log if logged.status >= 400]
        assert len(refused) == REFUSED[dialect]

        arrived = len(server.log)
        second = run("second", {name: f"{text} So the song says." for name, text in RINGS.items()})
        assert len(second.kept) >= len(first.kept)
        assert {logged.status for logged in server.log[arrived:]} == {200}, "the form was remembered"
