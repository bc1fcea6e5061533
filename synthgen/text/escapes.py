"""Escapes of JSON that were meant as text: TeX and paths whose backslash a model did not write twice.

`\\frac` then arrives as a form feed and "rac", `C:\\temp` as a tab and "emp". A backspace, a form feed and a carriage
return without its line feed begin no word on purpose. Tabs and line feeds do, so that they stay as they are unless the
passage, a formula or a path around them shows what was meant.
"""

from __future__ import annotations

import regex

__all__ = ["restored_escapes"]

_LETTER_OF = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_COMMANDS = {
    "\t": "tableofcontents tabular tan tanh tau tbinom text textbf textit textrm textsf textsc texttt textwidth tfrac therefore"
    " theta thetasym thickapprox thicksim tilde times tiny title to top triangle triangleq triangleleft triangleright",
    "\r": "raggedright raise rangle rbrace rbrack rceil real ref renewcommand require rfloor rgroup rho rhd right rightarrow"
    " rightharpoonup rightharpoondown rightleftarrows rightleftharpoons rightrightarrows rm rmoustache root rtimes rule rvert",
    "\n": "nabla natural ncong ne nearrow neg neq newcommand newenvironment newline newpage newtheorem nexists ngeq ngtr ni"
    " nleftarrow nleq nless nmid nocite noindent nolimits nonumber normalsize not notag notin nparallel nprec nrightarrow"
    " nsim nsubset nsubseteq nsucc nsupset nsupseteq nu nwarrow",
}
_COMMANDS_OF = {control: frozenset(words.split()) for control, words in _COMMANDS.items()}
_CAPITALS = {"\r": "Rightarrow Re Rsh Vert", "\n": "Rightarrow Leftarrow Vdash VDash"}  # after the letter, as in \nRightarrow
_FOLDERS = frozenset(
    regex.findall(
        r"\w+",
        """
    network new news nginx node notes nvidia release releases repo repos reports resources results root runs
    table tables temp test tests tmp tools trace train
""",
    )
)
_SHORT = 4  # the longest command that may be a letter before a word

_NEVER_MEANT = regex.compile(r"[\b\f]")
_ESCAPED = regex.compile(r"([\n\t]|\r(?!\n))([A-Za-z]+)")
_FORMULA = regex.compile(
    r"""
      (?<!\\)\$\$ .{1,2000}? (?<!\\)\$\$
    | (?<![\\$])\$ (?![\ $]) (?:(?!\n\s*\n)[^$])+? (?<![\s\\])\$ (?![\d$])
    | \\\( .{1,2000}? \\\) | \\\[ .{1,2000}? \\\]
    | \\begin\{(equation|align|gather|math|displaymath|[a-zA-Z]*matrix|cases|multline|eqnarray)(\*?)\} .+? \\end\{\1\2\}
    """,
    regex.VERBOSE | regex.DOTALL,
)
_PATH = regex.compile(r"(?:(?<!\w)[A-Za-z]:|(?<!\S)\\{1,2}[\w.$-]+)(?:(?:[\n\t\\]|\r(?!\n))[\w.$-]+)+")
_FOLDER = regex.compile(r"\A[A-Za-z]:([\n\t])(\w+)")
_LAST = "|".join(folder[1:] for folder in sorted(_FOLDERS) if folder.startswith("n"))
_IN_A_PATH = regex.compile(rf"(?<=[\w.$:-])(?:\r|\t(?=\w)|\n(?=[\w.$-]+[\\\t\r]|(?:{_LAST})\Z))")


def restored_escapes(text: str, passage: str = "") -> str:
    """Return a text whose control characters were escapes of TeX or of a path (`\\frac`, `C:\\temp`) as it was meant."""
    if text.isprintable():
        return text
    text = _NEVER_MEANT.sub(lambda match: f"\\{_LETTER_OF[match[0]]}", text)
    text = _PATH.sub(lambda match: _path(match[0]), text)
    formulas = [(match.start() + 2 * _is_block(match[0]), match.end()) for match in _FORMULA.finditer(text)]

    def meant(match: regex.Match[str]) -> str:
        control, word = match[1], match[2]
        command = _LETTER_OF[control] + word
        in_formula = any(start < match.start() < end for start, end in formulas)
        return f"\\{command}" if _is_meant(control, word, match.string[match.end() :][:1], passage, in_formula) else match[0]

    return _ESCAPED.sub(meant, text)


def _is_block(formula: str) -> bool:
    """Whether a formula stands on lines of its own, so that its first line feed is one."""
    return formula.startswith(("$$\n", "\\[\n")) and formula[-3] == "\n"


def _is_meant(control: str, word: str, following: str, passage: str, in_formula: bool) -> bool:
    command = _LETTER_OF[control] + word
    if f"\\{command}" in passage and regex.search(rf"{regex.escape(chr(92) + command)}(?![A-Za-z])", passage):
        return True
    known = command in _COMMANDS_OF[control] or word in _CAPITALS.get(control, "").split()
    if in_formula and control != "\n":
        return True
    return known and (in_formula or control == "\r" or len(command) > _SHORT or following == "{")


def _path(text: str) -> str:
    """Return what looks like a path with its backslashes. A label and a line or a cell after it is none: `B:` and text."""
    head = 2 if text[1:2] == ":" else len(text) - len(text.lstrip("\\")) + 1
    folder = _FOLDER.match(text)
    known = folder is not None and _LETTER_OF[folder[1]] + folder[2] in _FOLDERS
    if not known and not any(mark in text[head:] for mark in "\\\r"):
        return text
    if known:
        text = f"{text[:2]}\\{_LETTER_OF[text[2]]}{text[3:]}"
    return _IN_A_PATH.sub(lambda match: f"\\{_LETTER_OF[match[0]]}", text)
