"""Escapes of JSON that were meant as text, and line feeds and tabs that were meant as such."""

from __future__ import annotations

import json

import pytest
import regex

from synthgen.text.escapes import restored_escapes


def decoded(written: str) -> str:
    """Return what a JSON string with these characters between its marks says, where a wrong escape is a backslash."""
    return str(json.loads('"' + regex.sub(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})', r"\\\\", written) + '"'))


@pytest.mark.parametrize(
    "written",
    [
        r"$\frac{1}{2} \rho v^2 \times A$",
        r"$$\nabla \cdot \mathbf{E} = \frac{\rho}{\epsilon_0}$$",
        r"$$\nu = \tau$$",
        r"\[ \nu \neq \rho \]",
        r"\(\nu\)",
        r"\begin{align}\nu&=\tau\end{align}",
        r"密度 $\rho$ と $\tau$",
        r"$5\nu$",
        r"costs \$5, and $\nu$ is the frequency",
        r"$\rVert$",
        r"$\nRightarrow$",
        r"$\tbinom{n}{k}$",
        r"\text{a}",
        r"\newpage",
        r"\rho is the density",
        r"\frac{\rho}{2}",
        r"\usepackage{x}",
        r"\d+\b",
        r"C:\new\table\bin\file",
        r"D:\temp\reports",
        r"C:\temp",
        r"C:\nginx\conf",
        r"C:\users\new\file.txt",
        r"C:\users\new",
        r"\\server\temp\file".replace(r"\\", "\\\\\\"),
    ],
)
def test_escapes_that_were_meant_as_text_are_restored(written: str) -> None:
    assert restored_escapes(decoded(written)) == written.replace(r"\\", "\\")


@pytest.mark.parametrize(
    "text",
    [
        "Option B:\nthe pump",
        "A:\nuse water",
        "Q:\nwho?\nA:\nnobody",
        "x:\ty",
        "C:\ttotal\t5",
        "Vitamin C:\nuse it",
        "It is in C:\\Users\\bob\\notes\nOpen it",
        "C:\\Users\\david\nOpen it",
        "C:\\Users\\david\net voici",
        "custa $5\ne mais $6",
        "costs $5\ni think",
        "$5\t$6\tx",
        "it is $x$\nu is $y$",
        "\\alpha\nu = 1",
        "\\alpha\nwhere a is",
        "$$\ne^x = 1\n$$",
        "first line\nunder it",
        "name\tage\nbob\t5",
        "if x:\n\treturn y",
        "line\r\nnext",
    ],
)
def test_line_feeds_and_tabs_stay(text: str) -> None:
    assert restored_escapes(text) == text


def test_the_passage_decides_by_whole_commands() -> None:
    assert restored_escapes("run\new", r"call run\new twice") == r"run\new"
    assert restored_escapes("a\ne b", r"see \newcommand") == "a\ne b"
