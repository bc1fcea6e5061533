"""Set up and do one thing, from a fresh clone with nothing but Python >= 3.11.

    python3 .ci/do.py demo     install, then the main job on data/: triples, exports, the measured gain
    python3 .ci/do.py test     install with the development tools, then the tests

The environment is `.venv` in the checkout (SYNTHGEN_VENV names another place). It is installed once for each state of
`pyproject.toml` and the constraints, so the second time starts at once. More arguments go to the command that is run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("SYNTHGEN_VENV") or ROOT / ".venv")
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"

DEMO = ["synthgen", "run", "data/handbook", "runs/handbook", "--queries", "data/handbook-queries"]
TEST = ["python", "-m", "pytest"]


def main() -> int:
    if sys.version_info < (3, 11):
        return _refuse(f"synthgen needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    what, more = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if what == "demo":
        return _install("train") or _run([*DEMO, *more])
    if what == "test":
        return _install("train,dev") or _run([*TEST, *more])
    return _refuse(__doc__)


def _install(extras: str) -> int:
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + CONSTRAINTS.read_bytes() + extras.encode()).hexdigest()
    stamp = VENV / f".installed-{extras}"
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    if not (BIN / "python").exists() and not (BIN / "python.exe").exists():
        venv.create(VENV, with_pip=True)
    print(f"Installing synthgen-rag[{extras}] into {VENV} (once) ...", flush=True)
    options = ["--quiet", "--disable-pip-version-check", "-c", str(CONSTRAINTS)]
    status = _run(["python", "-m", "pip", "install", *options, "-e", f".[{extras}]"])
    if status == 0:
        stamp.write_text(wanted)
    return status


def _run(command: list[str]) -> int:
    return subprocess.call([str(BIN / command[0]), *command[1:]], cwd=ROOT)


def _refuse(message: str | None) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
