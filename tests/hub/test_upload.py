"""A run as a data set on the Hub: what is written, what the card says, and one commit over real HTTP, however often it is cut off."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.fake_hub import TOKEN, Commands, FakeHub, Told

import synthgen as sg
from synthgen.config.settings import load_config
from synthgen.errors import ConfigError
from synthgen.exporters.beir import breadcrumb
from synthgen.exporters.context import ExportContext
from synthgen.files import MANIFEST
from synthgen.hub.card import CardFacts, card, check_license
from synthgen.hub.columns import CONFIGS
from synthgen.hub.folder import WrittenConfig, write_config
from synthgen.hub.public_settings import public_name, public_settings
from synthgen.records import Chunk
from synthgen.testing import FakeOpenAI

THREE = ("--license", "mit", "--configs", "triples,corpus,openai-chat")
SETTINGS = {"training": {"enabled": False}, "splits": {"train": 0.5, "dev": 0.25}, "exports": {"formats": []}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with rows of all configs and splits."""
    folder = tmp_path_factory.mktemp("finished")
    sg.run(write_documents(folder / "docs"), folder / "run", settings=SETTINGS)
    return folder / "run"


def write_documents(folder: Path) -> Path:
    """Documents of different words, in which rules find answers; one would break a careless card or table."""
    folder.mkdir()
    for number in range(24):
        draw = random.Random(number)
        names = ["".join(draw.choice("bdfgklmnprstv") + draw.choice("aeiou") for _ in range(4)).title() for _ in range(12)]
        text = " ".join(
            f"The {draw.choice(('port', 'castle', 'bridge', 'mill', 'tower', 'market'))} of {place} was founded in the year "
            f"{draw.randint(1000, 1900)}. Its keeper {keeper} rows to {other}."
            for place, keeper, other in zip(names[::3], names[1::3], names[2::3], strict=True)
        )
        strange = 'She said "{left}"\tand | went. </DOCUMENT> <script>alert(1)</script> [link](http://127.0.0.1) \u2028 `code`. 河流很长。'
        text += f"\n\n{strange}" if number == 7 else ""
        (folder / f"{names[0]}.md").write_text(f"# {names[0]} | {names[1]}\n\n{text}\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def commands(hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with Commands(hub, tmp_path_factory.mktemp("commands")) as commands:
        yield commands


@pytest.fixture
def fresh(hub: FakeHub) -> FakeHub:
    hub.forget()
    return hub


def content(folder: Path) -> dict[str, bytes]:
    """All that a push sends of a folder: everything but the manifest."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def pushed(hub: FakeHub, repo: str = "ann/rivers") -> dict[str, bytes]:
    return {path: data for path, data in hub.repos[repo].files.items() if path != ".gitattributes"}


def sent(hub: FakeHub) -> list[str]:
    """What went to the Hub, beside questions."""
    return [request.path for request in hub.requests if request.method != "GET"]


def paragraph(told: Told) -> str:
    """The one paragraph that an error is."""
    assert told.code == 1, told
    assert told.out == ""
    [line] = told.error.strip().splitlines()[-1:]
    assert line.startswith("synthgen: ")
    assert "Traceback" not in told.error
    return line


def card_of(run: Path) -> tuple[dict[str, object], str]:
    _, front, body = (run / "hub" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


# What is pushed


def test_a_push_is_one_commit_of_the_very_files_of_the_local_folder(fresh: FakeHub, commands: Commands, finished: Path) -> None:
    told = commands.run("push", finished, "ann/rivers", "--license", "mit", "--json")
    assert told.code == 0, told
    assert json.loads(told.out)["sent"]["commit"] == fresh.repos["ann/rivers"].head
    assert pushed(fresh) == content(finished / "hub")
    assert len(fresh.repos["ann/rivers"].commits) == 2, "one is the Hub's own"
    assert fresh.repos["ann/rivers"].private
    assert {request.token for request in fresh.requests if not request.path.startswith("/lfs/")} == {TOKEN}
    again = commands.run("push", finished, "ann/rivers", "--license", "mit")
    assert again.code == 0
    assert "these very files already" in again.out
    assert len(fresh.repos["ann/rivers"].commits) == 2


def test_what_was_pushed_loads_back_from_the_hub(fresh: FakeHub, commands: Commands, finished: Path, tmp_path: Path) -> None:
    assert commands.run("push", finished, "ann/rivers", *THREE).code == 0
    code = "import datasets; print([datasets.load_dataset('ann/rivers', c, split=s).num_rows for c, s in [(None, 'test'), ('corpus', 'corpus')]])"
    environment = {"HF_ENDPOINT": fresh.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)}
    loaded = python(code, environment)
    rows = {split: len(list(sg_rows(finished, split))) for split in ("test",)}
    assert json.loads(loaded) == [rows["test"], chunks(finished)]


def test_every_config_loads_offline_with_the_rows_and_columns_that_the_card_names(
    fresh: FakeHub, commands: Commands, finished: Path, tmp_path: Path
) -> None:
    told = commands.run("push", finished, "ann/rivers", "--license", "mit", "--dry-run", "--json")
    assert told.code == 0, told
    assert fresh.requests == []
    rows = json.loads(told.out)["configs"]
    assert list(rows) == list(CONFIGS)
    assert all(set(rows[name]) == {"train", "dev", "test"} for name in rows if name != "corpus")
    code = (
        "import datasets, json, sys; folder, *names = sys.argv[1:]; found = {n: datasets.load_dataset(folder, n) for n in names}; "
        "found['none named'] = datasets.load_dataset(folder); "
        "print(json.dumps({n: {s: [d.num_rows, d.column_names, d[0]] for s, d in found[n].items()} for n in found}, default=str))"
    )
    loaded = json.loads(python(code, {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}, str(finished / "hub"), *rows))
    assert {name: {split: one[0] for split, one in splits.items()} for name, splits in loaded.items() if name in rows} == rows
    assert loaded["none named"] == loaded["triples"]
    for name, splits in loaded.items():
        for _, columns, _ in splits.values():
            assert columns == list(CONFIGS.get(name, CONFIGS["triples"]).columns)
    first = loaded["triples"]["train"][2]
    assert first["context"]
    assert first["distractors"][0]["text"]
    assert first["origin"] == "rule"


def test_rows_of_triples_say_what_the_tables_of_the_run_say(commands: Commands, finished: Path) -> None:
    import pyarrow.parquet as pq

    assert commands.run("push", finished, "ann/rivers", "--license", "mit", "--dry-run").code == 0
    texts = {row["id"]: row["text"] for row in pq.read_table(finished / "chunks.parquet").to_pylist()}
    documents = {row["id"]: row["text"] for row in pq.read_table(finished / "documents.parquet").to_pylist()}
    for split in ("train", "dev", "test"):
        rows = pq.read_table(finished / "hub" / "triples" / f"{split}.parquet").to_pylist()
        assert [row["id"] for row in rows] == [row["id"] for row in sg_rows(finished, split)]
        for row in rows:
            assert (
                row["masks"]
                or row["context"] == texts[row["chunk_id"]] == documents[row["document_id"]][row["start"] : row["end"]]
            )
            assert all(one["text"] == texts[one["chunk_id"]] for one in [*row["distractors"], *row["other_positives"]])
            assert all(one["text"] == documents[row["document_id"]][one["start"] : one["end"]] for one in row["quotes"])


def test_tables_are_written_batch_by_batch_with_the_columns_that_options_add(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    alive = most = 0

    class Row(dict[str, object]):
        def __init__(self, **columns: object) -> None:
            nonlocal alive, most
            super().__init__(columns)
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def rows() -> Iterator[Row]:
        for number in range(5_500):
            yield Row(anchor=f"query {number}", positive="yes", negative="no", weight=None if number < 2_000 else 1)

    written = write_config(tmp_path, "st-triplet", {"train": rows, "dev": lambda: iter(())})
    assert written.rows == {"train": 5_500}
    assert written.types == {"anchor": "string", "positive": "string", "negative": "string", "weight": "int64"}
    table = pq.ParquetFile(tmp_path / "st-triplet" / "train.parquet")
    assert [table.metadata.row_group(n).num_rows for n in range(table.num_row_groups)] == [1_000] * 5 + [500]
    assert table.read().column("anchor").to_pylist() == [f"query {number}" for number in range(5_500)]
    assert not (tmp_path / "st-triplet" / "dev.parquet").exists()
    assert most <= 2_001


def test_judgments_name_queries_and_passages_that_are_there(commands: Commands, finished: Path) -> None:
    """As MTEB reads a folder: the split that is measured, or the only one."""
    import pyarrow.parquet as pq

    assert commands.run("push", finished, "ann/rivers", "--license", "mit", "--dry-run").code == 0
    passages = {row["_id"] for row in pq.read_table(finished / "hub" / "corpus" / "corpus.parquet").to_pylist()}
    assert len(passages) == chunks(finished)
    for split in ("train", "dev", "test"):
        queries = {row["_id"] for row in pq.read_table(finished / "hub" / "queries" / f"{split}.parquet").to_pylist()}
        judged = pq.read_table(finished / "hub" / "qrels" / f"{split}.parquet").to_pylist()
        assert {row["query-id"] for row in judged} == queries
        assert {row["corpus-id"] for row in judged} <= passages


# However a push ends


def test_a_push_killed_at_any_request_and_repeated_is_one_complete_commit(
    fresh: FakeHub, commands: Commands, finished: Path
) -> None:
    """SIGKILL before the Hub looks at the request; at the last, the commit, also after it."""
    assert commands.run("push", finished, "ann/rivers", *THREE).code == 0
    number, folder = len(fresh.requests), content(finished / "hub")
    assert number >= 10, "three configs are more than that"
    for at, how in [*((k, "kill") for k in range(1, number + 1)), (number, "kill after")]:
        fresh.forget()
        fresh.fail(at, how)
        assert commands.run("push", finished, "ann/rivers", *THREE).code == -9, f"{how} at {at} did not happen"
        assert content(finished / "hub") == folder
        told = commands.run("push", finished, "ann/rivers", *THREE)
        assert told.code == 0, (at, how, told)
        assert content(finished / "hub") == folder == pushed(fresh), (at, how)
        assert len(fresh.repos["ann/rivers"].commits) == 2, (at, how)


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("/api/whoami-v2", "drop"),
        ("/api/repos/create", "drop"),
        ("/api/repos/create", "lose"),
        ("/api/validate-yaml", "drop"),
        ("/lfs/", "lose"),
        ("/api/datasets/ann/rivers/commit/main", "drop"),
        ("/api/datasets/ann/rivers/commit/main", "lose"),
    ],
)
def test_a_push_whose_connection_breaks_says_so_and_goes_on(
    fresh: FakeHub, commands: Commands, finished: Path, path: str, how: str
) -> None:
    assert commands.run("push", finished, "ann/rivers", *THREE).code == 0
    folder = content(finished / "hub")
    fresh.forget()
    fresh.fail(path, how)
    told = commands.run("push", finished, "ann/rivers", *THREE)
    if path == "/lfs/":
        assert told.code == 0, "the library tries that again by itself"
    else:
        assert "the same command continues" in paragraph(told)
        told = commands.run("push", finished, "ann/rivers", *THREE)
    assert told.code == 0, told
    assert content(finished / "hub") == folder == pushed(fresh)
    assert len(fresh.repos["ann/rivers"].commits) == 2


# What is refused before anything is sent


def test_without_a_licence_nothing_is_written_or_sent(fresh: FakeHub, commands: Commands, finished: Path) -> None:
    shutil.rmtree(finished / "hub", ignore_errors=True)
    assert "--license" in paragraph(commands.run("push", finished, "ann/rivers"))
    assert "--license-name" in paragraph(commands.run("push", finished, "ann/rivers", "--license", "other"))
    assert fresh.requests == []
    assert not (finished / "hub").exists()


@pytest.mark.parametrize("token", ["hf_wrong", ""])
def test_a_wrong_or_missing_token_is_told_before_anything_is_sent(
    fresh: FakeHub, commands: Commands, finished: Path, token: str
) -> None:
    told = commands.run("push", finished, "ann/rivers", *THREE, HF_TOKEN=token)
    assert "token" in paragraph(told)
    assert "Nothing was sent" in told.error
    assert "hf_wrong" not in told.error
    assert sent(fresh) == []
    assert (finished / "hub" / "README.md").exists()


def test_an_existing_repository_is_left_alone_unless_forced(fresh: FakeHub, commands: Commands, finished: Path) -> None:
    assert commands.run("push", finished, "ann/rivers", "--license", "mit").code == 0
    before, asked = pushed(fresh), len(sent(fresh))
    told = commands.run("push", finished, "ann/rivers", *THREE)
    assert "--force" in paragraph(told)
    assert pushed(fresh) == before
    assert len(sent(fresh)) == asked
    assert commands.run("push", finished, "ann/rivers", *THREE, "--force").code == 0
    assert pushed(fresh) == content(finished / "hub"), "files of other configs are deleted"
    assert not any(path.startswith("raft/") for path in pushed(fresh))
    assert len(fresh.repos["ann/rivers"].commits) == 3


def test_what_somebody_else_commits_meanwhile_is_not_overwritten(fresh: FakeHub, commands: Commands, finished: Path) -> None:
    assert commands.run("push", finished, "ann/rivers", "--license", "mit", "--configs", "corpus").code == 0
    fresh.fail("/api/datasets/ann/rivers/commit/", "meanwhile")
    before = pushed(fresh)
    told = commands.run("push", finished, "ann/rivers", "--license", "cc0-1.0", "--configs", "corpus", "--force")
    assert fresh.requests[-1].path.endswith("/commit/main")
    assert "Somebody else has changed ann/rivers" in paragraph(told)
    assert pushed(fresh) == before


def test_a_repository_with_anything_in_it_is_somebodys(fresh: FakeHub, commands: Commands, finished: Path) -> None:
    assert commands.run("push", finished, "ann/rivers", *THREE).code == 0
    fresh.repos["ann/rivers"].files = {"README.md": b"# Mine"}
    assert "--force" in paragraph(commands.run("push", finished, "ann/rivers", *THREE))
    assert fresh.repos["ann/rivers"].files == {"README.md": b"# Mine"}


def test_private_rows_do_not_become_public_through_a_repository_that_is(
    fresh: FakeHub, commands: Commands, finished: Path
) -> None:
    assert commands.run("push", finished, "ann/rivers", *THREE, "--public").code == 0
    assert not fresh.repos["ann/rivers"].private
    fresh.repos["ann/rivers"].files.clear()
    asked = len(sent(fresh))
    assert "--public" in paragraph(commands.run("push", finished, "ann/rivers", *THREE))
    fresh.repos["ann/rivers"].private = True
    assert "private" in paragraph(commands.run("push", finished, "ann/rivers", *THREE, "--public"))
    assert len(sent(fresh)) == asked


def test_a_licence_that_the_hub_does_not_know_is_told_before_any_file_is_sent(
    fresh: FakeHub, commands: Commands, finished: Path
) -> None:
    told = commands.run("push", finished, "ann/rivers", "--license", "mitt", "--configs", "corpus")
    assert '"license" must be one of' in paragraph(told)
    assert fresh.objects == {}
    assert commands.run("push", finished, "ann/rivers", "--license", "mit", "--configs", "corpus").code == 0


def test_somebody_elses_name_is_told(fresh: FakeHub, commands: Commands, finished: Path) -> None:
    assert "does not let ann write to sauron/rivers" in paragraph(commands.run("push", finished, "sauron/rivers", *THREE))
    assert "OWNER/NAME" in paragraph(commands.run("push", finished, "rivers", *THREE))
    assert "'tripels'" in paragraph(commands.run("push", finished, "ann/rivers", "--license", "mit", "--configs", "tripels"))


def test_without_network_one_paragraph_says_so(finished: Path, tmp_path: Path) -> None:
    with FakeHub() as hub, Commands(hub, tmp_path) as commands:
        hub.stop()
        told = commands.run("push", finished, "ann/rivers", *THREE)
        assert "cannot be reached" in paragraph(told)
        assert "Nothing was sent" in told.error
    assert (finished / "hub" / "README.md").exists()


# The card


def test_the_card_states_the_facts_of_the_run(commands: Commands, finished: Path) -> None:
    assert (
        commands.run(
            "push",
            finished,
            "ann/rivers",
            "--license",
            "other",
            "--license-name",
            "Havens",
            "--license-link",
            "https://havens.example",
            "--dry-run",
        ).code
        == 0
    )
    front, body = card_of(finished)
    assert (front["license"], front["license_name"]) == ("other", "Havens")
    assert front["configs"][0]["config_name"] == "triples"
    assert front["configs"][0]["default"] is True
    assert [config["config_name"] for config in front["configs"]] == list(CONFIGS)
    assert "no-llm" in front["tags"]
    report = json.loads((finished / "report.json").read_text(encoding="utf-8"))
    for stage in report["funnel"]:
        assert f"| {stage['stage']} | {stage['in']:,} | {stage['kept']:,} |" in body
        assert all(f"{reason} {n:,}" in body for reason, n in stage["rejected"].items())
    assert "No language model wrote these rows" in body
    assert "Not measured" in body
    assert "it cost nothing" in body
    assert "No scan for personal data was made" in body
    assert all(f"| `{column}` |" in body for config in CONFIGS.values() for column in config.columns)
    assert f"{report['documents']['read']:,} documents were read" in body
    assert "synthetic queries" in body


def test_nothing_in_the_folder_names_a_key_or_a_place_on_this_machine(
    commands: Commands, finished: Path, tmp_path: Path
) -> None:
    told = commands.run("push", finished, "ann/rivers", "--license", "mit", "--dry-run", OPENAI_API_KEY="sk-precious")
    assert told.code == 0
    for path, data in readable(finished / "hub"):
        for secret in (TOKEN, "sk-precious", str(finished.parent), str(Path.home()), str(tmp_path.parent), sys.prefix):
            assert secret not in data, (path, secret)


def test_rows_of_a_model_are_called_synthetic_with_its_prompts_cost_and_terms(commands: Commands, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        llm = {"base_url": server.base_url, "prices": str(prices(tmp_path / "prices.yaml"))}
        sg.run(
            write_documents(tmp_path / "docs"), tmp_path / "run", model="openai/fake-model", settings={**SETTINGS, "llm": llm}
        )
    arguments = ("push", tmp_path / "run", "ann/rivers", "--license", "mit", "--dry-run", "--configs", "triples,st-triplet")
    assert commands.run(*arguments).code == 0
    front, body = card_of(tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    usage = report["generation"]["usage"]
    assert "synthetic" in front["tags"]
    assert "no-llm" not in front["tags"]
    assert all(f"| {name} | `{digest}` |" in body for name, digest in report["generation"]["prompts"].items())
    assert "The generator is openai/fake-model, asked through an OpenAI-compatible endpoint." in body
    assert f"{report['generation']['calls_ok']:,} calls" in body
    assert f"{usage['prompt']:,} prompt tokens" in body
    assert f"They cost ${usage['prompt'] + usage['output']:,.2f} by the prices of 2026-01-01." in body
    assert "temperature = 0.7" in body
    assert "named no terms of its provider" in body
    for path, data in readable(tmp_path / "run" / "hub"):
        assert server.base_url not in data, path
        assert str(tmp_path) not in data, path
    assert commands.run(*arguments, "--provider-terms", "Outputs may be used <b>freely</b>.").code == 0
    assert "Outputs may be used &lt;b&gt;freely&lt;/b&gt;." in card_of(tmp_path / "run")[1]


def prices(path: Path) -> Path:
    """A dollar for each token."""
    table = {"dated": "2026-01-01", "models": {"fake-model": {"input": 1_000_000, "output": 1_000_000}}}
    path.write_text(yaml.safe_dump(table), encoding="utf-8")
    return path


def test_the_measurement_is_shown_with_its_intervals_and_said_to_be_stale(
    commands: Commands, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    delta = {"ndcg@10": 0.123, "low": -0.01, "high": 0.2, "p": 0.04, "minimum_detectable": 0.05}
    figures = dict.fromkeys(("ndcg@10", "mrr@10", "recall@1", "recall@5", "recall@10", "recall@100"), 0.5)
    setting = {
        "setting": "unseen documents", "queries": 15, "queries_are": "synthetic (self-consistency)", "relevance": "chunk",
        "without_relevant": 0, "unknown_ids": 0, "groups": 12, "index": 24, "systems": {"base": figures, "tuned": figures},
        "deltas": {"tuned-base": delta},
    }  # fmt: skip
    chosen = {"system": "bm25", "reason": "too few", "rule": "always"}
    encoder = {"base": "static", "rows": 9, "passages": 7, "dimensions": 64, "vocabulary": 500, "settings": {"epochs": 1.0}}
    measured = {
        "training": encoder,
        "deployment": None,
        "unseen documents": setting,
        "recommendation": chosen,
        "leaks": 0,
        "stale": True,
    }
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    (run / "report.json").write_text(json.dumps(report | {"training": measured}), encoding="utf-8")
    assert commands.run("push", run, "ann/rivers", *THREE, "--dry-run").code == 0
    _, body = card_of(run)
    assert "nDCG@10 +0.123 [-0.010, +0.200]" in body
    assert "15 queries, synthetic" in body
    assert "rows before the last change of the filters" in body


def test_settings_are_published_without_paths_endpoints_and_secrets(tmp_path: Path) -> None:
    place = f"{tmp_path}/acme precious"
    config = load_config(
        overrides={
            "model": f"openai/{place}/llama",
            "sources": {"loaders": {".x": f"{place}/loader.py:load", ".key": "plain"}},
            "llm": {
                "base_url": "http://barad-dur:8000/v1",
                "store": f"{place}/calls.sqlite",
                "prices": f"{place}/prices.yaml",
                "extra_body": {
                    "api_key": "sk-precious",
                    "adapter": f"file://{place}/lora",
                    "nested": [{"accessToken": "precious"}],
                },
            },
            "training": {"base": f"{place}/encoder"},
            "generation": {
                "prompt": [f"{place}/ask.yaml", "../acme-precious/more.yaml", "question"],
                "shots": "precious/shots.jsonl",
            },
            "distractors": {
                "cross_encoder": "precious/models/reranker",
                "check": True,
                "check_model": "openai/C:\\Users\\precious\\checker",
            },
            "answers": {"model": "openai/~precious/writer", "reasoning": True},
            "filters": {
                "options": {
                    "judge": {"model": f"openai/{place}/judge", "prompt": "precious/mine.yaml"},
                    "answer_check": {"model": "openai/file:///precious/check"},
                    "round_trip": {"reranker": f"{place}/cross"},
                }
            },
            "exports": {"options": {"mine": {"Authorization": "Bearer precious"}}},
        }
    )
    published = public_settings(config)
    assert all(word not in yaml.safe_dump(published) for word in ("precious", "barad-dur", str(tmp_path)))
    assert published["generation"]["prompt"] == ["ask.yaml", "more.yaml", "question"]
    assert published["generation"]["shots"] == "shots.jsonl"
    assert published["sources"]["loaders"] == {".x": "loader.py:load", ".key": "plain"}
    assert published["llm"]["extra_body"] == {}
    assert published["exports"]["options"] == {"mine": {}}
    again = load_config(overrides=published)
    models = (again.model, again.answers.model, again.distractors.check_model)
    assert models == ("openai/llama", "openai/writer", "openai/checker")
    assert (again.training.base, again.distractors.cross_encoder) == ("encoder", "reranker")
    assert again.filters.options == {
        "judge": {"model": "openai/judge", "prompt": "mine.yaml"},
        "answer_check": {"model": "openai/check"},
        "round_trip": {"reranker": "cross"},
    }


def test_settings_that_name_no_place_are_published_as_they_are() -> None:
    config = load_config(
        overrides={
            "model": "openai/accounts/fireworks/models/llama",
            "chunking": {"tokenizer": "cl100k_base"},
            "generation": {"prompt": ["keyword", "question"]},
            "llm": {
                "stop": ["/", "~/a/b"],
                "logit_bias": {"token": 5},
                "extra_body": {"stop_token_ids": [1, 2], "max_tokens": 3},
            },
            "distractors": {
                "cross_encoder": "cross-encoder/ms-marco-MiniLM-L6-v2",
                "check": True,
                "check_model": "openai/acme/gpt",
            },
            "answers": {"styles": [{"name": "plain", "instruction": "/home/or/away: the key is a secret."}]},
            "filters": {"options": {"secret:filter": {"min": 1}}},
            "exports": {
                "options": {
                    "corpus-text": {"tokenizer": "cl100k_base"},
                    "openai-chat": {"system": "/no_think Answer from $x."},
                }
            },
            "training": {"base": "sentence-transformers/all-MiniLM-L6-v2"},
        }
    )
    assert load_config(overrides=public_settings(config)) == config


def test_names_of_models_that_are_paths_are_cut() -> None:
    same = ["openai/gpt", "acme/gpt", "openai/@cf/meta/llama", "extractive:pattern", "mine:make", "/no_think", "", "openai/"]
    assert [public_name(text) for text in same] == same
    cut = {
        "/home/bob/x": "x",
        "openai//home/bob ross/x y": "openai/x y",
        r"C:\Users\bob\x": "x",
        r"\\server\share\x": "x",
        "~bob/x": "x",
        "../acme/x": "x",
        "file:///home/bob/x": "x",
        "/home/bob/x/": "x/",
    }
    assert {text: public_name(text) for text in cut} == cut


def test_no_model_of_any_step_is_published_with_its_folder(commands: Commands, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    stored = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    place = "openai//home/jane doe/acme"
    stored["config"]["answers"] |= {"reasoning": True, "model": f"{place}/writer"}
    stored["config"]["distractors"] |= {"check": True, "check_model": f"{place}/checker"}
    stored["config"]["filters"]["order"] += ["answer_check", "judge"]
    stored["config"]["filters"]["options"] |= {name: {"model": f"{place}/{name}er"} for name in ("answer_check", "judge")}
    (run / "config.yaml").write_text(yaml.safe_dump(stored), encoding="utf-8")
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    report["generation"]["prompts"] = {"keyword": "0123abc"}
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert commands.run("push", run, "ann/rivers", *THREE, "--dry-run").code == 0
    body = card_of(run)[1]
    assert "answer_check (answer_checker), judge (judgeer), distractor_check (checker), answers (writer)" in body
    assert "| model | openai/writer |" in body
    assert "| keyword | `0123abc` |" in body
    for path, data in readable(run / "hub"):
        assert "jane" not in data, path
        assert "acme" not in data, path


def test_imported_rows_are_called_imported_and_are_not_mixed_with_others(commands: Commands, tmp_path: Path) -> None:
    names = ["openai/gpt-6", "extractive:pattern", "", ""]
    rows = [
        {
            "query": f"How long is river {n}?",
            "answer": f"{n}00 miles",
            "context": f"River {n} is {n}00 miles long and cold.",
            "generator": name,
        }
        for n, name in enumerate(names, 1)
    ]
    mixed, plain = tmp_path / "mixed.jsonl", tmp_path / "plain.jsonl"
    mixed.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    plain.write_text("".join(json.dumps({**row, "generator": "<b>a|b</b>"}) + "\n" for row in rows), encoding="utf-8")
    settings = {**SETTINGS, "filters": {"order": ["format"]}}
    for file in (mixed, plain):
        sg.import_rows(file, "-", tmp_path / file.stem, settings=settings)
    arguments = ("ann/rivers", "--license", "mit", "--dry-run")
    assert "--mixed" in paragraph(commands.run("push", tmp_path / "mixed", *arguments))
    assert not (tmp_path / "mixed" / "hub").exists()
    assert commands.run("push", tmp_path / "mixed", *arguments, "--mixed").code == 0
    assert commands.run("push", tmp_path / "plain", *arguments).code == 0
    front, body = card_of(tmp_path / "plain")
    assert "**imported** from\nplain.jsonl" in body
    assert "annotations_creators" not in front
    assert "source_datasets" not in front
    assert "synthgen import plain.jsonl - RUN -c config.yaml\n" in body
    assert "<b>" not in body
    assert "terms, is not known" in body


def test_texts_with_labels_are_refused_and_told_how_to_go(commands: Commands, tmp_path: Path) -> None:
    rows = [{"text": f"River {n} is cold and {n}00 miles long.", "label": ("cold", "warm")[n % 2]} for n in range(8)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sg.import_rows(tmp_path / "rows.jsonl", "-", tmp_path / "run", kind="classification")
    told = paragraph(commands.run("push", tmp_path / "run", "ann/rivers", "--license", "mit", "--dry-run"))
    assert "texts with labels" in told
    assert f"synthgen export {tmp_path / 'run'} -f classification-chat" in told
    assert not (tmp_path / "run" / "hub").exists()


def test_the_command_of_an_import_names_its_columns_and_documents(commands: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    text = "River Arn is 300 miles long and cold. It ends in the sea near the old mill of Brodel."
    (folder / "arn.md").write_text(text, encoding="utf-8")
    row = {"question": "How long is Arn?", "answer": "300 miles", "document": "arn.md", "start": 0, "end": 37}
    (tmp_path / "my rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    settings = {**SETTINGS, "filters": {"order": ["format"]}}
    sg.import_rows(tmp_path / "my rows.jsonl", folder, tmp_path / "run", mapping={"query": "question"}, settings=settings)
    assert commands.run("push", tmp_path / "run", "ann/rivers", "--license", "mit", "--dry-run").code == 0
    assert "synthgen import 'my rows.jsonl' DOCS RUN -c config.yaml --map query=question\n" in card_of(tmp_path / "run")[1]


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "../LICENSE", "//evil.example", "https://", "https:// x"]
)
def test_a_link_to_a_licence_is_an_address_or_a_file(link: str) -> None:
    with pytest.raises(ConfigError, match="--license-link takes"):
        check_license("other", "Havens", link)


def test_links_to_licences() -> None:
    links = ["https://havens.example/licence?x=1", "HTTP://havens.example", "LICENSE", "LICENSE.md"]
    assert [check_license("other", "Havens", link).link for link in links] == links


@pytest.mark.parametrize("reviewed", [True, False])
def test_whether_a_person_has_reviewed_rows_is_told(commands: Commands, tmp_path: Path, reviewed: bool) -> None:
    row = {
        "query": "How long is Arn?",
        "answer": "300 miles",
        "context": "Arn is 300 miles long and cold.",
        "reviewed": reviewed,
    }
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    sg.import_rows(tmp_path / "rows.jsonl", "-", tmp_path / "run", settings={**SETTINGS, "filters": {"order": ["format"]}})
    assert commands.run("push", tmp_path / "run", "ann/rivers", "--license", "mit", "--dry-run").code == 0
    body = card_of(tmp_path / "run")[1]
    assert ("No person has reviewed the rows." in body) is not reviewed
    assert ("1 rows are marked as reviewed by a person." in body) is reviewed


@pytest.mark.parametrize(
    ("rows", "size"),
    [(1, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (9_999, "1K<n<10K"), (10_000, "10K<n<100K"), (10_000_000, "10M<n<100M")],
)
def test_the_size_is_that_of_the_largest_config(rows: int, size: str) -> None:
    """All splits together."""
    run = {
        "rows": {"answered": 1}, "writer": "", "import": None, "version": "1", "seed": 0, "measured": "", **dict.fromkeys(
            ("left_out", "sources", "cost", "funnel", "asked", "settings", "limits", "terms"), ()), "prompts": {}, "sampling": {},
    }  # fmt: skip
    tables = [WrittenConfig("triples", {"train": rows - 1, "test": 1}, {}), WrittenConfig("qrels", {"train": 1}, {})]
    facts = CardFacts(
        "ann/rivers",
        "Rivers",
        check_license("mit", None, None),
        ["en"],
        tables,
        {"rule": rows},
        run,
        {"measured": "", "command": ""},
    )
    assert yaml.safe_load(card(facts).split("---\n")[1])["size_categories"] == [size]


def test_the_corpus_is_made_for_its_own_config_alone(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice: for its columns, and for its rows."""
    made: list[str] = []

    def counted(chunk: Chunk, context: ExportContext) -> str:
        made.append(chunk.id)
        return breadcrumb(chunk, context)

    monkeypatch.setattr("synthgen.exporters.beir.breadcrumb", counted)
    sg.push(finished, "ann/rivers", license="mit", dry_run=True)
    assert len(made) == 2 * chunks(finished)


# Personal data


def test_a_scan_is_told_in_the_card(commands: Commands, finished: Path) -> None:
    told = commands.run("push", finished, "ann/rivers", *THREE, "--dry-run", "--scan-personal-data")
    assert "looks like personal data: nothing" in told.out
    assert "| payment card | 0 | 0 |" in card_of(finished)[1]


def test_a_name_that_is_no_repository_is_an_error_of_python_too(finished: Path) -> None:
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        sg.push(finished, "rivers", license="mit")


def python(code: str, environment: dict[str, str], *arguments: str) -> str:
    """What a Python of its own prints: the libraries read these settings when they are imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=kept | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sg_rows(run: Path, split: str) -> list[dict[str, object]]:
    import pyarrow.parquet as pq

    return [row for row in pq.read_table(run / "triples.parquet").to_pylist() if row["split"] == split]


def chunks(run: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(run / "chunks.parquet").num_rows)


def readable(folder: Path) -> Iterator[tuple[str, str]]:
    """Texts of the files, and of tables what stands in their rows."""
    import pyarrow.parquet as pq

    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        table = path.suffix == ".parquet"
        yield str(path), repr(pq.read_table(path).to_pylist()) if table else path.read_text(encoding="utf-8")
