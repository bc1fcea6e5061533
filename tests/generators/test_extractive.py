"""The extractive generator: what each rule makes of small texts in several scripts, and what it must never do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.cases import Case, cases

from synthgen.generators.extractive.corpus_statistics import Counts
from synthgen.generators.extractive.generate import generate
from synthgen.generators.extractive.unmarked_text import plain
from synthgen.records import Chunk, Skipped, Triple, chunk_id, digest, passage
from synthgen.text.words import words

LIGHTHOUSE = """\
The keeper oils the brass hinges of the lantern room every Monday. Visitors may climb the stairs in summer.

A petrel once nested behind the Fresnel prism and flew away after the equinoctial storm of October. The stairs have
been painted since, and the door is green."""

HARBOUR_ZH = """\
灯塔每天晚上亮灯，守塔人负责擦拭铜制铰链。游客可以在夏天登塔参观。

潮汐监测仪安装在防波堤的尽头，记录每小时的水位变化，并把数据发送到港务局的服务器。门是绿色的。"""


def a_chunk(
    text: str,
    *headings: str,
    path: str = "docs/lighthouse.md",
    language: str = "en",
    split: str = "train",
    above: str | None = None,
    format: str = "markdown",
) -> Chunk:
    """A chunk that follows its heading line, as chunking makes it; `above` is what stands between it and the last chunk."""
    start = len(f"# {headings[-1]}\n\n" if above is None and headings else above or "")
    end = start + len(text)
    return Chunk(
        id=chunk_id(path, start, end),
        document_id=path,
        start=start,
        end=end,
        text=text,
        sha256=digest(text),
        headings=headings,
        language=language,
        split=split,
        format=format,
    )


def rows(*chunks: Chunk, per_chunk: int = 4, seed: int = 0) -> list[Triple]:
    return [row for row in generate(chunks, per_chunk=per_chunk, seed=seed) if isinstance(row, Triple)]


def queries(chunk: Chunk, rule: str, *others: Chunk) -> list[str]:
    return [row.query for row in rows(chunk, *others) if row.generator == f"extractive:{rule}" and row.chunk_id == chunk.id]


def answered(text: str, *headings: str, language: str = "en", format: str = "markdown") -> dict[str, str | None]:
    chunk = a_chunk(text, *headings, language=language, format=format)
    return {row.query: row.answer for row in rows(chunk, per_chunk=8) if row.answer is not None}


# --- headings


def test_a_generic_heading_is_joined_with_its_parent() -> None:
    assert queries(a_chunk(LIGHTHOUSE, "Tide gauge", "Configuration"), "heading") == ["Tide gauge: Configuration"]


def test_a_heading_that_stands_alone_stays_alone() -> None:
    assert queries(a_chunk(LIGHTHOUSE, "Handbook", "How to oil the hinges"), "heading") == ["How to oil the hinges"]


def test_a_generic_heading_without_a_parent_is_no_query() -> None:
    assert queries(a_chunk(LIGHTHOUSE, "Overview"), "heading") == []


def test_numbering_goes_and_a_year_stays() -> None:
    assert queries(a_chunk(LIGHTHOUSE, "3. Oiling the old hinges"), "heading") == ["Oiling the old hinges"]
    assert queries(a_chunk(LIGHTHOUSE, "2023 budget of the lighthouse"), "heading") == ["2023 budget of the lighthouse"]


def test_a_chunk_that_continues_a_section_does_not_take_its_heading_again() -> None:
    first = a_chunk(LIGHTHOUSE, "Oiling the brass hinges")
    text = "Grease is kept in the cellar, behind the paraffin barrels. The cellar door sticks when the wind is from the west."
    start = first.end + 2
    second = replace(
        a_chunk(text, "Oiling the brass hinges"), id="docs/lighthouse.md#later", start=start, end=start + len(text)
    )
    assert queries(first, "heading", second) == ["Oiling the brass hinges"]
    assert [row for row in rows(first, second) if row.chunk_id == second.id and row.kind == "heading"] == []


def test_a_heading_inside_the_chunk_is_masked() -> None:
    chunk = a_chunk(f"{LIGHTHOUSE}\n\n## Feeding the storm petrels\n\nHerring, twice a day.", "Lighthouse manual")
    row = next(row for row in rows(chunk, per_chunk=8) if row.query == "Feeding the storm petrels")
    assert "Feeding" not in passage(row, chunk)
    assert "Herring, twice a day." in passage(row, chunk)


# --- masked sentences


def test_the_rarest_sentence_becomes_the_query_and_leaves_its_passage() -> None:
    common = [
        a_chunk(
            f"The keeper oils the hinges of the lantern room every Monday. Visitors may climb the stairs. Room {n}.",
            path=f"{n}.md",
        )
        for n in range(30)
    ]
    chunk = a_chunk(LIGHTHOUSE)
    row = next(row for row in rows(*common, chunk, per_chunk=1) if row.document_id == chunk.document_id)
    assert row.query == "A petrel once nested behind the Fresnel prism and flew away after the equinoctial storm of October"
    assert row.answer is None
    assert "petrel" not in passage(row, chunk)
    assert "door is green" in passage(row, chunk)


@pytest.mark.parametrize(
    ("marked", "query"),
    [
        ("- The **brass** hinges of the `lantern` room need [whale oil](oil.md) twice.", "The brass hinges of the lantern room need whale oil twice"),
        ("The :ref:`old keeper <keeper>` polishes ``lens.cfg`` and seven copper kettles daily.", "The old keeper polishes lens.cfg and seven copper kettles daily"),
        ("> Paraffin lamps *must* burn until dawn, whatever_the_wind does to the glass.", "Paraffin lamps must burn until dawn, whatever_the_wind does to the glass"),
    ],
)  # fmt: skip
def test_markup_does_not_reach_the_query(marked: str, query: str) -> None:
    rest = "The door is green. It was painted in the year of the great storm by nobody in particular."
    assert query in queries(a_chunk(f"Stairs.\n\n{marked}\n\n{rest}"), "sentence")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", HARBOUR_ZH),
        ("ar", "يفتح الحارس باب المنارة القديمة كل صباح قبل شروق الشمس. يصعد الزوار إلى القمة في فصل الصيف لرؤية الميناء الكبير."),
        ("th", "ประภาคารเปิดไฟทุกคืนเพื่อนำทางเรือประมงกลับเข้าสู่ท่าเรือ ผู้ดูแลประภาคารทำความสะอาดเลนส์ทุกวันจันทร์ก่อนพระอาทิตย์ขึ้น\n\nนักท่องเที่ยวขึ้นบันไดได้ในฤดูร้อนเท่านั้น"),
    ],
)  # fmt: skip
def test_sentences_are_found_in_scripts_without_capitals_or_spaces(language: str, text: str) -> None:
    chunk = a_chunk(text, language=language)
    found = [row for row in rows(chunk) if row.kind == "sentence"]
    assert found
    for row in found:
        assert row.query.rstrip("。.") in text
        assert row.query not in passage(row, chunk)


# --- key phrases


def test_key_phrases_are_a_short_query_of_content_words() -> None:
    (query,) = queries(a_chunk(LIGHTHOUSE), "keyphrase")
    assert 2 <= len(words(query)) <= 12
    assert not {"the", "of", "and"} & set(words(query))


def test_key_phrases_of_an_unspaced_script_are_words_of_the_text() -> None:
    others = [
        a_chunk(f"潮汐监测仪和防波堤第{n}段由港务局管理。服务器位于港务局。", path=f"{n}.md", language="zh") for n in range(9)
    ]
    (query,) = queries(a_chunk(HARBOUR_ZH, language="zh"), "keyphrase", *others)
    phrases = query.split()
    assert len(phrases) >= 2
    assert all(phrase in HARBOUR_ZH for phrase in phrases)


def test_character_statistics_find_the_words_of_an_unspaced_script() -> None:
    others = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜"
    texts = [f"{sign}{word}{sign}" for sign in others for word in ("防波堤", "服务器")]
    counts = Counts(a_chunk(text) for text in texts)
    assert counts.segments("服务器防波堤") == ["服务器", "防波堤"]


# --- patterns


@pytest.mark.parametrize(
    ("language", "text", "query", "answer"),
    [
        ("en", "A petrel is a seabird that returns to land only to breed.", "What is a petrel?", "a seabird that returns to land only to breed"),
        ("en", "The default port is 8620.", "What is the default port?", "8620"),
        ("en", "The `lamp_retries` setting defaults to `30`.", "What does the lamp_retries setting default to?", "30"),
        ("en", "A foghorn test takes up to 30 seconds on cold days.", "How long does a foghorn test take?", "up to 30 seconds"),
        ("en", "Glass lenses last about 80 years.", "How long do glass lenses last?", "about 80 years"),
        ("en", "Each tower can hold up to 500 lamps.", "How many lamps can each tower hold?", "up to 500"),
        ("en", "Tide reports are sent every 6 hours.", "How often are tide reports sent?", "every 6 hours"),
        ("en", "Paper charts are refused because seawater ruins paper.", "Why are paper charts refused?", "seawater ruins paper"),
        ("en", "To reset your foghorn, press the red button twice.", "How do I reset my foghorn?", "press the red button twice"),
        ("en", "Use `horn stop` to silence the foghorn.", "How do I silence the foghorn?", "Use `horn stop`"),
        ("en", "If your lamp starts to flicker, clean the wick.", "What should I do if my lamp starts to flicker?", "clean the wick"),
        ("en", "TTL stands for tower to lens.", "What does TTL stand for?", "tower to lens"),
        ("de", "Ein Nebelhorn ist ein Gerät, das Schiffe warnt.", "Was ist ein Nebelhorn?", "ein Gerät, das Schiffe warnt"),
        ("de", "Ein Leuchtfeuer ist eine Lichtquelle auf einem Turm.", "Was ist ein Leuchtfeuer?", "eine Lichtquelle auf einem Turm"),
        ("de", "Die Hornprobe im Hafen dauert bis zu 30 Sekunden.", "Wie lange dauert die Hornprobe im Hafen?", "bis zu 30 Sekunden"),
        ("de", "Papierkarten sind verboten, weil sie nass werden.", "Warum sind Papierkarten verboten?", "sie nass werden"),
        ("de", "Um das Nebelhorn abzuschalten, drücken Sie die rote Taste.", "Was muss ich tun, um das Nebelhorn abzuschalten?", "drücken Sie die rote Taste"),
        ("zh", "雾号是一种向船只发出警告的装置。", "雾号是什么？", "一种向船只发出警告的装置"),
        ("zh", "雾号的默认值是 30 秒。", "雾号的默认值是什么？", "30 秒"),
        ("zh", "令牌的有效期是 60 分钟，只能使用一次。", "令牌的有效期是多少分钟？", "60 分钟"),
        ("zh", "北角灯塔位于青岛港的东侧。", "北角灯塔位于哪里？", "青岛港的东侧"),
        ("zh", "如果雾号没有声音，请检查气泵的阀门。", "如果雾号没有声音，该怎么办？", "检查气泵的阀门"),
        ("zh", "如需关闭雾号，请按两次红色按钮。", "如何关闭雾号？", "按两次红色按钮"),
    ],
)  # fmt: skip
def test_a_sentence_of_a_known_form_becomes_a_question_with_its_answer(
    language: str, text: str, query: str, answer: str
) -> None:
    assert answered(text, language=language)[query] == answer


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "It is a seabird that returns to land only to breed."),
        ("en", "This is the place where the keeper sleeps at night."),
        ("en", "The following is a list of all the lamps in the tower."),
        ("en", "The file is a record of every ship that passed."),
        ("en", "To do this, press the red button twice."),
        ("en", "If it starts to flicker, clean the wick."),
        ("en", "Use this option to silence the foghorn."),
        ("en", "If none of `lamp`, `tag` or `horn` is lit, fog wins."),
        ("en", "If your lamp starts to flicker, see the manual of the wick."),
        ("en", "A petrel is the bird described below."),
        ("en", "A good idea is a good idea wherever the wind blows."),
        ("de", "Sie ist eine Lichtquelle auf einem Turm."),
        ("de", "Mittags sind die Lampen ausgeschaltet, aber warm."),
        ("zh", "它是一种向船只发出警告的装置。"),
        ("zh", "该站位于青岛港的东侧。"),
        ("ja", "灯台は船に警告する装置です。"),
    ],
)
def test_a_sentence_that_does_not_stand_alone_gives_no_question(language: str, text: str) -> None:
    assert answered(text, language=language) == {}


def test_a_definite_subject_needs_its_heading() -> None:
    text = "The lantern is the glass room at the top of a lighthouse."
    assert answered(text) == {}
    assert answered(text, "Parts of a tower", "The lantern") == {
        "What is the lantern?": "the glass room at the top of a lighthouse"
    }


def test_the_code_below_an_instruction_is_its_answer() -> None:
    text = (
        "To silence every foghorn, run this command:\n\n```console\n$ horn stop --all\nstopped 3 horns\n```\n\nSilence follows."
    )
    chunk = a_chunk(text.replace("this command", "the command"))
    found = {row.query: row.answer for row in rows(chunk) if row.kind == "howto"}
    assert found == {"How do I silence every foghorn?": "horn stop --all"}


@pytest.mark.parametrize(
    ("format", "table"),
    [
        (
            "markdown",
            "| Setting | Default | Remark |\n|---|---|---|\n| `horn_port` | 8620 | loud |\n| `lamp_port` | 8621 | bright |",
        ),
        (
            "rst",
            "=========  =======\nSetting    Default\n=========  =======\nhorn_port  8620\nlamp_port  8621\n=========  =======",
        ),
        (
            "rst",
            "+-----------+---------+\n| Setting   | Default |\n+===========+=========+\n| horn_port | 8620    |\n+-----------+---------+\n"
            "| lamp_port | 8621    |\n+-----------+---------+",
        ),
    ],
    ids=["pipes", "simple", "grid"],
)
def test_a_table_cell_answers_its_row_and_column(format: str, table: str) -> None:
    found = answered(f"All ports of the tower.\n\n{table}\n", "Ports", format=format)
    assert found["What is the default value of the setting horn_port?"] == "8620"
    assert found["What is the default value of the setting lamp_port?"] == "8621"
    assert len(found) == 2


def test_a_row_that_stands_twice_is_not_asked_about() -> None:
    table = "| Setting | Default |\n|---|---|\n| `horn_port` | 8620 |\n| `horn_port` | 8621 |"
    assert answered(table, "Ports") == {}


def test_a_chinese_table_is_asked_about_in_chinese() -> None:
    table = "| 端口 | 方向 | 用途 |\n|---|---|---|\n| 7420/tcp | 主机到服务器 | 代理连接 |"
    assert answered(table, "防火墙", language="zh") == {
        "7420/tcp的方向是什么？": "主机到服务器",
        "7420/tcp的用途是什么？": "代理连接",
    }


def test_an_option_is_asked_about_with_its_command() -> None:
    text = "* `--quiet`: Silence the horn until dawn. Use with care.\n* `--loud`: The opposite."
    assert (
        answered(text, "horn stop", "Options")["What does the option --quiet do in “horn stop”?"]
        == "Silence the horn until dawn"
    )


@pytest.mark.parametrize(
    ("format", "entry"),
    [
        ("markdown", "**Petrel** - A seabird that nests in towers."),
        ("markdown", "Petrel\n: A seabird that nests in towers."),
        ("markdown", "<dt>Petrel</dt>\n<dd>A seabird that nests in towers.</dd>"),
        ("rst", "Petrel\n   A seabird that nests in towers."),
    ],
)
def test_a_glossary_entry_is_a_term_with_its_definition(format: str, entry: str) -> None:
    assert answered(entry, "Glossary", format=format) == {"What does the term “Petrel” mean?": "A seabird that nests in towers"}
    assert "What does the term “Petrel” mean?" not in answered(entry, "Birds", format=format)


def test_answers_carry_no_broken_markup() -> None:
    assert answered("A petrel is a [seabird](birds.md#sea) that returns to land only to breed.") == {}
    assert answered("A petrel is a **very small** seabird.") == {"What is a petrel?": "a **very small** seabird"}


# --- questions in the text


@pytest.mark.parametrize(
    ("language", "heading", "reply"),
    [
        ("en", "Can I sleep in the lighthouse?", "Yes, if the keeper is away. Bring a blanket."),
        ("de", "Darf man im Leuchtturm schlafen?", "Ja, wenn der Wärter verreist ist."),
        ("zh", "可以在灯塔里过夜吗？", "可以，请自带毯子。"),
        ("ar", "هل يمكنني النوم في المنارة القديمة؟", "نعم، إذا كان الحارس مسافرا."),
    ],
)
def test_a_question_heading_is_answered_by_the_paragraph_below_it(language: str, heading: str, reply: str) -> None:
    inside = a_chunk(f"Welcome to the tower.\n\n## {heading}\n\n{reply}\n\nMore follows.", "FAQ", language=language)
    row = next(row for row in rows(inside) if row.generator == "extractive:qa")
    assert (row.query, row.answer) == (heading, reply)
    assert heading not in passage(row, inside)
    assert reply in passage(row, inside)
    above = a_chunk(f"{reply}\n\nMore follows.", "FAQ", heading, language=language)
    assert [(row.query, row.answer) for row in rows(above) if row.generator == "extractive:qa"] == [(heading, reply)]


@pytest.mark.parametrize(
    ("text", "query", "reply"),
    [
        ("Q: Why is the door green?\nA: Green paint was cheap.", "Why is the door green?", "Green paint was cheap."),
        ("Q: Why is the door green?\n\nA: Green paint was cheap.", "Why is the door green?", "Green paint was cheap."),
        ("问：门为什么是绿色的？\n答：绿色油漆便宜。", "门为什么是绿色的？", "绿色油漆便宜。"),
    ],
)
def test_marked_questions_and_answers_are_taken_as_they_stand(text: str, query: str, reply: str) -> None:
    chunk = a_chunk(f"{text}\n\nThe end of the interview with the keeper of the lighthouse.", language="")
    row = next(row for row in rows(chunk) if row.generator == "extractive:qa")
    assert (row.query, row.answer) == (query, reply)
    assert query not in passage(row, chunk)


def test_a_question_heading_above_a_list_or_pointing_elsewhere_is_left_alone() -> None:
    assert answered("## What should I bring?\n\n- a blanket\n- a lamp\n", "FAQ") == {}
    assert answered("## Why is this bad?\n\nBecause paint peels.\n", "FAQ") == {}


# --- promises


MIXED = [
    a_chunk(LIGHTHOUSE, "Lighthouse", "Oiling the hinges"),
    a_chunk("| Setting | Default |\n|---|---|\n| `horn_port` | 8620 |\n\nA petrel is a small seabird.", "Ports", path="b.rst"),
    a_chunk("## Can I sleep here tonight?\n\nYes, bring a **warm** blanket.", "FAQ", path="c.md"),
    a_chunk(HARBOUR_ZH, "港口", "潮汐监测", path="d.md", language="zh"),
]


BIRDS = [
    "petrel",
    "puffin",
    "razorbill",
    "guillemot",
    "kittiwake",
    "fulmar",
    "gannet",
    "shag",
    "skua",
    "tern",
    "whimbrel",
    "dunlin",
    "knot",
    "turnstone",
]
GLOSSARY = a_chunk(
    "\n\n".join(f"**{bird.title()}** - A seabird of kind {bird}." for bird in BIRDS), "Glossary", path="glossary.md"
)


def test_every_span_is_exact_and_every_row_says_who_made_it() -> None:
    texts = {chunk.id: chunk for chunk in MIXED}
    made = rows(*MIXED)
    assert {row.generator for row in made} >= {
        f"extractive:{rule}" for rule in ("heading", "sentence", "keyphrase", "pattern", "qa")
    }
    for row in made:
        chunk = texts[row.chunk_id]
        document = " " * chunk.start + chunk.text
        assert (row.answer is None) == (row.kind in ("heading", "sentence", "keyword"))
        if row.answer is not None:
            ((start, end),) = row.quotes
            assert document[start:end] == row.answer
            assert row.answer in passage(row, chunk)
        assert all(chunk.start <= start < end <= chunk.end for start, end in row.masks)
        assert "\n" not in row.query
        assert 2 <= len(row.query) <= 200


def test_no_chunk_gives_the_same_query_twice_or_more_rows_than_asked() -> None:
    for wanted in (1, 2, 5):
        for chunk in (*MIXED, GLOSSARY):
            made = [row for row in rows(*MIXED, GLOSSARY, per_chunk=wanted) if row.chunk_id == chunk.id]
            assert len({row.query for row in made}) == len(made)
            assert sum(row.answer is None for row in made) <= wanted
            assert sum(row.answer is not None for row in made) <= 2 * wanted


def test_a_renamed_file_gives_the_same_rows() -> None:
    renamed = [replace(c, document_id=f"moved/{c.document_id}", id=f"moved/{c.id}") for c in reversed([*MIXED, GLOSSARY])]

    def content(made: list[Triple]) -> list[tuple[str, str, str]]:
        return sorted((row.id, row.query, row.answer or "") for row in made)

    assert content(rows(*renamed, per_chunk=2)) == content(rows(*MIXED, GLOSSARY, per_chunk=2))


def test_another_file_does_not_change_the_answered_rows() -> None:
    def with_answers(made: list[Triple]) -> list[Triple]:
        return [row for row in made if row.answer is not None and row.document_id != "new.md"]

    assert with_answers(rows(*MIXED, a_chunk("A whelk is a sea snail. " * 3, path="new.md"))) == with_answers(rows(*MIXED))


def test_another_process_with_another_hash_seed_gives_the_same_rows() -> None:
    script = (
        "import json, sys; from synthgen.generators.extractive.generate import generate; from synthgen.records import Chunk\n"
        "chunks = [Chunk.from_dict(row) for row in json.load(sys.stdin)]\n"
        "print(json.dumps([row.to_dict() for row in generate(chunks, per_chunk=3, seed=7)]))"
    )
    given = json.dumps([chunk.to_dict() for chunk in MIXED])
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=given,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_one_shot_iterator_gives_the_same_rows_and_counts_can_be_given() -> None:
    def stream() -> Iterator[Chunk]:
        yield from MIXED

    expected = list(generate(MIXED, per_chunk=3, seed=0))
    assert list(generate(stream(), per_chunk=3, seed=0)) == expected
    assert list(generate(stream(), per_chunk=3, seed=0, counts=Counts(MIXED))) == expected


def test_a_chunk_without_a_split_gives_nothing_and_one_without_a_rule_is_said() -> None:
    shared = a_chunk(LIGHTHOUSE, "Oiling the hinges", split="")
    code = a_chunk("```\nx = 1\n```", path="code.md")
    assert list(generate([shared, code], per_chunk=3, seed=0)) == [
        Skipped(path="code.md", chunk_id=code.id, stage="generate", reason="no_rule_applies")
    ]


@pytest.mark.parametrize(
    "text", ["", "---", "| a |\n|", "**", "`", "::\n\n", "1.", "Q:", "\u200f\u0640", "=====", "+-+\n", "|\n|-|\n", "<dt>\n<dd>"]
)
@pytest.mark.parametrize("format", ["markdown", "rst", "text", ""])
def test_odd_leftovers_of_markup_are_skipped_and_break_nothing(text: str, format: str) -> None:
    (only,) = generate([a_chunk(text, format=format)], per_chunk=3, seed=0)
    assert isinstance(only, Skipped)


# --- parts


def test_plain_text_knows_where_it_came_from() -> None:
    source = "See [the *old* keeper](k.md) and ``horn stop``,\n  then **rest**."
    found = plain(source)
    assert found.text == "See the old keeper and horn stop, then rest."
    assert all(source[i] == c or c == " " for i, c in zip(found.at, found.text, strict=True))


@cases("markdown_line")
def test_plain_text_keeps_what_inline_tags_mean(case: Case) -> None:
    """`given` is a line of Markdown, `expected` its plain text."""
    assert plain(case.given).text == case.expected


@pytest.mark.parametrize(
    "source",
    ["It takes 10<sup>6</sup> litres.", "It has 25<sup>2</sup> m.", "Water is H<sub>2</sub>O.", "It has <del>two</del> three."],
)
def test_an_answer_never_has_a_tag_in_it(source: str) -> None:
    found = plain(source)
    assert "<" not in found.text
    assert found.exact(0, len(found.text)) is None
