"""Batches of the fake server, used as a client uses the provider's: through the SDK."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest

from synthgen.testing import BatchFate, FakeOpenAI, Fault, mix

Json = dict[str, Any]


def line(number: int, *, name: str | None = None, model: str = "fake-model", url: str = "/v1/chat/completions") -> Json:
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": f"Write 1 item in JSON. Wren number {number} sings at dawn."}],
    }
    return {"custom_id": name or f"wren-{number}", "method": "POST", "url": url, "body": asked}


def lines_of(count: int) -> list[Json]:
    return [line(number) for number in range(count)]


class Client:
    """The SDK, and what one does with it."""

    def __init__(self, server: FakeOpenAI) -> None:
        self.sdk = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)

    def submit(self, lines: list[Json], **more: Any) -> openai.types.Batch:
        data = "".join(json.dumps(one) + "\n" for one in lines).encode()
        file = self.sdk.files.create(file=("input.jsonl", data), purpose="batch")
        return self.sdk.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", **more)

    def ended(self, batch: openai.types.Batch) -> openai.types.Batch:
        until = time.monotonic() + 20
        while batch.status not in ("completed", "failed", "expired", "cancelled"):
            assert time.monotonic() < until, batch.status
            time.sleep(0.01)
            batch = self.sdk.batches.retrieve(batch.id)
        return batch

    def read(self, file_id: str | None) -> list[Json]:
        return [json.loads(row) for row in self.sdk.files.content(file_id).text.splitlines()] if file_id else []

    def outcome(self, batch: openai.types.Batch) -> tuple[list[Json], list[Json]]:
        return self.read(batch.output_file_id), self.read(batch.error_file_id)


_OPEN: list[Client] = []


@pytest.fixture(autouse=True)
def closed_in_the_end() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().sdk.close()


@pytest.fixture
def client() -> Iterator[Client]:
    with FakeOpenAI() as server:
        yield connected(server)


def connected(server: FakeOpenAI) -> Client:
    _OPEN.append(Client(server))
    return _OPEN[-1]


def test_a_batch_answers_every_line_as_the_live_endpoint_would_in_another_order(client: Client) -> None:
    batch = client.submit(lines_of(50), metadata={"run": "r1"})
    assert batch.status in ("validating", "in_progress", "finalizing", "completed")
    done = client.ended(batch)
    output, errors = client.outcome(done)
    assert (done.status, done.metadata, done.error_file_id, errors) == ("completed", {"run": "r1"}, None, [])
    assert done.request_counts.model_dump() == {"total": 50, "completed": 50, "failed": 0}
    names = [row["custom_id"] for row in output]
    assert names != [f"wren-{number}" for number in range(50)]
    assert set(names) == {f"wren-{number}" for number in range(50)}
    for row in output[:3]:
        number = int(row["custom_id"].removeprefix("wren-"))
        live = client.sdk.chat.completions.with_raw_response.create(**line(number)["body"])
        assert row["response"]["body"] == json.loads(live.content)
        assert (row["response"]["status_code"], row["error"]) == (200, None)
    again = client.ended(client.submit(lines_of(50)))
    assert client.outcome(again)[0] == output, "the order is the same for the same file"


def test_a_file_is_kept_told_and_deleted(client: Client) -> None:
    file = client.sdk.files.create(file=("a.jsonl", b"wren\n" * 100_000), purpose="batch")
    assert (file.bytes, file.filename, file.purpose) == (500_000, "a.jsonl", "batch")
    assert client.sdk.files.content(file.id).content == b"wren\n" * 100_000
    assert [one.id for one in client.sdk.files.list()] == [file.id]
    assert client.sdk.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.sdk.files.retrieve(file.id)


def test_batches_are_listed_newest_first_in_pages(client: Client) -> None:
    made = [client.submit(lines_of(1)).id for _ in range(5)]
    assert [batch.id for batch in client.sdk.batches.list(limit=2)] == made[::-1]


def test_faults_of_the_script_happen_in_batches_and_pass_on_either_way() -> None:
    script = mix({"rate_limit": 0.2, "reset": 0.1, "malformed": 0.2})
    with FakeOpenAI(script=script) as server:
        client = connected(server)
        output, errors = client.outcome(client.ended(client.submit(lines_of(100))))
        statuses = {row["response"]["status_code"] for row in errors}
        assert statuses == {429, 500}
        assert len(output) + len(errors) == 100
        texts = [row["response"]["body"]["choices"][0]["message"]["content"] for row in output]
        assert 0 < sum("{" not in text for text in texts) < 60
        failed = [line(int(row["custom_id"].removeprefix("wren-"))) for row in errors]
        assert client.sdk.chat.completions.create(**failed[0]["body"]).choices
        left = client.outcome(client.ended(client.submit(failed)))
        assert (len(left[0]), left[1]) == (len(failed), [])


def test_a_batch_may_expire_before_all_of_it_is_done() -> None:
    seen: list[Mapping[str, Any]] = []

    def fate(batch: Mapping[str, Any]) -> BatchFate:
        seen.append(batch)
        return BatchFate(expire_after=0.4) if len(seen) == 1 else BatchFate(faults={"error": 0.1})

    with FakeOpenAI(batch_script=fate) as server:
        client = connected(server)
        first, second = (client.ended(client.submit(lines_of(50))) for _ in range(2))
        output, errors = client.outcome(first)
        assert (first.status, len(output), len(errors)) == ("expired", 20, 30)
        assert {row["error"]["code"] for row in errors} == {"batch_expired"}
        assert {row["response"] for row in errors} == {None}
        assert first.request_counts.model_dump() == {"total": 50, "completed": 20, "failed": 30}
        output, errors = client.outcome(second)
        assert second.status == "completed"
        assert 0 < len(errors) < 15
        assert len(output) + len(errors) == 50
    assert [batch["status"] for batch in server.batches] == ["completed", "expired"]


def test_a_cancelled_batch_keeps_what_was_done() -> None:
    with FakeOpenAI(batch_delay_s=20) as server:
        client = connected(server)
        batch = client.submit(lines_of(400))
        while not client.sdk.batches.retrieve(batch.id).request_counts.completed:
            time.sleep(0.01)
        client.sdk.batches.cancel(batch.id)
        done = client.ended(batch)
        output, errors = client.outcome(done)
        assert done.status == "cancelled"
        assert output
        assert {row["error"]["code"] for row in errors} == {"batch_cancelled"}
        assert len(output) + len(errors) == 400
        with pytest.raises(openai.ConflictError):
            client.sdk.batches.cancel(batch.id)


def test_a_batch_takes_its_time_and_the_end_of_the_server_does_not_wait_for_it() -> None:
    with FakeOpenAI(batch_delay_s=0.5) as server:
        client, began = connected(server), time.monotonic()
        client.ended(client.submit(lines_of(3)))
        assert time.monotonic() - began >= 0.5
    with FakeOpenAI(batch_delay_s=60) as server:
        client = connected(server)
        client.submit(lines_of(3))
        began = time.monotonic()
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("lines", "code", "at"),
    [
        ([], "empty_file", None),
        ([line(1), {"custom_id": "x"}], "missing_required_parameter", 2),
        ([line(1), line(2, name="wren-1")], "duplicate_custom_id", 2),
        ([line(1, url="/v1/embeddings")], "invalid_url", 1),
        ([line(1, model="gpt-9")], "model_not_found", 1),
        ([line(1), line(2, model="other")], "mismatched_model", 2),
        ([line(1), [3]], "invalid_json_line", 2),
        ([line(number) for number in range(4)], "too_many_requests", None),
    ],
)
def test_a_wrong_input_file_fails_the_batch_and_says_where(lines: list[Any], code: str, at: int | None) -> None:
    with FakeOpenAI(models=("fake-model", "other"), batch_max_requests=3) as server:
        client = connected(server)
        batch = client.ended(client.submit(lines))
        assert batch.status == "failed"
        assert [(one.code, one.line) for one in batch.errors.data] == [(code, at)]
        assert batch.output_file_id is None


def test_a_script_may_refuse_a_whole_batch() -> None:
    with FakeOpenAI(batch_script=lambda batch: BatchFate(invalid="token_limit_exceeded")) as server:
        client = connected(server)
        batch = client.ended(client.submit(lines_of(2)))
        assert (batch.status, batch.errors.data[0].code) == ("failed", "token_limit_exceeded")


def test_files_beyond_the_limit_are_refused() -> None:
    with FakeOpenAI(batch_max_bytes=1000) as server:
        with pytest.raises(openai.APIStatusError, match="too large") as caught:
            connected(server).submit(lines_of(20))
        assert caught.value.status_code == 413
        assert connected(server).submit(lines_of(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "/v1/embeddings"},
        {"completion_window": "1h"},
        {"metadata": {str(number): "x" for number in range(17)}},
        {"input_file_id": "file-nowhere"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_wrong_batch_is_refused(client: Client, changes: Json) -> None:
    file = client.sdk.files.create(file=("a.jsonl", json.dumps(line(1)).encode()), purpose="batch")
    asked = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"} | changes
    with pytest.raises(openai.APIStatusError) as caught:
        client.sdk.batches.create(**asked)
    assert caught.value.status_code in (400, 404)


def test_a_refused_field_fails_its_line_and_no_other(tmp_path: Path) -> None:
    with FakeOpenAI(dialect="openai") as server:
        client = connected(server)
        bad = line(2)
        bad["body"]["max_tokens"] = 9
        output, errors = client.outcome(client.ended(client.submit([line(1), bad, line(3)])))
        assert len(output) == 2
        assert [(row["custom_id"], row["response"]["status_code"]) for row in errors] == [("wren-2", 400)]
        assert errors[0]["response"]["body"]["error"]["param"] == "max_tokens"


def test_servers_without_batches_have_none() -> None:
    with FakeOpenAI(dialect="ollama") as server, pytest.raises(openai.NotFoundError):
        connected(server).submit(lines_of(1))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_script_that_raises_fails_the_batch() -> None:
    def script(request: Any) -> Fault | None:
        raise LookupError("no such wren")

    with FakeOpenAI(script=script) as server:
        client = connected(server)
        assert client.ended(client.submit(lines_of(1))).status == "failed"


def test_the_script_is_told_the_name_and_the_batch_of_a_line() -> None:
    seen: list[tuple[str, str]] = []

    def script(request: Any) -> Fault | None:
        seen.append((request.key, request.batch))
        return None

    with FakeOpenAI(script=script) as server:
        client = connected(server)
        batch = client.ended(client.submit(lines_of(1)))
    assert seen == [("wren-0", batch.id)]
    assert server.keys == [], "lines are no requests of their own"
