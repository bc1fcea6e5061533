"""The README is short, and both of its commands exist."""

from __future__ import annotations

from support.pages import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    assert len(README.encode()) <= 9_000


def test_both_commands_exist() -> None:
    script = (ROOT / ".ci" / "do.py").read_text(encoding="utf-8")
    for what in ("demo", "test"):
        assert f"python3 .ci/do.py {what}" in README
        assert f'"{what}"' in script


def test_it_warns_of_the_other_project_of_that_name() -> None:
    assert "belongs to another project" in README
    assert "synthgen-rag" in README
