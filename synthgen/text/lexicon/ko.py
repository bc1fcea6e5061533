"""Korean."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="ko",
    name="Korean",
    scripts=("Hangul",),
    tag="kor-Hang",
    telling_letters=r"않|없|아니|아닌",
    scales={**dict.fromkeys(listed("만"), 10**4), **dict.fromkeys(listed("억"), 10**8)},
    references=(
        r"(?:이|위|위의|본|해당|주어진|제시된) ?(?:글|본문|텍스트|문서|지문|단락|문단|기사|문맥)(?:에 따르면|에서는?|에 의하면|에 근거)",
        r"(?:본문|지문|텍스트)(?:에 따르면|에 의하면|에서 언급)",
        r"(?:위에서|앞에서|상기) ?(?:언급|설명|기술)",
        r"(?:저자|글쓴이|필자)(?:는|가|에 따르면)",
    ),
    chatter=(
        r"^(?:다음은|여기).{0,30}(?:질문|쿼리|예시)",
        r"^(?:물론(?:입니다|이죠)?|네)[,.!]",
        r"^(?:질문|답변|답)\s*+\d*+\s*+[:：]",
    ),
    generic_questions=(r"^(?:주요|중심|핵심)? ?(?:주제|내용|요점)(?:는|은) 무엇(?:입니까|인가요|인가)[?？.]?$",),
    dangling=(r"^(?:그는|그녀는|그들은|이것은|그것은)\s",),
    generic_headings=listed("개요|소개|예|예시|예제|설정|사용법|설명|주의|주의사항|참고|부록|요약|설치|요구 사항", between="|"),
    history_headings=r"변경 사항|릴리스 노트",
    greetings=r"안녕하세요",
    ask_labels=listed("질문 문"),
    reply_labels=listed("답변 답"),
    yes_no_words=listed("예 아니요 없음"),
    abstention="이 문서들에는 이 질문에 대한 답이 없습니다.",
)
