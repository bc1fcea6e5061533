"""What the README says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_verb_of_the_command_line_is_in_the_table_and_the_reverse() -> None:
    told = set(re.findall(r"^\| `synthgen (\w+)", README, re.MULTILINE))
    help_text = subprocess.run([sys.executable, "-m", "synthgen", "--help"], capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"^[│|\s]+([a-z]+)\s{2,}[A-Z]", help_text.partition("Commands")[2], re.MULTILINE))
    assert told == commands


def test_every_format_is_in_the_table() -> None:
    from synthgen.exporters.formats import FORMATS

    assert [name for name in FORMATS if f"`{name}`" not in README] == []


def test_both_commands_exist() -> None:
    script = (ROOT / ".ci" / "do.py").read_text(encoding="utf-8")
    for what in ("demo", "test"):
        assert f"python3 .ci/do.py {what}" in README
        assert f'"{what}"' in script


def test_the_python_example_runs(monkeypatch, tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(example.group(1), names)
    assert names["dataset"].num_rows > 20  # type: ignore[attr-defined]


def test_links_inside_the_repository_lead_somewhere() -> None:
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", prose) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
