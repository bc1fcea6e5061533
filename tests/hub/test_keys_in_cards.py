"""A key in any setting or in the environment is in no file of a data set that is pushed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import synthgen as sg
from synthgen import storage

FORMS = {
    "sk-": "sk-proj-4f9aQ7{0}x8Zk2Lm5Nw1Pr6Ty3",
    "hf_": "hf_QwErTy{0}AsDfGhJkLzXcVbNmPoIuYt",
    "AKIA": "AKIA{0}IOSFODNN7EXAM",
    "gsk_": "gsk_9aBcDe{0}fGhIjKlMnOpQrStUvWxYz0123456789",
    "AIza": "AIzaSyD-{0}9tQbXc_7vRmNpLkJhGfDsAqWe",
    "ghp_": "ghp_{0}16C7e42F292c6912E7710c838347Ae1",
    "xai-": "xai-{0}kJ8sN2mQ5vX7zB1cD4fG6hL9pR3tW0yA",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi{0}Ii4uLiJ9.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "uuid": "550e84{0}-e29b-41d4-a716-446655440000",
    "hex": "0f1e2d{0}3c4b5a69788796a5b4c3d2e1f0",
}

Values = Callable[[str], Mapping[str, Any]]
PLACES: dict[str, Values] = {
    "model": lambda k: {"model": f"openai/{k}"},
    "encoding": lambda k: {"sources": {"encoding": k}},
    "loader": lambda k: {"sources": {"loaders": {".x": f"/home/{k}/{k}.py:load"}}},
    "suffix of a loader": lambda k: {"sources": {"loaders": {f".{k}": "plain"}}},
    "tokenizer": lambda k: {"chunking": {"tokenizer": k}},
    "name of a prompt": lambda k: {"generation": {"prompt": [f"./prompts/{k}.yaml", "question"]}},
    "shots": lambda k: {"generation": {"shots": f"prompts/{k}.jsonl"}},
    "base_url": lambda k: {"llm": {"base_url": f"https://user:{k}@gateway.example/v1?key={k}"}},
    "endpoint_id": lambda k: {"llm": {"endpoint_id": k}},
    "prices": lambda k: {"llm": {"prices": f"/home/{k}.yaml"}},
    "stop": lambda k: {"llm": {"stop": ["###", k]}},
    "logit_bias": lambda k: {"llm": {"logit_bias": {k: 5}}},
    "field": lambda k: {"llm": {"extra_body": {"litellm_key": k}}},
    "name of a field": lambda k: {"llm": {"extra_body": {k: 1}}},
    "known field": lambda k: {"llm": {"extra_body": {"reasoning_effort": k}}},
    "inside of a known field": lambda k: {"llm": {"extra_body": {"thinking": {"type": "enabled", "note": k}}}},
    "name inside of a known field": lambda k: {"llm": {"extra_body": {"options": {k: 1}}}},
    "list of a known field": lambda k: {"llm": {"extra_body": {"provider": {"order": ["Together", k]}}}},
    "headers": lambda k: {"llm": {"extra_body": {"extra_headers": {"Authorization": f"Bearer {k}", "X-Api-Key": k}}}},
    "query": lambda k: {"llm": {"extra_body": {"extra_query": {"api-version": "1", "subscription-key": k}}}},
    "address in a field": lambda k: {"llm": {"extra_body": {"callback": f"https://ann:{k}@host.example/?token={k}"}}},
    "option of a filter": lambda k: {"filters": {"options": {"judge": {"prompt": f"/home/{k}.yaml", "model": f"openai/{k}"}}}},
    "option of a filter of one's own": lambda k: {"filters": {"options": {"mine:passes": {"apiKey": k, "folder": f"/x/{k}"}}}},
    "name of a filter of one's own": lambda k: {"filters": {"options": {f"mine:{k}": {k: 1}}}},
    "system message": lambda k: {"exports": {"options": {"openai-chat": {"system": f"Use {k} to answer."}}}},
    "user message": lambda k: {"exports": {"options": {"openai-chat": {"user": f"({k}) $context $question"}}}},
    "abstention": lambda k: {"exports": {"options": {"raft": {"abstention": f"I may not say {k}.", "p": 0.5}}}},
    "option of a format of one's own": lambda k: {"exports": {"options": {"mine:rows": {"url": f"https://x.example/?sig={k}"}}}},
    "address of a model": lambda k: {"exports": {"model": f"https://u:{k}@host.example/llama"}},
    "style": lambda k: {"answers": {"reasoning": True, "styles": [{"name": k, "instruction": f"Say {k}."}]}},
    "form": lambda k: {
        "answers": {"forms": [{"name": "json", "json_schema": {"type": "object", "description": k, "properties": {k: {"enum": [k]}}}}]}
    },
    "path of a model": lambda k: {"answers": {"model": f"openai//home/ann/{k}/llama"}},
    "checker": lambda k: {"distractors": {"check": True, "check_model": f"openai/{k}"}},
    "cross-encoder": lambda k: {"distractors": {"cross_encoder": f"models/{k}"}},
    "base of the encoder": lambda k: {"training": {"base": f"https://hf.example/{k}"}},
}  # fmt: skip
ENVIRONMENT = ("OPENAI_API_KEY", "HF_TOKEN", "OPENAI_ORG_ID", "OPENAI_BASE_URL")
ROW = "row"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of rows that a model of a strange name wrote."""
    folder = tmp_path_factory.mktemp("imported")
    rows = [
        {
            "query": f"How long is river {n}?",
            "answer": f"{n}00 miles",
            "context": f"River {n} is {n}00 miles long and cold.",
            "generator": "openai/KEY",
        }
        for n in range(1, 7)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = {"training": {"enabled": False}, "exports": {"formats": []}, "filters": {"order": ["format"]}}
    sg.import_rows(folder / "rows.jsonl", "-", folder / "run", settings=settings)
    return folder / "run"


@pytest.mark.parametrize("form", FORMS)
def test_a_key_of_a_setting_is_in_no_file_of_the_data_set(
    form: str, imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {place: FORMS[form].format(f"{number:02d}") for number, place in enumerate([*PLACES, *ENVIRONMENT, ROW])}
    planted: dict[str, Any] = {}
    for place, settings in PLACES.items():
        _update(planted, settings(keys[place]))
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, keys[name])
    monkeypatch.chdir(tmp_path)
    _write_prompts(Path("prompts"), keys["name of a prompt"], keys["shots"])
    _copy(imported, Path("run"), planted, keys[ROW])
    pushed = sg.push("run", "ann/rivers", license="mit", dry_run=True)
    published = dict(_readable(Path("run", "hub")))
    assert {"README.md", "config.yaml", "triples", "openai-chat", "raft"} <= {name.partition("/")[0] for name in published}
    for name, content in [*published.items(), ("what the command prints", repr(pushed))]:
        found = [place for place, key in keys.items() if key in content]
        assert not found, (name, found)
    assert "llm.extra_body.litellm_key" in pushed.settings_left_out


def _write_prompts(folder: Path, prompt: str, shots: str) -> None:
    """A prompt and a file of shots with a key in their names and their texts."""
    folder.mkdir()
    text = (Path(__file__).parents[2] / "prompts" / "question.yaml").read_text(encoding="utf-8")
    (folder / f"{prompt}.yaml").write_text(text.replace("passage", f"passage {prompt}"), encoding="utf-8")
    shot = {"document": "The river Arn is 300 miles long.", "query": f"How long is {shots}?", "answer": "300 miles"}
    (folder / f"{shots}.jsonl").write_text(json.dumps(shot) + "\n", encoding="utf-8")


def _copy(imported: Path, run: Path, planted: Mapping[str, Any], key: str) -> None:
    """A copy of the run with other settings, and rows and a report of other names."""
    shutil.copytree(imported, run)
    stored = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    stored["config"] = sg.Config.build(stored["config"]).dump()
    _update(stored["config"], planted)
    (run / "config.yaml").write_text(yaml.safe_dump(stored), encoding="utf-8")
    report = json.loads((run / "report.json").read_text(encoding="utf-8").replace("KEY", key))
    report["generation"]["prompts"] = {key: "0123abc"}
    report["import"]["file"] = f"{key}.jsonl"
    report["import"]["map"] = {"query": key}
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    answered = {"instruction": f"Say {key}.", "response": "300 miles", "generator": f"openai/{key}", "kind": f"question {key}"}
    rows = [row | answered for row in storage.read_table(run / "triples.parquet")]
    storage.write_table(run / "triples.parquet", "triples", rows)
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    config.pop("tables")  # whose digests are those of the rows before
    (run / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def _update(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _update(into[name], value)
        else:
            into[name] = value


def _readable(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        table = path.suffix == ".parquet"
        yield (
            path.relative_to(folder).as_posix(),
            repr(list(storage.read_table(path))) if table else path.read_text(encoding="utf-8"),
        )
