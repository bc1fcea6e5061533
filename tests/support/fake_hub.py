"""A Hugging Face Hub on loopback, over real HTTP, with the endpoints that huggingface_hub 2.4 calls to push and to load a data set.

    with FakeHub() as hub, Commands(hub, tmp_path) as commands:
        told = commands.run("push", run, "ann/rivers", "--license", "mit")
        hub.repos["ann/rivers"].files

`hub.fail(k, how)` ends the k-th request from now on (or the next one of a path): "drop" closes the connection before the request is looked at, "lose" does what it
asks and closes the connection in place of an answer, "kill" and "kill after" send SIGKILL to the command at the same two moments;
before "meanwhile", somebody else commits to every repository.

`Commands` runs the command line in processes of their own, forked from one that has loaded everything, since it takes longer to load
the libraries than to push. Called as a program, this file is that process.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "hf_a-key-to-bag-end"
USER = "ann"
LICENSES = {"mit", "apache-2.0", "cc-by-4.0", "cc0-1.0", "other", "unknown"}
_LFS_SUFFIXES = (".parquet",)


@dataclass
class Repo:
    """`commits` are (summary, id); the Hub makes the first itself. `large` names files that are kept by their sha256."""

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.parquet filter=lfs\n"})
    commits: list[tuple[str, str]] = field(default_factory=lambda: [("initial commit", "0" * 40)])

    @property
    def head(self) -> str:
        return self.commits[-1][1]


class Request(NamedTuple):
    method: str
    path: str
    token: str


class FakeHub:
    """`repos` by name, `requests` in order, `objects` by sha256 (what was uploaded, committed or not)."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: list[Request] = []
        self.objects: dict[str, bytes] = {}
        self.victim: int | None = None
        self.lock = threading.Lock()
        self._fail: tuple[int | str, str] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> FakeHub:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail(self, at: int | str, how: str) -> None:
        """`at` is the number of a request, counted from now, or how the path of one begins."""
        self._fail = (at if isinstance(at, str) else len(self.requests) + at, how)

    def forget(self) -> None:
        """As new."""
        self.repos.clear()
        self.requests.clear()
        self.objects.clear()
        self._fail = None

    def fault(self, number: int) -> str:
        """What is to happen to this request, the last one."""
        if self._fail is None:
            return ""
        at, how = self._fail
        if number != at and not (isinstance(at, str) and self.requests[-1].path.startswith(at)):
            return ""
        self._fail = None
        return how


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        with self.hub.lock:
            self.hub.requests.append(Request(self.command, url.path, token))
            fault = self.hub.fault(len(self.hub.requests))
            if fault in ("drop", "kill"):
                self._end(fault)
                return
            if fault == "meanwhile":
                for repo in self.hub.repos.values():
                    repo.commits.append(("somebody else's", "f" * 40))
            status, headers, content = self._answer(unquote(url.path), parse_qs(url.query), token, body)
            if fault in ("lose", "kill after"):
                self._end(fault)
                return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(content))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

    def _end(self, fault: str) -> None:
        self.close_connection = True
        if fault.startswith("kill"):
            assert self.hub.victim is not None
            os.kill(self.hub.victim, signal.SIGKILL)

    def _answer(self, path: str, query: dict[str, list[str]], token: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/lfs/"):  # its address is the permission
            return self._object(path.removeprefix("/lfs/"), body)
        if token != TOKEN:
            return _error(401, "Invalid credentials in Authorization header")
        if path == "/api/whoami-v2":
            return _json({"type": "user", "name": USER, "auth": {"accessToken": {"role": "write"}}})
        if path == "/api/validate-yaml":
            return self._validate(json.loads(body)["content"])
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        owner, name, rest = _target(path)
        repo = self.hub.repos.get(f"{owner}/{name}")
        if repo is None:
            return _error(404, "Repository not found", "RepoNotFound")
        answer = {
            "": lambda: self._info(f"{owner}/{name}", repo),
            "revision": lambda: self._info(f"{owner}/{name}", repo),
            "tree": lambda: _json([_entry(path, content) for path, content in sorted(repo.files.items())]),
            "paths-info": lambda: self._paths(repo, body),
            "preupload": lambda: self._preupload(repo, json.loads(body)),
            "info": lambda: self._batch(json.loads(body)),
            "commit": lambda: self._commit(f"{owner}/{name}", repo, body),
            "resolve": lambda: self._resolve(repo, rest.split("/", 2)[2]),
        }
        return answer[rest.split("/")[0]]()

    def _create(self, asked: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        owner, name = asked.get("organization") or USER, asked["name"]
        assert asked["type"] == "dataset"
        if owner != USER:
            return _error(403, f"You don't have the rights to create a dataset under the namespace {owner}")
        if f"{owner}/{name}" in self.hub.repos:
            return _error(409, "You already created this dataset repo")
        self.hub.repos[f"{owner}/{name}"] = Repo(asked.get("private", asked.get("visibility") == "private"))
        return _json({"url": f"{self.hub.endpoint}/datasets/{owner}/{name}"})

    def _info(self, repo_id: str, repo: Repo) -> tuple[int, dict[str, str], bytes]:
        siblings = [{"rfilename": path} for path in sorted(repo.files)]
        return _json({"id": repo_id, "sha": repo.head, "private": repo.private, "siblings": siblings, "tags": []})

    def _paths(self, repo: Repo, body: bytes) -> tuple[int, dict[str, str], bytes]:
        wanted = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode())["paths"]
        return _json([_entry(path, repo.files[path]) for path in wanted if path in repo.files])

    def _preupload(self, repo: Repo, asked: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        files = []
        for file in asked["files"]:
            path = file["path"]
            there = repo.files.get(path)
            files.append(
                {
                    "path": path,
                    "uploadMode": "lfs" if path.endswith(_LFS_SUFFIXES) else "regular",
                    "shouldIgnore": False,
                    "oid": None if there is None else _entry(path, there).get("lfs", _entry(path, there))["oid"],
                }
            )
        return _json({"files": files})

    def _batch(self, asked: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        objects = []
        for one in asked["objects"]:
            upload = {"actions": {"upload": {"href": f"{self.hub.endpoint}/lfs/{one['oid']}", "header": {}}}}
            objects.append(one | ({} if one["oid"] in self.hub.objects else upload))
        return _json({"transfer": "basic", "objects": objects})

    def _object(self, oid: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if hashlib.sha256(body).hexdigest() != oid:
            return _error(400, "The content is not that of this digest")
        self.hub.objects[oid] = body
        return 200, {}, b""

    def _validate(self, content: str) -> tuple[int, dict[str, str], bytes]:
        front = yaml.safe_load(content.split("---\n")[1])
        errors = [] if front.get("license") in LICENSES else [{"message": f'"license" must be one of {sorted(LICENSES)}'}]
        status, headers, answer = _json({"errors": errors, "warnings": []})
        return 400 if errors else status, headers, answer

    def _commit(self, repo_id: str, repo: Repo, body: bytes) -> tuple[int, dict[str, str], bytes]:
        header, *operations = (json.loads(line) for line in body.splitlines())
        parent = header["value"].get("parentCommit")
        if parent not in (None, repo.head):
            return _error(412, "A commit has happened since. Please refresh and try again.")
        files = dict(repo.files)
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "deletedFile":
                del files[value["path"]]
            elif operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif value["oid"] not in self.hub.objects:
                return _error(400, f"{value['path']} was never uploaded")
            else:
                files[value["path"]] = self.hub.objects[value["oid"]]
        repo.files = files
        repo.commits.append((header["value"]["summary"], hashlib.sha1(body + str(len(repo.commits)).encode()).hexdigest()))
        return _json(
            {"success": True, "commitOid": repo.head, "commitUrl": f"{self.hub.endpoint}/datasets/{repo_id}/commit/{repo.head}"}
        )

    def _resolve(self, repo: Repo, path: str) -> tuple[int, dict[str, str], bytes]:
        if path not in repo.files:
            return _error(404, "Entry not found", "EntryNotFound")
        content = repo.files[path]
        return 200, {"ETag": f'"{_entry(path, content)["oid"]}"', "X-Repo-Commit": repo.head}, content


def _target(path: str) -> tuple[str, str, str]:
    """Owner, name and what follows, of `/api/datasets/o/n/…`, `/datasets/o/n/…` and `/datasets/o/n.git/…`."""
    owner, name, *rest = path.removeprefix("/api").removeprefix("/datasets/").split("/", 2)
    return owner, name.removesuffix(".git"), "".join(rest)


def _entry(path: str, content: bytes) -> dict[str, Any]:
    large = {"lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}}
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return {"type": "file", "path": path, "size": len(content), "oid": oid, **(large if path.endswith(_LFS_SUFFIXES) else {})}


def _json(value: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _error(status: int, message: str, code: str = "") -> tuple[int, dict[str, str], bytes]:
    headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), "Content-Type": "application/json"}
    return status, headers, json.dumps({"error": message}).encode()


class Told(NamedTuple):
    """How a command ended (minus the signal that killed it), and what it said."""

    code: int
    out: str
    error: str


class Commands:
    """Runs `synthgen …` against a hub, each time in a process of its own."""

    def __init__(self, hub: FakeHub, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        settings = {
            "HF_ENDPOINT": hub.endpoint,
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(folder / "hf"),
        } | {"DO_NOT_TRACK": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept | settings
        )

    def __enter__(self) -> Commands:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, *arguments: object, **environment: str) -> Told:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        files = [str(self.folder / name) for name in ("out.txt", "error.txt")]
        asked = {"argv": [str(a) for a in arguments], "env": environment, "files": files}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        self.hub.victim = int(self._process.stdout.readline())
        self._process.stdin.write("\n")  # now that we know whom to kill
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Told(code, *(Path(file).read_text(encoding="utf-8") for file in files))


def _serve() -> None:
    """A fork for each line of standard input."""
    for module in (
        "huggingface_hub.hf_api",
        "pandas",
        "pyarrow.compute",
        "pyarrow.parquet",
        "jinja2",
        "synthgen.pipeline.push",
        "synthgen.evaluation",
    ):
        import_module(module)
    cli = import_module("synthgen.cli.main")
    while line := sys.stdin.readline():
        asked, (go, went) = json.loads(line), os.pipe()
        child = os.fork()
        if not child:
            os.read(go, 1)
            os.environ.update(asked["env"])
            for number, file in enumerate(asked["files"], 1):
                os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.argv = ["synthgen", *asked["argv"]]
            try:
                cli.main()
            except SystemExit as end:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code if isinstance(end.code, int) else 1)
        _say(child)
        sys.stdin.readline()
        os.write(went, b"1")
        _say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os.close(go)
        os.close(went)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
