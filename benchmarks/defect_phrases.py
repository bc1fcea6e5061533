"""What people and models say around a question, in the languages of the sets: for `filter_defects`.

Written for these generators and not taken from the filters. In a template `{query}` is the query as it is, `{bare}` the query without
its last mark and, where the script has capitals, with a small first letter after an opening, `{topic}` a frequent word or phrase.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PHRASES", "Phrases"]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Of one language. `asking` are question words of which one in place of another makes another question."""

    references: tuple[str, ...]
    topics: tuple[str, ...]
    chatter: tuple[str, ...]
    refusal: str
    fillers: tuple[str, ...]
    invented: tuple[str, ...]
    asking: tuple[str, ...]


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        references=(
            "According to the passage, {bare}?",
            "Based on the text, {bare}?",
            "In the given passage, {bare}?",
            "{ended} according to the text?",
            "{ended} in this article?",
            "{ended}, as mentioned in the passage?",
            "As stated in the document, {bare}?",
            "From the above paragraph, {bare}?",
        ),
        topics=(
            "What is {topic}?",
            "What is known about {topic}?",
            "Can you tell me about {topic}?",
            "What is the importance of {topic}?",
            "What are the main facts about {topic}?",
        ),
        chatter=("Here is a question: {query}", "Question: {query}", "Sure! {query}"),
        refusal="As an AI language model, I cannot write a question on this.",
        fillers=(),  # `filter_defects` has its own
        invented=(
            "Margaret Holloway",
            "the Treaty of Brennfeld",
            "Port Calder",
            "Hendrik Vossen",
            "a copper alloy",
            "the Ostrava Institute",
        ),
        asking=("When", "Where", "Why", "How", "Who"),
    ),
    "de": Phrases(
        references=(
            "Laut dem Text: {query}",
            "Dem Abschnitt zufolge: {query}",
            "{ended} laut diesem Artikel?",
            "{ended}, wie im Text beschrieben?",
            "Nach den Angaben im Dokument: {query}",
            "{ended} in diesem Absatz?",
            "Ausgehend vom obigen Text: {query}",
        ),
        topics=(
            "Was ist {topic}?",
            "Was weiß man über {topic}?",
            "Kannst du mir etwas über {topic} erzählen?",
            "Welche Bedeutung hat {topic}?",
            "Was sind die wichtigsten Fakten zu {topic}?",
        ),
        chatter=("Hier ist eine Frage: {query}", "Frage: {query}", "Gerne! {query}"),
        refusal="Als KI-Sprachmodell kann ich dazu keine Frage schreiben.",
        fillers=("{ended} genau?", "{ended} eigentlich?", "{ended}, bitte?", "Bitte, {bare}?"),
        invented=("Margarete Hollweg", "der Vertrag von Brennfeld", "Hafen Kalden", "Hendrik Vossen", "eine Kupferlegierung"),
        asking=("Wann", "Wo", "Warum", "Wie", "Wer"),
    ),
    "es": Phrases(
        references=(
            "Según el texto, {bare}?",
            "De acuerdo con el pasaje, {bare}?",
            "{ended} según este artículo?",
            "{ended}, como se menciona en el texto?",
            "Con base en el párrafo anterior, {bare}?",
            "En el fragmento dado, {bare}?",
        ),
        topics=(
            "¿Qué es {topic}?",
            "¿Qué se sabe sobre {topic}?",
            "¿Puedes hablarme de {topic}?",
            "¿Cuál es la importancia de {topic}?",
            "¿Cuáles son los datos principales sobre {topic}?",
        ),
        chatter=("Aquí tienes una pregunta: {query}", "Pregunta: {query}", "¡Claro! {query}"),
        refusal="Como modelo de lenguaje de IA, no puedo escribir una pregunta sobre esto.",
        fillers=("{ended} exactamente?", "{ended}, por favor?", "Por favor, {bare}?", "{ended} realmente?"),
        invented=("Margarita Hollero", "el Tratado de Brenfel", "Puerto Caldero", "Enrique Vossen", "una aleación de cobre"),
        asking=("¿Cuándo", "¿Dónde", "¿Por qué", "¿Cómo", "¿Quién"),
    ),
    "ru": Phrases(
        references=(
            "Согласно тексту, {bare}?",
            "Как сказано в отрывке, {bare}?",
            "{ended} согласно этой статье?",
            "{ended}, как упоминается в тексте?",
            "На основании приведённого абзаца, {bare}?",
            "Исходя из документа, {bare}?",
        ),
        topics=(
            "Что такое {topic}?",
            "Что известно о {topic}?",
            "Расскажите про {topic}?",
            "Какое значение имеет {topic}?",
            "Каковы основные факты про {topic}?",
        ),
        chatter=("Вот вопрос: {query}", "Вопрос: {query}", "Конечно! {query}"),
        refusal="Как языковая модель, я не могу составить вопрос на эту тему.",
        fillers=("{ended} именно?", "{ended}, пожалуйста?", "Пожалуйста, {bare}?", "{ended} на самом деле?"),
        invented=("Маргарита Холлоуэй", "Бреннфельдский договор", "порт Кальдер", "Хендрик Воссен", "медный сплав"),
        asking=("Когда", "Где", "Почему", "Как", "Кто"),
    ),
    "ar": Phrases(
        references=(
            "وفقًا للنص، {query}",
            "بحسب الفقرة، {query}",
            "{ended} حسب هذا المقال؟",
            "{ended} كما ورد في النص؟",
            "بناءً على المقطع أعلاه، {query}",
            "استنادًا إلى الوثيقة، {query}",
        ),
        topics=(
            "ما هو {topic}؟",
            "ماذا نعرف عن {topic}؟",
            "هل يمكنك أن تخبرني عن {topic}؟",
            "ما أهمية {topic}؟",
            "ما هي الحقائق الرئيسية عن {topic}؟",
        ),
        chatter=("إليك سؤال: {query}", "السؤال: {query}", "بالتأكيد! {query}"),
        refusal="بصفتي نموذجًا لغويًا، لا أستطيع كتابة سؤال عن هذا.",
        fillers=("{ended} بالضبط؟", "{ended} من فضلك؟", "من فضلك، {query}"),
        invented=("مارغريت هولواي", "معاهدة برنفلد", "ميناء كالدر", "هندريك فوسن", "سبيكة من النحاس"),
        asking=("متى", "أين", "لماذا", "كيف", "من"),
    ),
    "th": Phrases(
        references=(
            "ตามข้อความนี้ {query}",
            "จากบทความข้างต้น {query}",
            "{ended} ตามที่กล่าวไว้ในข้อความ",
            "อ้างอิงจากย่อหน้านี้ {query}",
            "{ended} ในบทความนี้",
            "ตามเอกสาร {query}",
        ),
        topics=(
            "{topic} คืออะไร",
            "ช่วยเล่าเกี่ยวกับ {topic} หน่อย",
            "{topic} มีความสำคัญอย่างไร",
            "มีข้อมูลอะไรเกี่ยวกับ {topic} บ้าง",
        ),
        chatter=("นี่คือคำถาม: {query}", "คำถาม: {query}", "ได้เลย! {query}"),
        refusal="ในฐานะโมเดลภาษา ฉันไม่สามารถเขียนคำถามเกี่ยวกับเรื่องนี้ได้",
        fillers=("{ended}ครับ", "{ended}คะ", "{ended}กันแน่", "อยากทราบว่า{query}"),
        invented=("สมหญิง ทองประเสริฐกุล", "สนธิสัญญาเบรนน์เฟลด์", "ท่าเรือคาลเดอร์", "เฮนดริก วอสเซน", "โลหะผสมทองแดง"),
        asking=("เมื่อใด", "ที่ไหน", "ทำไม", "อย่างไร", "ใคร"),
    ),
    "zh": Phrases(
        references=(
            "根据上文，{query}",
            "根据这段文字，{query}",
            "文中提到的{ended}？",
            "本文中，{query}",
            "从这篇文章来看，{query}",
            "{ended}（参见原文）？",
        ),
        topics=("{topic}是什么？", "请介绍一下{topic}。", "{topic}有什么特点？", "关于{topic}有哪些信息？"),
        chatter=("以下是一个问题：{query}", "问题：{query}", "当然！{query}"),
        refusal="作为人工智能语言模型，我无法就此提出问题。",
        fillers=("请问{query}", "{ended}呢？", "请问，{ended}？"),
        invented=("柳青峰", "北安条约", "青石港", "铜锌合金", "东林研究所"),
        asking=("什么时候", "为什么", "哪里", "谁", "怎样"),
    ),
}
"""By two-letter code. Sets in other languages get the kinds that need no words."""
