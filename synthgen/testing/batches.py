"""Batches as the provider runs them: the input file is checked, answered in any order, and written to an output and an
error file.

    validating -> failed | in_progress -> finalizing -> completed | expired       (cancel: cancelling -> cancelled)

Answers are those of the live endpoint, including the faults of the server's script, so a request has the same answer
live and in a batch. Requests that were answered with 400 or more, and those that were not processed, are in the error
file. Each batch is processed in its own thread, line by line, and takes at least `delay_s`. The digest of the file
shuffles the order of its lines.

Limits on batches per hour and on enqueued tokens, the lower price, and expiring files are not simulated.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from synthgen.records import random_for
from synthgen.testing.batchlines import Lines, check_lines
from synthgen.testing.chat import Chat, Reply
from synthgen.testing.checks import WireError
from synthgen.testing.draws import digest_of
from synthgen.testing.faults import Script, mix
from synthgen.testing.files import Draft, FileStore, StoredFile
from synthgen.testing.log import CHAT, Logged, RecentCounts
from synthgen.testing.usage import Tokens

__all__ = ["BatchFate", "BatchScript", "Batches"]

_WINDOW_S = 24 * 3600
_ENDED = ("completed", "failed", "expired", "cancelled")
_UNPROCESSED = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BatchFate:
    """The outcome of one batch.

    `expire_after` is the share of its requests after which its window ends. `faults` are rates as for `mix`, for single
    requests. `invalid` is the code of an error that fails the whole batch, such as token_limit_exceeded.
    """

    expire_after: float | None = None
    faults: Mapping[str, float] = field(default_factory=dict)
    invalid: str = ""


BatchScript = Callable[[Mapping[str, Any]], BatchFate]


class _Job:
    """One batch: its API object, and the thread that processes it.

    All keys of `state` exist from the start, so one thread can read it while another changes values.
    """

    def __init__(self, state: Json, file: StoredFile, fate: BatchFate) -> None:
        self.state = state
        self.file = file
        self.fate = fate
        self.halt = threading.Event()
        self.thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def enter(self, status: str) -> None:
        with self._lock:
            self._enter(status)

    def begin(self) -> None:
        """Begin answering, unless the batch was cancelled."""
        with self._lock:
            if not self.halt.is_set():
                self._enter("in_progress")

    def cancel(self) -> bool:
        """Cancel the batch. Returns whether there was anything left to cancel."""
        with self._lock:
            if self.state["status"] in _ENDED:
                return False
            self._enter("cancelling")
            self.halt.set()
            return True

    def _enter(self, status: str) -> None:
        self.state[f"{status}_at"] = int(time.time())
        self.state["status"] = status


class Batches:
    """The batches of one server. `delay_s` is the minimum duration of each."""

    def __init__(
        self,
        files: FileStore,
        chat: Chat,
        attempts: RecentCounts,
        *,
        delay_s: float = 0.0,
        script: BatchScript | None = None,
        max_requests: int = 50_000,
    ) -> None:
        self._files = files
        self._chat = chat
        self._attempts = attempts
        self._delay_s = delay_s
        self._script = script
        self._max_requests = max_requests
        self._jobs: dict[str, _Job] = {}

    def create(self, request: Any) -> Json | WireError:
        """Start a batch as requested by POST /v1/batches."""
        request = request if isinstance(request, dict) else {}
        if problem := _invalid_request(request):
            return problem
        file = self._files.get(str(request.get("input_file_id")))
        if file is None or file.purpose != "batch":
            message = f"No file of the purpose 'batch' has the id {request.get('input_file_id')!r}."
            return WireError(404, message, param="input_file_id")
        state = _new(self._files.new_id("batch_"), file.id, request.get("metadata"))
        job = _Job(state, file, self._script(state) if self._script else BatchFate())
        job.thread = threading.Thread(target=self._work, args=(job,), daemon=True, name=state["id"])
        self._jobs[state["id"]] = job
        first = dict(state)
        job.thread.start()
        return first

    def get(self, id: str) -> Json | None:
        return dict(self._jobs[id].state) if id in self._jobs else None

    def all(self) -> list[Json]:
        """Return the batches, newest first."""
        return [dict(job.state) for job in reversed(self._jobs.values())]

    def cancel(self, id: str) -> Json | WireError | None:
        job = self._jobs.get(id)
        if job is None:
            return None
        if not job.cancel():
            return WireError(409, f"Cannot cancel a batch with status '{job.state['status']}'.")
        return dict(job.state)

    def close(self) -> None:
        """Stop all work; unfinished batches stay unfinished."""
        for job in self._jobs.values():
            job.halt.set()
        for job in self._jobs.values():
            if job.thread:
                job.thread.join()

    def _work(self, job: _Job) -> None:
        """Run one batch in its own thread."""
        try:
            self._run(job)
        finally:
            if job.state["status"] not in _ENDED:  # a script that raises must not leave an endless batch
                job.enter("failed")

    def _run(self, job: _Job) -> None:
        unknown = self._chat.unknown_model
        lines = check_lines(job.file.path, job.state["endpoint"], max_requests=self._max_requests, unknown_model=unknown)
        if job.fate.invalid:
            lines.add_error(job.fate.invalid, f"The batch was refused: {job.fate.invalid}.", None)
        job.state["model"] = lines.model or None
        job.state["request_counts"] = {"total": len(lines.offsets), "completed": 0, "failed": 0}
        if lines.errors:
            job.state["errors"] = {"object": "list", "data": lines.errors}
            job.enter("failed")
            return
        job.begin()
        with self._files.draft() as output, self._files.draft() as errors:
            ending = self._answer(job, lines, output, errors)
        if ending == "completed":
            job.enter("finalizing")
        for name, draft in (("output", output), ("error", errors)):
            if draft.size:
                job.state[f"{name}_file_id"] = self._files.keep(draft, f"{job.state['id']}_{name}.jsonl", "batch_output").id
        job.enter(ending)

    def _answer(self, job: _Job, lines: Lines, output: Draft, errors: Draft) -> str:
        """Answer lines in a shuffled order until the window ends. Returns the final status."""
        order, total, begun = lines.offsets, len(lines.offsets), time.monotonic()
        random_for(0, job.file.sha256).shuffle(order)
        turns = total if job.fate.expire_after is None else int(total * job.fate.expire_after)
        script = mix(job.fate.faults) if job.fate.faults else None
        completed, done = 0, 0
        usage = Tokens(0)
        with job.file.path.open("rb") as file:
            while done < turns and not job.halt.is_set():
                early_s = begun + self._delay_s * (done + 1) / turns - time.monotonic()
                if early_s > 0 and job.halt.wait(early_s):
                    break
                line = _line_at(file, order[done])
                reply = self._reply(job, line, script)
                (output if reply.status < 400 else errors).write(_answered(line["custom_id"], reply))
                completed, done = completed + (reply.status < 400), done + 1
                usage = usage.plus(reply.tokens) if reply.tokens else usage
                job.state["request_counts"] = {"total": total, "completed": completed, "failed": done - completed}
            ending = "completed" if done == total else "cancelled" if job.halt.is_set() else "expired"
            # Halted without being cancelled: the server is closing, and nobody will read the rest.
            unprocessed = order[done:] if ending == "expired" or job.state["status"] == "cancelling" else ()
            for at in unprocessed:
                errors.write(_unanswered(_line_at(file, at)["custom_id"], f"batch_{ending}"))
            job.state["request_counts"] = {"total": total, "completed": completed, "failed": total - completed}
        job.state["usage"] = _usage(usage)
        return ending

    def _reply(self, job: _Job, line: Json, script: Script | None) -> Reply:
        """Return the live answer to a line. A missing or broken answer becomes a 500."""
        digest = digest_of(line["body"])
        logged = Logged(CHAT, line["custom_id"], digest, self._attempts.count(digest), line["body"], batch=job.state["id"])
        reply = self._chat.reply(logged, script=script)
        if reply.body is None or reply.fault in ("bad_json", "body"):
            problem = WireError(500, "The server had an error while processing your request.", "server_error", kind=reply.fault)
            return self._chat.error_reply(problem)
        return reply


def _invalid_request(request: Json) -> WireError | None:
    if request.get("endpoint") != CHAT:
        return WireError(400, f"Invalid value: '{request.get('endpoint')}'. Supported: '{CHAT}'.", param="endpoint")
    if request.get("completion_window") != "24h":
        return WireError(400, "Invalid value for completion_window. Supported: '24h'.", param="completion_window")
    metadata = request.get("metadata") or {}
    if (
        not isinstance(metadata, dict)
        or len(metadata) > 16
        or any(len(k) > 64 or len(str(v)) > 512 for k, v in metadata.items())
    ):
        return WireError(400, "Metadata has at most 16 pairs: keys up to 64 characters, values up to 512.", param="metadata")
    return None


def _new(id: str, input_file_id: str, metadata: Any) -> Json:
    now = int(time.time())
    later = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
    return {
        "id": id,
        "object": "batch",
        "endpoint": CHAT,
        "model": None,
        "errors": None,
        "input_file_id": input_file_id,
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": now,
        "expires_at": now + _WINDOW_S,
        **{f"{status}_at": None for status in later},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "usage": None,
        "metadata": metadata or None,
    }


def _usage(tokens: Tokens) -> Json:
    """Return the usage of a whole batch, whose names differ from those of an answer."""
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total,
    }


def _line_at(file: IO[bytes], offset: int) -> Json:
    file.seek(offset)
    line: Json = json.loads(file.readline())
    return line


def _answered(name: str, reply: Reply) -> bytes:
    """Return a line of the output or error file. The encoded answer is inserted as it is, because encoding it again
    would double the work.
    """
    id = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:24]
    head = f'{{"id":"batch_req_{id}","custom_id":{json.dumps(name)},"response":{{"status_code":{reply.status},"request_id":"req_{id}","body":'
    return head.encode() + (reply.body or b"null") + b'},"error":null}\n'


def _unanswered(name: str, code: str) -> bytes:
    id = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:24]
    line = {
        "id": f"batch_req_{id}",
        "custom_id": name,
        "response": None,
        "error": {"code": code, "message": _UNPROCESSED[code]},
    }
    return json.dumps(line).encode() + b"\n"
