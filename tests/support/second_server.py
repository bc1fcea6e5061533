"""The server of `second_provider`, on this machine: what it is asked is logged, and a script says what goes wrong."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from synthgen.testing.completions import write

STATUS = {"slow_down": 420, "resting": 503, "broken": 500, "stranger": 403, "no_such_engine": 410, "nonsense": 400}


@dataclass(frozen=True)
class Utterance:
    """One request as it came: `attempt` counts those with its key; `fault` is what the script said."""

    key: str
    body: Mapping[str, Any]
    attempt: int
    fault: str = ""


Says = Callable[[Utterance], str | None]
"""A kind of `STATUS`, `nonsense:FIELD`, cut, withheld, declined, prose, page or hang_up; None or "" when nothing goes wrong."""


class SecondServer:
    def __init__(self, script: Says = lambda asked: None, *, latency_s: float = 0.0, quota: str = "") -> None:
        self.log: list[Utterance] = []
        self.billed: list[tuple[int, int]] = []  # prompt and output of each answer
        self._script, self._latency_s, self._quota = script, latency_s, quota
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def keys(self) -> list[str]:
        return [entry.key for entry in self.log]

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                time.sleep(outer._latency_s)
                sent = outer._answer(self.headers["x-call"], body)
                if sent is None:
                    self.close_connection = True
                    return
                status, content, headers = sent
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 256

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, key: str, body: Mapping[str, Any]) -> tuple[int, bytes, dict[str, str]] | None:
        with self._lock:
            self._attempts[key] += 1
            asked = Utterance(key, body, self._attempts[key])
            fault = self._script(asked) or ""
            self.log.append(Utterance(key, body, asked.attempt, fault))
        kind, _, field = fault.partition(":")
        headers = {"quota-calls": self._quota} if self._quota else {}
        if kind == "hang_up":
            return None
        if kind == "page":
            return 200, b"<html>closed</html>", headers
        if kind in STATUS:
            told = {"fault": {"kind": kind, "words": f"{kind}, said the stone", "field": field or None}}
            return STATUS[kind], json.dumps(told).encode(), headers | ({"come-back-in": "20"} if kind == "slow_down" else {})
        messages = [{"role": turn["who"], "content": turn["says"]} for turn in body["turns"]]
        form = {"response_format": {"json_schema": {"schema": body["shape"]}}} if body.get("shape") else {}
        said = json.dumps(write({"model": body["engine"], "messages": messages, **form}), ensure_ascii=False)
        said = {"prose": "I am sorry.", "cut": said[: len(said) // 2], "withheld": "", "declined": ""}.get(kind, said)
        heard = sum(len(turn["says"]) for turn in body["turns"]) // 4 + 1
        spoken = min(len(said) // 4 + 1, body.get("length") or 10**6)
        with self._lock:
            self.billed.append((heard, spoken))
        meter = {"heard": heard, "reread": 0, "spoken": spoken}
        end = kind if kind in ("cut", "withheld", "declined") else "done"
        return 200, json.dumps({"said": said, "end": end, "meter": meter}).encode(), headers
