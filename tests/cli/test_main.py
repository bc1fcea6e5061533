"""Every mistake gets one paragraph and its exit code; every verb does what its help says."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from support.command_line import synthgen
from typer.testing import CliRunner

from synthgen.cli.catalog import listing
from synthgen.cli.options import ASKED, CAPS, PACE, Given, flags
from synthgen.config.settings import Config, load_config
from synthgen.testing import FakeOpenAI

FROG = "The common frog is an amphibian. It hibernates in mud from November to February. The maximum lifespan is 8 years."
TOADS = """# Toads

## Skin

A toad is a dry-skinned amphibian. The poison of a toad is called bufotoxin. It keeps most hunters away from the slow animal.

## Sleep

How long does a toad sleep?

Toads rest for about five months, from October until the first warm rain of March, when they walk back to their pond.
"""
NEWTS = """# Newts

A newt regrows a lost leg within ten weeks. The default colour of a newt is brown, but the crest of the male turns orange in spring.
Newts lay up to 300 eggs, one by one, and fold each of them into the leaf of a water plant.
"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "wet").mkdir(parents=True)
    (folder / "frog.txt").write_text(FROG * 3, encoding="utf-8")
    (folder / "wet" / "toads.md").write_text(TOADS, encoding="utf-8")
    (folder / "wet" / "newts.md").write_text(NEWTS, encoding="utf-8")
    (folder / "empty.md").write_text("")
    return folder


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def synthgen_process(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(None), **options)  # type: ignore[call-overload]


def environment(key: str | None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    return clean | ({"OPENAI_API_KEY": key} if key else {})


def unheard(*arguments: object) -> int:
    """The exit code of a command whose standard error nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=writer, env=environment(None)).returncode
    finally:
        os.close(writer)


def fast(*more: str) -> list[str]:
    """Flags that leave the training out."""
    return ["--set", "training.enabled=false", *more]


def assert_told(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One paragraph on standard error, nothing on standard output, no traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("synthgen: ")]
    assert len(told) == 1, done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in told[0]


def test_a_missing_folder(tmp_path: Path) -> None:
    assert_told(synthgen("run", tmp_path / "none", tmp_path / "run"), 1, "is not there", "first argument")
    assert not (tmp_path / "run").exists()


def test_a_file_in_place_of_a_folder(docs: Path, tmp_path: Path) -> None:
    assert_told(synthgen("run", docs / "frog.txt", tmp_path / "run"), 1, "is a file")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert_told(synthgen("run", tmp_path / "docs", tmp_path / "run"), 1, str(tmp_path / "docs"))


def test_a_folder_of_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "image.md").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "docs" / "thing.xyz").write_text("words")
    assert_told(synthgen("run", tmp_path / "docs", tmp_path / "run"), 1, "binary", "unknown_type")


def test_a_run_folder_inside_the_documents(docs: Path) -> None:
    assert_told(synthgen("run", docs, docs / "run"), 1, "lies inside the documents", "Put it beside them")
    assert not (docs / "run").exists()


def test_a_folder_with_something_else_in_it_is_no_run_folder(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.md").write_text("mine")
    assert_told(synthgen("run", docs, tmp_path / "thesis"), 1, "is not empty and is not a run folder", "chapter1.md")


def test_an_unknown_config_key(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("chunking: {max_token: 5}\n")
    done = synthgen("run", docs, tmp_path / "run", "-c", tmp_path / "c.yaml")
    assert_told(done, 1, "no setting 'max_token' in chunking", "Did you mean 'max_tokens'?")


def test_bad_yaml_names_its_line(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("seed: 1\nchunking: [\n")
    assert_told(synthgen("run", docs, tmp_path / "run", "-c", tmp_path / "c.yaml"), 1, "line 3", "not valid YAML")
    assert_told(synthgen("run", docs, tmp_path / "run", "--set", "seed=["), 1, "--set seed=[", "not valid YAML")


def test_an_unknown_model(docs: Path, tmp_path: Path) -> None:
    assert_told(synthgen("run", docs, tmp_path / "run", "-m", "extractiv"), 1, "no model called 'extractiv'", "extractive")


def test_a_missing_key(docs: Path, tmp_path: Path) -> None:
    done = synthgen("run", docs, tmp_path / "run", "-m", "openai/fake-model", *fast())
    assert_told(done, 1, "OPENAI_API_KEY")


@pytest.mark.slow
def test_an_unreachable_server(docs: Path, tmp_path: Path) -> None:
    done = synthgen(
        "run", docs, tmp_path / "run", "-m", "openai/fake-model", "--base-url", "http://127.0.0.1:9/v1", *fast(), key="k"
    )
    assert_told(done, 1, "http://127.0.0.1:9/v1")


@pytest.mark.slow
def test_another_folder_of_documents_for_an_existing_run(docs: Path, tmp_path: Path) -> None:
    assert synthgen("run", docs, tmp_path / "run", *fast()).returncode == 0
    assert_told(synthgen("run", docs / "wet", tmp_path / "run"), 1, "belongs to the documents in", str(docs))


@pytest.mark.slow
def test_a_changed_generation_wants_to_be_told(docs: Path, tmp_path: Path) -> None:
    assert synthgen("run", docs, tmp_path / "run", *fast()).returncode == 0
    more = ("--set", "generation.per_chunk=5")
    assert_told(synthgen("run", docs, tmp_path / "run", *fast(*more)), 1, "per_chunk changed", "--update")
    assert synthgen("run", docs, tmp_path / "run", "--update", *fast(*more)).returncode == 0


@pytest.mark.slow
def test_a_disk_that_takes_no_more(docs: Path, tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = synthgen_process("run", docs, tmp_path / "run", *fast(), preexec_fn=no_room)
    assert_told(done, 1, "could not be written", "Free disk space")


def test_a_place_that_cannot_be_written(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_told(synthgen("run", docs, tmp_path / "file" / "run"), 1, "cannot be made", "another folder")


def test_usage_errors_are_two(tmp_path: Path) -> None:
    assert synthgen("run").returncode == 2
    assert synthgen("run", "a", "b", "--no-such-flag").returncode == 2


@pytest.mark.slow
def test_ctrl_c_says_how_to_resume_and_loses_nothing(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(latency_s=0.4) as server:
        arguments = ["run", docs, tmp_path / "run", "-m", "openai/fake-model", "--base-url", server.base_url, *fast()]
        arguments += ["--concurrency", "1"]
        command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment("k"))
        while len(server.log) < 2:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "Traceback" not in told
        assert "this resumes: synthgen run" in told
        before = [entry.key for entry in server.log]
        assert synthgen(*arguments, key="k").returncode == 0
        after = [entry.key for entry in server.log[len(before) :]]
        assert before[0] not in after


@pytest.mark.slow
def test_a_cap_stops_with_three_and_the_same_command_goes_on(docs: Path, tmp_path: Path, server: FakeOpenAI) -> None:
    arguments = [
        "run",
        docs,
        tmp_path / "run",
        "-m",
        "openai/fake-model",
        "--base-url",
        server.base_url,
        *fast("--max-calls", "1"),
    ]
    assert_told(synthgen(*arguments, key="k"), 3, "max_calls")
    asked = len(server.log)
    assert asked == 1
    while (done := synthgen(*arguments, key="k")).returncode == 3:
        assert len(server.log) == asked + 1, "each run may make one more call"
        asked = len(server.log)
    assert done.returncode == 0, done.stderr
    assert len({entry.key for entry in server.log}) == len(server.log)


@pytest.mark.slow
def test_the_key_is_nowhere_in_the_run_folder(docs: Path, tmp_path: Path, server: FakeOpenAI) -> None:
    key = "sk-toad-in-the-hole-1234567890"
    flags = ["-m", "openai/fake-model", "--base-url", server.base_url, *fast()]
    done = synthgen("run", docs, tmp_path / "run", *flags, "-v", key=key)
    assert done.returncode == 0, done.stderr
    assert server.log[0].authorization == f"Bearer {key}"
    holders = [p for p in (tmp_path / "run").rglob("*") if p.is_file() and key.encode() in p.read_bytes()]
    assert holders == []
    assert key not in done.stdout + done.stderr


def test_a_run_prints_its_funnel_and_examples(docs: Path, tmp_path: Path) -> None:
    done = synthgen("run", docs, tmp_path / "run", *fast())
    assert done.returncode == 0, done.stderr
    assert "round_trip" in done.stdout
    assert "example 1" in done.stdout
    assert "No LLM wrote these rows" in done.stdout
    assert "1 file skipped (empty 1)" in done.stdout


@pytest.mark.slow
def test_json_is_one_object(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for arguments in (
        ("run", docs, run, *fast()),
        ("plan", docs),
        ("status", run),
        ("show", run),
        ("show", run, "--rejected"),
        ("filter", run, "--set", "filters.options={round_trip: {min_ratio: 0.5}}"),
        ("export", run, "-f", "st-pair"),
        ("list", "filters"),
        ("list", "formats"),
        ("list", "prompts"),
        ("list", "models"),
        ("list", "loaders"),
    ):
        done = (
            synthgen(*arguments, "--json", "-q")
            if arguments[0] in ("run", "plan", "filter")
            else synthgen(*arguments, "--json")
        )
        assert done.returncode == 0, (arguments, done.stderr)
        assert isinstance(json.loads(done.stdout), dict), arguments


def test_plan_shows_exact_messages_and_makes_no_call(docs: Path, server: FakeOpenAI) -> None:
    flags = ("-m", "openai/fake-model", "--base-url", server.base_url)
    done = synthgen("plan", docs, *flags, "--show", "1")
    assert done.returncode == 0, done.stderr
    assert "unknown price" in done.stdout
    assert "[system]" in done.stdout
    assert "amphibian" in done.stdout
    assert "would stop early, at llm.max_calls = 1" in synthgen("plan", docs, *flags, "--max-calls", "1").stdout
    assert server.log == []
    messages = json.loads(synthgen("plan", docs, *flags, "--show", "1", "--json").stdout)["messages"]
    assert [message["role"] for message in messages[0]] == ["system", "user"]


@pytest.mark.slow
def test_export_to_standard_output_a_file_and_a_folder(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert synthgen("run", docs, run, *fast()).returncode == 0
    printed = synthgen("export", run, "-f", "st-pair", "-o", "-").stdout
    rows = [json.loads(line) for line in printed.splitlines()]
    assert set(rows[0]) == {"anchor", "positive"}
    assert synthgen("export", run, "-f", "st-pair", "-o", tmp_path / "pairs.jsonl").returncode == 0
    assert (tmp_path / "pairs.jsonl").read_text(encoding="utf-8") == printed
    assert synthgen("export", run, "-f", "st-pair", "-o", tmp_path / "pairs").returncode == 0
    assert (tmp_path / "pairs" / "train.jsonl").read_text(encoding="utf-8") == printed
    assert_told(synthgen("export", run, "-f", "st-pairs"), 1, "no format called 'st-pairs'", "st-pair")
    assert_told(synthgen("export", run, "-f", "st-pair", "-o", "-", "--split", "trian"), 1, "no split 'trian'")


def test_show_names_the_reasons_there_are(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert synthgen("run", docs, run, *fast()).returncode == 0
    assert "query" in synthgen("show", run, "-n", "1").stdout
    assert_told(synthgen("show", run, "--reason", "boredom"), 1, "No row was rejected for 'boredom'")
    assert_told(synthgen("show", tmp_path / "other"), 1, "does not exist")


def test_a_verb_on_no_run_folder(tmp_path: Path) -> None:
    for verb in (["status"], ["filter"], ["train"], ["evaluate", "--queries", tmp_path], ["export", "-f", "raft"]):
        assert_told(synthgen(verb[0], tmp_path / "none", *verb[1:]), 1, "is not a run folder")


@pytest.mark.slow
def test_an_export_deletes_nothing_of_yours(docs: Path, tmp_path: Path) -> None:
    run, mine = tmp_path / "run", tmp_path / "mine"
    assert synthgen("run", docs, run, *fast()).returncode == 0
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert_told(synthgen("export", run, "-f", "st-pair", "-o", mine), 1, "thesis.txt", "new or empty folder")
    assert (mine / "thesis.txt").read_text() == "years of work"
    (mine / "thesis.txt").unlink()
    assert synthgen("export", run, "-f", "st-pair", "-o", mine).returncode == 0
    assert synthgen("export", run, "-f", "st-pair", "-o", mine).returncode == 0, "its own export may be replaced"


@pytest.mark.slow
def test_an_export_says_what_it_left_out_and_is_never_empty(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert synthgen("run", docs, run, *fast()).returncode == 0
    done = synthgen("export", run, "-f", "openai-chat", "-o", tmp_path / "chat.jsonl")
    assert "no_answer" in done.stdout
    assert "no_answer" in synthgen("export", run, "-f", "openai-chat", "-o", "-").stderr
    assert synthgen("run", docs, run, "--limit", "1", *fast()).returncode == 0
    (only,) = {row["split"] for row in json.loads(synthgen("show", run, "--json").stdout)["rows"]}
    other = next(split for split in ("dev", "test", "train") if split != only)
    assert_told(synthgen("export", run, "-f", "st-pair", "-o", "-", "--split", other), 1, "No row fits the format 'st-pair'")


@pytest.mark.slow
def test_the_endpoint_and_the_store_are_found_again_from_elsewhere(docs: Path, tmp_path: Path, server: FakeOpenAI) -> None:
    run, command = tmp_path / "run", [sys.executable, "-m", "synthgen"]
    flags = ["-m", "openai/fake-model", "--store", "shared.sqlite", *fast()]
    started = environment("k") | {"OPENAI_BASE_URL": server.base_url}
    subprocess.run([*command, "run", str(docs), str(run), *flags], check=True, capture_output=True, env=started, cwd=tmp_path)
    asked = len(server.log)
    state = json.loads(synthgen("status", run, "--json").stdout)
    assert (state["calls_remaining"], state["finished"]) == (0, True)
    assert synthgen("filter", run, "--set", "filters.options={round_trip: {min_ratio: 0.5}}").returncode == 0
    assert len(server.log) == asked


def test_queries_that_are_not_there_are_noticed_before_any_call(docs: Path, tmp_path: Path, server: FakeOpenAI) -> None:
    flags = ["-m", "openai/fake-model", "--base-url", server.base_url, "--queries", tmp_path / "nope"]
    assert_told(synthgen("run", docs, tmp_path / "run", *flags, key="k"), 1, "nope")
    assert server.log == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/v1", "http://[::1/v1", "http://127.0.0.1:abc/v1", "ftp://x"])
def test_an_address_that_is_none(docs: Path, tmp_path: Path, url: str) -> None:
    done = synthgen("run", docs, tmp_path / "run", "-m", "openai/fake-model", "--base-url", url, *fast(), key="k")
    assert_told(done, 1, "is not a web address")


@pytest.mark.slow
def test_a_run_folder_in_use_is_left_alone_and_so_is_its_log(docs: Path, tmp_path: Path) -> None:
    from synthgen.pipeline.run_folder import RunFolder

    run = tmp_path / "run"
    run.mkdir()
    with RunFolder(run).held():
        assert_told(synthgen("run", docs, run, *fast()), 1, "is in use by another command")
        assert not (run / "run.log").exists()
    assert synthgen("run", docs, run, *fast()).returncode == 0
    with RunFolder(run).held():
        assert_told(synthgen("evaluate", run, "--queries", docs), 1, "has no model yet")


def test_every_flag_changes_the_setting_it_stands_for() -> None:
    app, seen = typer.Typer(), list[Config]()

    @app.command()
    @flags(*ASKED, *CAPS, *PACE, "store")
    def verb(*, given: Given) -> None:
        seen.append(load_config(given.config, given.settings, given.overrides))

    line = (
        "--set llm.rpm=7 --set seed=1 -m openai/frog --base-url http://pond/v1 --seed 0 --limit 3 --max-cost 0.5 --max-calls 4 "
    )
    line += "--max-total-tokens 5 --concurrency 6 --patience 0 --store pond.sqlite"
    assert CliRunner().invoke(app, line).exit_code == 0
    assert CliRunner().invoke(app, "").exit_code == 0
    config, default = seen
    assert default == load_config()
    assert (config.model, config.seed, config.generation.limit) == ("openai/frog", 0, 3)
    assert (config.llm.rpm, config.llm.base_url, config.llm.store) == (7, "http://pond/v1", "pond.sqlite")
    assert (config.llm.max_cost, config.llm.max_calls, config.llm.max_total_tokens) == (0.5, 4, 5)
    assert (config.llm.concurrency, config.llm.patience_s) == (6, 0)


def test_init_writes_a_configuration_that_is_the_default(tmp_path: Path) -> None:
    assert synthgen("init", tmp_path / "mine").returncode == 0
    assert load_config(tmp_path / "mine" / "config.yaml") == Config()
    assert (tmp_path / "mine" / "prompts" / "question.yaml").exists()
    assert_told(synthgen("init", tmp_path / "mine"), 1, "overwrites nothing")


def test_init_writes_the_sample_byte_for_byte(tmp_path: Path) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    assert synthgen("init", tmp_path / "mine", "--sample").returncode == 0
    assert load_config(tmp_path / "mine" / "config.yaml") == Config()
    data = Path(__file__).parents[2] / "data"
    for name in ("handbook", "handbook-queries"):
        assert contents(tmp_path / "mine" / name) == contents(data / name) != {}


@pytest.mark.slow
def test_every_verb_has_help() -> None:
    told = synthgen("--help").stdout
    for verb in ("run", "plan", "status", "show", "filter", "export", "train", "evaluate", "init", "list"):
        assert verb in told
        assert synthgen(verb, "--help").returncode == 0


@pytest.mark.slow
def test_work_goes_on_and_the_exit_code_stands_when_nobody_reads_standard_error(docs: Path, tmp_path: Path) -> None:
    assert unheard("run", docs, tmp_path / "run", *fast()) == 0
    assert (tmp_path / "run" / "report.json").exists()
    assert unheard("status", tmp_path / "none") == 1
    with FakeOpenAI() as server:
        flags = ["--model", "openai/fake-model", "--base-url", server.base_url, "--max-calls", "2"]
        assert unheard("run", docs, tmp_path / "paid", *flags, *fast()) == 3


def test_a_reader_that_has_enough_is_no_error(docs: Path, tmp_path: Path) -> None:
    synthgen("run", docs, tmp_path / "run", *fast())
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "synthgen", "export", str(tmp_path / "run"), "-f", "st-pair", "-o", "-"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment(None))
    os.close(writer)
    assert (done.returncode, "Traceback" in done.stderr, "Exception ignored" in done.stderr) == (0, False, False)


def test_a_listed_loader_has_a_meaning() -> None:
    for loader in listing("loaders"):
        assert loader["meaning"].endswith(".")
        assert ":" not in loader["meaning"]
