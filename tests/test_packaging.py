"""What a stranger gets who installs the distribution, and what a citation says of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import synthgen
from synthgen.errors import DISTRIBUTION, MissingExtraError

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_distribution_has_one_name_and_one_version() -> None:
    assert PROJECT["name"] == DISTRIBUTION == "synthgen-rag"
    assert PROJECT["version"] == synthgen.__version__
    assert f"'{DISTRIBUTION}[train]'" in str(MissingExtraError("Training", "train"))


def test_messages_and_documents_name_the_distribution_in_commands_of_pip() -> None:
    pages = [
        ROOT / "README.md",
        *ROOT.glob(".github/**/*.md"),
        *(ROOT / "synthgen").rglob("*.py"),
        *(ROOT / "synthgen").rglob("*.jinja"),
    ]
    wrong = re.compile(r"pip install (?:-\S+ )*[\"']?synthgen(?!-rag)\b")
    assert [str(page) for page in pages if wrong.search(page.read_text(encoding="utf-8"))] == []


def test_the_citation_has_what_the_format_asks_for_and_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_hooks_before_a_commit_download_nothing_and_are_checks_of_ci() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for hook in repositories[0]["hooks"]:
        assert hook["language"] == "system"
        assert f'"$bin/{hook["entry"].partition(" ")[0]}"' in ci


@pytest.mark.slow
def test_the_wheel_has_what_it_needs_and_starts_from_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel], [source] = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")

    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    package = {f"synthgen/{path.relative_to(ROOT / 'synthgen').as_posix()}" for path in kept(ROOT / "synthgen")}
    prompts = {f"synthgen/_prompts/{path.relative_to(ROOT / 'prompts').as_posix()}" for path in kept(ROOT / "prompts")}
    sample = {
        f"synthgen/_sample/{path.relative_to(ROOT / 'data').as_posix()}"
        for folder in ("handbook", "handbook-queries")
        for path in kept(ROOT / "data" / folder)
    }
    info = f"{DISTRIBUTION.replace('-', '_')}-{PROJECT['version']}.dist-info"
    licences = {f"{info}/licenses/LICENSE", f"{info}/licenses/synthgen/assets/NOTICE"}
    assert {"synthgen/py.typed", "synthgen/assets/prices.yaml"} < package
    assert package | prompts | sample | licences == {name for name in names if name in licences or not name.startswith(info)}

    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "pyproject.toml",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "data/handbook/README.md",
        "tests/conftest.py",
    } <= inside

    def installed(*arguments: str) -> subprocess.CompletedProcess[str]:
        clean = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
        command = [sys.executable, "-m", "synthgen", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=True)

    assert installed("--version").stdout.strip() == PROJECT["version"]
    installed("init", "mine", "--sample")
    planned = installed("plan", "mine/handbook", "-m", "openai/gpt-4o-mini").stdout
    assert "327 chunks" in planned
    assert "about $0.13" in planned


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
