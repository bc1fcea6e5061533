"""Phrases that give a query away, by language, as regular expressions (case is ignored).

`REFERENCES` point at a passage the asker of a real query cannot see ("according to the text"). `CHATTER` is a model
talking about its task. A pattern says who refers to what, because the bare words are innocent: "Who is the author of
Hamlet?" and "How do I share this document?" are good queries.

All languages are tried on every query: a short query is too little to guess its language from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["CHATTER", "REFERENCES"]

_EN = r"(?:passage|text|excerpt|paragraph|document|article|section|chapter|context|snippet|table|figure)"
_EN_SAYS = r"(?:say|state|mention|describe|discuss|explain|claim|argue|suggest|list|provide|present|refer|imply|note)"

REFERENCES: Mapping[str, Sequence[str]] = {
    "en": (
        rf"\b(?:according to|based on|as per|judging by) (?:the|this) (?:\w+ )?{_EN}s?\b",
        rf"\b(?:in|from|by|of) (?:the|this) (?:given|provided|above|following|preceding|present) {_EN}\b",
        rf"\b(?:the|this) (?:given|provided|above|preceding) {_EN}\b",
        r"\bin this (?:passage|text|excerpt|paragraph|section|chapter|article|context)\b",
        rf"\b(?:the|this) {_EN} (?:{_EN_SAYS}s?|is (?:mainly )?about|(?:does|do) not {_EN_SAYS})\b",
        rf"\b(?:does|did|do) (?:the|this) {_EN} {_EN_SAYS}\b",
        r"\b(?:mentioned|described|stated|discussed|listed|shown|given|provided|explained) (?:above|below|earlier|in the (?:passage|text|excerpt|context))\b",
        r"\bthe authors? (?:of (?:the|this) (?:passage|text|excerpt) )?(?:argue|claim|mention|suggest|state|describe|say|conclude|believe)s?\b",
        rf"\b(?:does|did|do) the authors? {_EN_SAYS}\b",
    ),
    "de": (
        r"\b(?:laut|gemäß) (?:Text|Abschnitt|Dokument|Artikel|Auszug|Kontext)\b",
        r"\b(?:laut|gemäß|entsprechend|nach) (?:dem|des|diesem) (?:\w+en )?(?:Text|Textes|Abschnitt|Absatz|Dokument|Artikel|Auszug|Kontext)s?\b",
        r"\b(?:in|aus) (?:diesem|dem (?:obigen|vorliegenden|gegebenen|folgenden)) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Kontext)\b",
        r"\bim (?:obigen|vorliegenden|gegebenen|genannten) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Dokument|Kontext)\b",
        r"\bim Text (?:erwähnt|genannt|beschrieben|steht|angegeben)\w*\b",
        r"\b(?:oben|weiter unten) (?:genannt|erwähnt|beschrieben|aufgeführt)\w*\b",
    ),
    "fr": (
        r"\b(?:selon|d['’]après|d’apres) (?:le|ce|l['’]) ?(?:texte|passage|document|article|extrait|paragraphe|contexte)\b",
        r"\bdans (?:ce|le présent) (?:texte|passage|extrait|paragraphe|chapitre)\b",
        r"\b(?:mentionnée?s?|décrite?s?|citée?s?) (?:ci-dessus|plus haut|dans le texte)\b",
    ),
    "es": (
        r"\b(?:según|de acuerdo con|conforme a) (?:el|este|la|esta) (?:texto|pasaje|documento|artículo|fragmento|párrafo|sección|contexto)\b",
        r"\ben (?:este|el presente) (?:texto|pasaje|fragmento|párrafo)\b",
        r"\b(?:mencionad|descrit|citad)[oa]s? (?:anteriormente|arriba|más arriba|en el texto)\b",
    ),
    "it": (
        r"\b(?:secondo|in base al?|stando al) (?:il |questo |l['’] ?)?(?:testo|passaggio|documento|articolo|brano|paragrafo|contesto)\b",
        r"\bin questo (?:testo|brano|passaggio|paragrafo)\b",
        r"\b(?:menzionat|descritt|citat)[oaie] (?:sopra|in precedenza|nel testo)\b",
    ),
    "pt": (
        r"\b(?:segundo|conforme|de acordo com|com base n?)(?: ?[oa]| este| esta| neste)? ?(?:texto|trecho|documento|artigo|parágrafo|passagem|contexto)\b",
        r"\b(?:neste|no presente) (?:texto|trecho|parágrafo)\b",
        r"\b(?:mencionad|descrit|citad)[oa]s? (?:acima|anteriormente|no texto)\b",
    ),
    "nl": (
        r"\b(?:volgens|op basis van) (?:de|deze|dit|het) (?:tekst|passage|document|artikel|alinea|fragment|context)\b",
        r"\bin (?:deze|bovenstaande) (?:tekst|passage|alinea)\b",
        r"\b(?:hierboven|bovenstaand) (?:genoemd|vermeld|beschreven)\w*\b",
    ),
    "pl": (
        r"\b(?:według|zgodnie z|na podstawie) (?:tego |powyższego |tym |powyższym )?(?:tekst|fragment|dokument|artykuł|akapit)\w*\b",
        r"\bw (?:tym|powyższym) (?:tekście|fragmencie|akapicie)\b",
    ),
    "tr": (r"\b(?:metne|parçaya|pasaja|bu belgeye|makaleye) göre\b", r"\byukarıda (?:bahsedilen|belirtilen|geçen)\b"),
    "ru": (
        r"\b(?:согласно|исходя из|судя по) (?:этому |данному |приведённому |приведенному |этого |данного )?(?:тексту|текста|отрывку|отрывка|документу|статье|абзацу|контексту|контекста|фрагменту)\b",
        r"\bв (?:этом|данном|приведённом|приведенном) (?:тексте|отрывке|абзаце|фрагменте|разделе)\b",
        r"\b(?:упомянут|указанн|описанн)\w* (?:выше|в тексте)\b",
    ),
    "uk": (r"\b(?:згідно з|відповідно до) (?:цим |цього )?(?:текст|документ|стат|уривк|уривок)\w*\b",),
    "zh": (
        r"(?:根据|根據|依据|依據|按照|基于|基於)(?:上述|以上|上面的?|这[段篇份个]?|這[段篇份個]?|该|該|本|所给的?|所給的?|给定的?|給定的?|提供的)?(?:文本|文章|文字|文档|文檔|文件|段落|短文|材料|内容|內容|上文|原文|文中|本文|资料|資料|上下文)",
        r"(?:根据|根據)(?:上文|本文|文中|原文)",
        r"^(?:上文|文中|本文)[，,]",
        r"[，,](?:上文|文中|本文)(?:提到|所|说|說|描述|介绍|介紹)",
        r"(?:上文|文中|本文|文章|这段话|這段話|该段落|該段落)(?:里|裡|中)?(?:提到|提及|所述|所说|所說|指出|认为|認為|介绍|介紹|描述)",
        r"(?:作者)(?:认为|認為|提到|指出|主张|主張)",
    ),
    "ja": (
        r"(?:この|本|上記の?|以下の|前述の)(?:文章|テキスト|文書|段落|資料|記事|文脈|一節)(?:によると|によれば|では|において|で述べ|に書かれ|の中で)",
        r"(?:本文|文中|文章|テキスト)(?:によると|によれば|中で|で(?:述べ|言及|説明))",
        r"(?:上記|前述)(?:で(?:述べ|言及|説明)|された)",
        r"(?:筆者|著者)(?:は|が|によると|によれば)(?:.{0,20})(?:述べ|主張|考え|言っ)",
    ),
    "ko": (
        r"(?:이|위|위의|본|해당|주어진|제시된) ?(?:글|본문|텍스트|문서|지문|단락|문단|기사|문맥)(?:에 따르면|에서는?|에 의하면|에 근거)",
        r"(?:본문|지문|텍스트)(?:에 따르면|에 의하면|에서 언급)",
        r"(?:위에서|앞에서|상기) ?(?:언급|설명|기술)",
        r"(?:저자|글쓴이|필자)(?:는|가|에 따르면)",
    ),
    "ar": (
        r"(?:وفقًا|وفقا|طبقًا|طبقا|بحسب|حسب|بناءً على|استنادًا إلى) ?(?:ل|ال|لل)?(?:هذا )?(?:ال)?(?:نص|فقرة|مقال|مقطع|وثيقة|سياق)",
        r"في هذا (?:النص|المقال|المقطع|السياق)",
    ),
    "hi": (r"(?:इस|उपरोक्त|दिए गए) (?:पाठ|अनुच्छेद|गद्यांश|लेख|दस्तावेज़) (?:के अनुसार|में)", r"(?:पाठ|गद्यांश|अनुच्छेद) के अनुसार"),
    "th": (r"(?:ตาม|จาก|ใน)(?:ข้อความ|บทความ|เอกสาร|ย่อหน้า|เนื้อหา)(?:นี้|ข้างต้น|ดังกล่าว|ที่ให้มา)", r"ที่กล่าวถึง(?:ข้างต้น|ในข้อความ)"),
}

CHATTER: Mapping[str, Sequence[str]] = {
    "en": (
        r"^(?:here (?:are|is|'s)|below (?:are|is)|these are|the following are) .{0,60}\b(?:quer(?:y|ies)|questions?|examples?|triples?|answers?|keywords?|claims?)\b",
        r"^(?:sure|certainly|of course|absolutely|okay|great)\b\s*[,!.:]",
        r"\bas an? (?:AI|large language|language) (?:model|assistant)\b",
        r"^(?:i(?:['’]m| am) sorry|i (?:cannot|can['’]t|am unable to) (?:help|assist|answer|generate|provide|fulfil))",
        r"\b(?:let me know if|i hope this helps)\b",
        r"^(?:query|question|search query|keywords?|answer)\s*(?:\d+\s*)?:",
    ),
    "de": (
        r"^hier (?:sind|ist) .{0,40}\b(?:fragen?|anfragen?|beispiele?)\b",
        r"^(?:gerne|natürlich|selbstverständlich)\s*[,!:]",
        r"^(?:frage|antwort)\s*(?:\d+\s*)?:",
    ),
    "fr": (
        r"^voici .{0,40}\b(?:questions?|requêtes?|exemples?)\b",
        r"^(?:bien sûr|certainement)\s*[,!:]",
        r"^(?:question|réponse)\s*(?:\d+\s*)?:",
    ),
    "es": (
        r"^(?:aquí (?:están?|tienes)|estas son) .{0,40}\b(?:preguntas?|consultas?|ejemplos?)\b",
        r"^(?:claro|por supuesto)\s*[,!:]",
        r"^[¿]?(?:pregunta|respuesta)\s*(?:\d+\s*)?:",
    ),
    "it": (
        r"^ecco .{0,40}\b(?:domand[ae]|esempi[o]?)\b",
        r"^(?:certo|certamente)\s*[,!:]",
        r"^(?:domanda|risposta)\s*(?:\d+\s*)?:",
    ),
    "pt": (
        r"^(?:aqui est(?:á|ão)|eis) .{0,40}\b(?:perguntas?|consultas?|exemplos?)\b",
        r"^(?:claro|com certeza)\s*[,!:]",
        r"^(?:pergunta|resposta)\s*(?:\d+\s*)?:",
    ),
    "ru": (r"^вот .{0,40}(?:вопрос|запрос|пример)", r"^конечно\s*[,!:]", r"^(?:вопрос|ответ|запрос)\s*(?:\d+\s*)?:"),
    "zh": (
        r"^(?:以下是|下面是|这是|這是).{0,20}(?:问题|問題|查询|查詢|示例|例子)",
        r"^(?:好的|当然|當然)[，,！!。]",
        r"作为(?:一个|一個)?(?:AI|人工智能)",
        r"^(?:问题|問題|查询|查詢|答案|回答)\s*\d*\s*[:：]",
    ),
    "ja": (
        r"^(?:以下は|こちらは|以下に).{0,30}(?:質問|クエリ|例)",
        r"^(?:もちろん|承知)(?:です|しました)?[、。!！]",
        r"^(?:質問|回答|答え)\s*\d*\s*[:：]",
    ),
    "ko": (
        r"^(?:다음은|여기).{0,30}(?:질문|쿼리|예시)",
        r"^(?:물론(?:입니다|이죠)?|네)[,.!]",
        r"^(?:질문|답변|답)\s*\d*\s*[:：]",
    ),
}
