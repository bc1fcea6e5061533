"""What is answered to a question that the documents shown do not answer, in the languages that `text.guess_language` knows."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ABSTENTIONS", "DEFAULT"]

DEFAULT = "en"

ABSTENTIONS: Mapping[str, str] = {
    "ar": "لا تحتوي هذه المستندات على إجابة عن هذا السؤال.",
    "de": "Die Dokumente beantworten diese Frage nicht.",
    "el": "Τα έγγραφα δεν απαντούν σε αυτή την ερώτηση.",
    "en": "The documents do not answer this question.",
    "es": "Los documentos no responden a esta pregunta.",
    "fr": "Les documents ne répondent pas à cette question.",
    "he": "המסמכים אינם עונים על השאלה הזאת.",
    "hi": "इन दस्तावेज़ों में इस प्रश्न का उत्तर नहीं है।",
    "it": "I documenti non rispondono a questa domanda.",
    "ja": "これらの文書には、この質問の答えがありません。",
    "km": "ឯកសារទាំងនេះមិនមានចម្លើយសម្រាប់សំណួរនេះទេ។",
    "ko": "이 문서들에는 이 질문에 대한 답이 없습니다.",
    "lo": "ເອກະສານເຫຼົ່ານີ້ບໍ່ມີຄຳຕອບສຳລັບຄຳຖາມນີ້.",
    "my": "ဤစာရွက်စာတမ်းများတွင် ဤမေးခွန်း၏ အဖြေ မပါဝင်ပါ။",
    "nl": "Het antwoord op deze vraag staat niet in de documenten.",
    "pt": "Os documentos não respondem a esta pergunta.",
    "ru": "В документах нет ответа на этот вопрос.",
    "th": "เอกสารเหล่านี้ไม่มีคำตอบสำหรับคำถามนี้",
    "uk": "У документах немає відповіді на це запитання.",
    "zh": "这些文档没有回答这个问题。",
}
