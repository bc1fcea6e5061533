"""Batches as the provider runs them: an input file is checked, answered in any order, and told in an output and an error file.

    validating -> failed | in_progress -> finalizing -> completed | expired       (cancel: cancelling -> cancelled)

Answers are those of the live endpoint, faults of the server's script included, so a request has one answer on both ways. Requests
answered with 400 or more, and those that did not get their turn, stand in the error file. Every batch is worked on in a thread of
its own, line by line, at a pace that ends after `delay_s`; the order of its lines is shuffled by the digest of the file.

Not covered: the limits on batches per hour and on tokens that wait, half the price, files that expire.
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
from synthgen.testing.log import CHAT, Logged, Recent
from synthgen.testing.usage import Tokens

__all__ = ["BatchFate", "BatchScript", "Batches"]

_WINDOW_S = 24 * 3600
_ENDED = ("completed", "failed", "expired", "cancelled")
_TOLD = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BatchFate:
    """What becomes of one batch.

    `expire_after` is the share of its requests after which its window ends; `faults` are rates as `mix` takes them, for single
    requests; `invalid` is the code of an error that the whole batch fails with, such as token_limit_exceeded.
    """

    expire_after: float | None = None
    faults: Mapping[str, float] = field(default_factory=dict)
    invalid: str = ""


BatchScript = Callable[[Mapping[str, Any]], BatchFate]


class _Job:
    """One batch: what is told of it, and the thread that works on it.

    All names of `told` stand from the start, so that one thread can read it while another changes values.
    """

    def __init__(self, told: Json, file: StoredFile, fate: BatchFate) -> None:
        self.told = told
        self.file = file
        self.fate = fate
        self.halt = threading.Event()
        self.thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def enter(self, status: str) -> None:
        with self._lock:
            self._enter(status)

    def go_on(self) -> None:
        """Begin with the answers, unless it was cancelled."""
        with self._lock:
            if not self.halt.is_set():
                self._enter("in_progress")

    def cancel(self) -> bool:
        """Whether there was something left to cancel."""
        with self._lock:
            if self.told["status"] in _ENDED:
                return False
            self._enter("cancelling")
            self.halt.set()
            return True

    def _enter(self, status: str) -> None:
        self.told[f"{status}_at"] = int(time.time())
        self.told["status"] = status


class Batches:
    """The batches of one server. `delay_s` is how long each takes at least."""

    def __init__(
        self,
        files: FileStore,
        chat: Chat,
        attempts: Recent,
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

    def create(self, asked: Any) -> Json | WireError:
        """Start a batch, as POST /v1/batches asks for it."""
        asked = asked if isinstance(asked, dict) else {}
        if problem := _unusable(asked):
            return problem
        file = self._files.get(str(asked.get("input_file_id")))
        if file is None or file.purpose != "batch":
            message = f"No file of the purpose 'batch' has the id {asked.get('input_file_id')!r}."
            return WireError(404, message, param="input_file_id")
        told = _new(self._files.new_id("batch_"), file.id, asked.get("metadata"))
        job = _Job(told, file, self._script(told) if self._script else BatchFate())
        job.thread = threading.Thread(target=self._work, args=(job,), daemon=True, name=told["id"])
        self._jobs[told["id"]] = job
        first = dict(told)
        job.thread.start()
        return first

    def get(self, id: str) -> Json | None:
        return dict(self._jobs[id].told) if id in self._jobs else None

    def all(self) -> list[Json]:
        """Newest first."""
        return [dict(job.told) for job in reversed(self._jobs.values())]

    def cancel(self, id: str) -> Json | WireError | None:
        job = self._jobs.get(id)
        if job is None:
            return None
        if not job.cancel():
            return WireError(409, f"Cannot cancel a batch with status '{job.told['status']}'.")
        return dict(job.told)

    def close(self) -> None:
        """End all work; what is not done stays undone."""
        for job in self._jobs.values():
            job.halt.set()
        for job in self._jobs.values():
            if job.thread:
                job.thread.join()

    def _work(self, job: _Job) -> None:
        """The life of one batch, in its own thread."""
        try:
            self._run(job)
        finally:
            if job.told["status"] not in _ENDED:  # a script that raises must not leave a batch that never ends
                job.enter("failed")

    def _run(self, job: _Job) -> None:
        unknown = self._chat.unknown_model
        lines = check_lines(job.file.path, job.told["endpoint"], max_requests=self._max_requests, unknown_model=unknown)
        if job.fate.invalid:
            lines.complain(job.fate.invalid, f"The batch was refused: {job.fate.invalid}.", None)
        job.told["model"] = lines.model or None
        job.told["request_counts"] = {"total": len(lines.offsets), "completed": 0, "failed": 0}
        if lines.errors:
            job.told["errors"] = {"object": "list", "data": lines.errors}
            job.enter("failed")
            return
        job.go_on()
        with self._files.draft() as output, self._files.draft() as errors:
            ending = self._answer(job, lines, output, errors)
        if ending == "completed":
            job.enter("finalizing")
        for name, draft in (("output", output), ("error", errors)):
            if draft.size:
                job.told[f"{name}_file_id"] = self._files.keep(draft, f"{job.told['id']}_{name}.jsonl", "batch_output").id
        job.enter(ending)

    def _answer(self, job: _Job, lines: Lines, output: Draft, errors: Draft) -> str:
        """Answer lines in a shuffled order until the window ends; returns how the batch ends."""
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
                job.told["request_counts"] = {"total": total, "completed": completed, "failed": done - completed}
            ending = "completed" if done == total else "cancelled" if job.halt.is_set() else "expired"
            # Halted and not cancelled: the server goes down, and nobody will read the rest.
            left = order[done:] if ending == "expired" or job.told["status"] == "cancelling" else ()
            for at in left:
                errors.write(_unanswered(_line_at(file, at)["custom_id"], f"batch_{ending}"))
            job.told["request_counts"] = {"total": total, "completed": completed, "failed": total - completed}
        job.told["usage"] = _usage(usage)
        return ending

    def _reply(self, job: _Job, line: Json, script: Script | None) -> Reply:
        """The live answer to a line; where that would be none at all, a 500."""
        digest = digest_of(line["body"])
        asked = Logged(CHAT, line["custom_id"], digest, self._attempts.count(digest), line["body"], batch=job.told["id"])
        reply = self._chat.reply(asked, script=script)
        if reply.body is None or reply.fault == "bad_json":
            problem = WireError(500, "The server had an error while processing your request.", "server_error", kind=reply.fault)
            return self._chat.refusal(problem)
        return reply


def _unusable(asked: Json) -> WireError | None:
    if asked.get("endpoint") != CHAT:
        return WireError(400, f"Invalid value: '{asked.get('endpoint')}'. Supported: '{CHAT}'.", param="endpoint")
    if asked.get("completion_window") != "24h":
        return WireError(400, "Invalid value for completion_window. Supported: '24h'.", param="completion_window")
    metadata = asked.get("metadata") or {}
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
    """Usage of a whole batch, which has other names than that of an answer."""
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
    """A line of the output or the error file. The answer goes in as it is: making it anew would double the work."""
    id = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:24]
    head = f'{{"id":"batch_req_{id}","custom_id":{json.dumps(name)},"response":{{"status_code":{reply.status},"request_id":"req_{id}","body":'
    return head.encode() + (reply.body or b"null") + b'},"error":null}\n'


def _unanswered(name: str, code: str) -> bytes:
    id = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:24]
    line = {"id": f"batch_req_{id}", "custom_id": name, "response": None, "error": {"code": code, "message": _TOLD[code]}}
    return json.dumps(line).encode() + b"\n"
