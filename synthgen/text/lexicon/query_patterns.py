"""Phrases that give a query away, by language, as regular expressions (case is ignored).

`REFERENCES` point at a passage the asker of a real query cannot see ("according to the text"). `CHATTER` is a model
talking about its task; `TWO_QUESTIONS`, `DANGLING` and `GENERIC` are queries that no one search could answer, and `LEFT_OVER`
is no language at all. A pattern says who refers to what, because the bare words are innocent: "Who is the author of
Hamlet?" and "How do I share this document?" are good queries.

All languages are tried on every query: a short query is too little to guess its language from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "ASKING_WORDS",
    "CHATTER",
    "CHINESE_WORDS",
    "COMMON_WORDS",
    "DANGLING",
    "GENERIC",
    "LEFT_OVER",
    "REFERENCES",
    "TWO_QUESTIONS",
]

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
        r"\bas (?:mentioned|described|stated|discussed|shown|explained|noted) in (?:the|this) (?:\w+ )?(?:passage|text|excerpt|paragraph|document|article|section|context)\b",
    ),
    "de": (
        r"\b(?:laut|gemäß) (?:Text|Abschnitt|Dokument|Artikel|Auszug|Kontext)\b",
        r"\b(?:laut|gemäß|entsprechend|nach) (?:dem|des|diesem) (?:\w+en )?(?:Text|Textes|Abschnitt|Absatz|Dokument|Artikel|Auszug|Kontext)s?\b",
        r"\b(?:in|aus) (?:diesem|dem (?:obigen|vorliegenden|gegebenen|folgenden)) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Kontext)\b",
        r"\bim (?:obigen|vorliegenden|gegebenen|genannten) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Dokument|Kontext)\b",
        r"\bim Text (?:erwähnt|genannt|beschrieben|steht|angegeben)\w*\b",
        r"\b(?:oben|weiter unten) (?:genannt|erwähnt|beschrieben|aufgeführt)\w*\b",
        r"\b(?:dem|diesem) (?:\w+en )?(?:Text|Abschnitt|Absatz|Auszug|Dokument|Artikel) zufolge\b",
        r"\b(?:ausgehend von|auf (?:der )?Grundlage|anhand) (?:dem|des|dieses|diesem) (?:\w+en )?(?:Text|Abschnitt|Absatz|Auszug|Artikel)(?:e?s)?\b",
        r"\bausgehend vom (?:\w+en )?(?:Text|Abschnitt|Absatz|Auszug|Artikel)\b",
        r"\bAngaben (?:im|in diesem|dieses) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Dokument)(?:e?s)?\b",
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
        r"\bcomo se (?:menciona|indica|describe|explica|afirma|señala) en (?:el|este) (?:texto|pasaje|documento|artículo|fragmento|párrafo)\b",
        r"\b(?:con base en|basándose en|basado en|a partir de) (?:el|este) (?:texto|pasaje|fragmento|párrafo)\b",
        r"\b(?:en|de) el (?:texto|pasaje|fragmento|párrafo) (?:dado|anterior|proporcionado|siguiente)\b|\bdel (?:texto|pasaje|fragmento|párrafo) (?:dado|anterior)\b",
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
        r"\b(?:согласно|по|в) (?:этой|данной|приведённой|приведенной) статье\b",
        r"\bисходя из (?:этого |данного )?(?:документа|абзаца|фрагмента)\b",
        r"\bна осн(?:ове|овании) (?:этого |данного |приведённого |приведенного )?(?:текста|отрывка|абзаца|фрагмента)\b",
        r"\bкак (?:сказано|говорится|упоминается|указано|описано|отмечено) (?:выше|в (?:этом |данном )?(?:тексте|отрывке|абзаце|фрагменте|документе))\b",
    ),
    "uk": (r"\b(?:згідно з|відповідно до) (?:цим |цього )?(?:текст|документ|стат|уривк|уривок)\w*\b",),
    "zh": (
        r"(?:根据|根據|依据|依據|按照|基于|基於)(?:上述|以上|上面的?|这[段篇份个]?|這[段篇份個]?|该|該|本|所给的?|所給的?|给定的?|給定的?|提供的)?(?:文本|文章|文字|文档|文檔|文件|段落|短文|材料|内容|內容|上文|原文|文中|本文|资料|資料|上下文)",
        r"(?:根据|根據)(?:上文|本文|文中|原文)",
        r"^(?:上文|文中|本文)[，,]",
        r"[，,](?:上文|文中|本文)(?:提到|所|说|說|描述|介绍|介紹)",
        r"(?:上文|文中|本文|文章|这段话|這段話|该段落|該段落)(?:里|裡|中)?(?:提到|提及|所述|所说|所說|指出|认为|認為|介绍|介紹|描述)",
        r"(?:作者)(?:认为|認為|提到|指出|主张|主張)",
        r"(?:本文|上文|文中)(?:中|里|裡)?[，,]",
        r"(?:从|從)(?:这|這|该|該|上述)[篇段]?(?:文章|文字|短文|材料|段落)(?:来看|來看|中|可知|可以看出)",
        r"(?:参见|參見|见|見)(?:原文|上文)",
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
        r"كما (?:ورد|ذُكر|ذكر|جاء|هو مذكور|هو موضح) في (?:هذا )?(?:ال)(?:نص|فقرة|مقال|مقطع|وثيقة)",
    ),
    "hi": (r"(?:इस|उपरोक्त|दिए गए) (?:पाठ|अनुच्छेद|गद्यांश|लेख|दस्तावेज़) (?:के अनुसार|में)", r"(?:पाठ|गद्यांश|अनुच्छेद) के अनुसार"),
    "th": (
        r"(?:ตาม|จาก|ใน)(?:ข้อความ|บทความ|เอกสาร|ย่อหน้า|เนื้อหา)(?:นี้|ข้างต้น|ดังกล่าว|ที่ให้มา)",
        r"ที่(?:กล่าวถึง|กล่าวไว้|ระบุไว้|กล่าว)(?:ข้างต้น|ใน(?:ข้อความ|บทความ|เอกสาร|ย่อหน้า))",
        r"^(?:ตาม|จาก)(?:ข้อความ|บทความ|เอกสาร|ย่อหน้า|เนื้อหา)[\s,]",
    ),
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
        r"^¡?(?:claro|por supuesto)\s*[,!:]",
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
    "ar": (
        r"^(?:إليك|هذا هو|هذه هي) .{0,20}(?:سؤال|السؤال|أسئلة|الأسئلة)",
        r"^(?:بالتأكيد|بالطبع|حسنًا|حسنا)\s*[،,!:]",
        r"^(?:السؤال|سؤال|الجواب|الإجابة)\s*\d*\s*:",
    ),
    "th": (
        r"^(?:นี่คือ|ต่อไปนี้คือ|ต่อไปนี้เป็น).{0,20}คำถาม",
        r"^(?:ได้เลย|แน่นอน|ได้ครับ|ได้ค่ะ)(?:ครับ|ค่ะ)?\s*[,!:]",
        r"^(?:คำถาม|คำตอบ)(?:ที่)?\s*\d*\s*:",
    ),
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

ASKING_WORDS: Mapping[str, frozenset[str]] = {
    code: frozenset(found.split())
    for code, found in {
        "en": "what which who whom whose when where why how",
        "de": "wer wen wem wessen was wann wo woher wohin warum weshalb wieso wofür wodurch womit worauf worüber woran worin wozu wovon wie wieviele welche welcher welches "
        "welchen welchem",
        "fr": "qui quoi quel quelle quels quelles quand où pourquoi comment combien lequel laquelle est-ce",
        "es": "qué quién quiénes cuál cuáles cuándo dónde adónde cómo cuánto cuánta cuántos cuántas",
        "it": "chi quale quali quando dove perché quanto quanta quanti quante cos cosa",
        "pt": "quem qual quais quando onde porquê quanto quanta quantos quantas",
        "nl": "wie wat waar wanneer waarom hoe hoeveel welke welk waarvoor",
        "pl": "kto co gdzie kiedy dlaczego jak jaki jaka jakie który która które ile czy",
        "tr": "kim ne nerede zaman neden niçin nasıl hangi kaç hangisi",
        "sv": "vem vad var när varför hur vilken vilket vilka",
        "da": "hvem hvad hvor hvornår hvorfor hvordan hvilken hvilket hvilke",
        "nb": "hvem hva hvor når hvorfor hvordan hvilken hvilket hvilke",
        "fi": "kuka mikä mitä missä milloin miksi miten mihin kuinka",
        "cs": "kdo co kde kdy proč jak jaký jaká jaké který která které kolik",
        "ro": "cine ce unde când cum câte câți",
        "hu": "ki mi mit hol mikor miért hogyan melyik mennyi hány",
        "id": "siapa apa mana kapan mengapa bagaimana berapa",
        "vi": "ai gì đâu nào sao",
        "ru": "кто кого кому кем что чего чем где куда когда почему зачем как какой какая какое какие какую какого каким какова каковы "
        "сколько чей",
        "uk": "хто кого кому що чого де куди коли чому як який яка яке які скільки",
        "ar": "ما ماذا من متى أين لماذا كيف كم أي",
        "fa": "چه چیست کیست کی کجا چرا چگونه چند کدام",
        "ur": "کیا کون کب کہاں کیوں کیسے کتنے کس",
    }.items()
}
"""Question words, which say more about the language of a query than other words do. All of one script, else the script says it."""

COMMON_WORDS: Mapping[str, frozenset[str]] = {
    code: frozenset(found.split())
    for code, found in {
        "en": "the of and to is are was were be been did does do has have had for with from by at that this these its their it "
        "not can will would should than then there other many much",
        "de": "der die das den dem des und ist sind war waren wurde wurden wird werden ein eine einen einem einer eines nicht mit auf "
        "für von vom zu zum zur im beim aus nach bei sich auch es er hat haben hatte hatten durch über unter als nennen sie man am ins zwischen gegen "
        "während einige viele jede jeder jedes diese dieser dieses ihr ihre ihren ihrer sein seine seinen seinem seiner kann können "
        "machte macht gehört gehörte fand gibt gab ob oder",
        "fr": "le la les un une des du de et est sont était étaient a ont pour avec dans sur par au aux ce cette ces se sa son ses en il elle "
        "pas ne fut été",
        "es": "el la los las un una unos unas de del y es son fue fueron era eran ha han para con por en al se su sus no está están hay "
        "que",
        "it": "il lo gli una di del della dei delle degli e è sono era erano ha hanno per con nel nella sul da dal alla che si non stato "
        "stata",
        "pt": "o os as um uma de do da dos das e é são foi foram era para com por no na nos nas ao se seu sua não há está",
        "nl": "de het een van en is zijn was waren werd werden wordt worden voor met op te aan uit bij niet er dat die heeft hebben",
        "pl": "i w na z do się jest są był była było były nie to o dla od przez ze",
        "tr": "ve bir bu için ile da de olarak olan mi mı mu mü var yok",
        "sv": "och att det som en ett på av för med är den till inte om från hade har blev",
        "da": "og at det som en et på af for med er den til ikke fra havde har blev",
        "nb": "og at det som en et på av for med er den til ikke fra hadde har ble",
        "fi": "ja on oli ovat että ei se joka",
        "cs": "a v na se je jsou byl byla bylo byly že s z do pro o od",
        "ro": "și este sunt a fost pentru cu din la în de pe care nu",
        "hu": "a az és egy volt van nem hogy",
        "id": "yang dan di dari untuk dengan adalah ini itu pada tidak",
        "vi": "là của và có được các những trong cho không",
        "ru": "и в во на с со из у о об за от к по для при до не это был была было были его её ее их является называется или после",
        "uk": "і в у на з із за від до по для при не це був була було були його її їх або після є",
        "ar": "في على إلى عن التي الذي كان كانت هو هي هذا هذه",
        "fa": "در به از که را این آن است بود برای با",
        "ur": "کے کی میں ہے ہیں سے کو نے تھا تھے",
    }.items()
}
"""Words that most sentences of a language have, and that are no words of their own in many others."""

CHINESE_WORDS = r"什么|甚麼|吗|嗎|哪|谁|這|这|怎么|怎麼|们|們|没有|的是|是什|为何|為何|多少|有多"
"""What Japanese text does not have, though it has the letters."""

TWO_QUESTIONS: Mapping[str, Sequence[str]] = {
    "all": (r"[?？؟](?![\"'”’»」』])[\p{P}\s]*[\p{L}\p{N}].{4,}[?？؟]",),
    "en": (
        r"^(?:what|who|when|where|why|how|which)\b(?: [\w'’-]+){3}.* and (?:what|who|when|where|why|how) (?:is|are|was|were|do|does|did|has|have|can)\b",
    ),
    "de": (
        r"^(?:was|wer|wann|wo|warum|wie)\b(?: [\w-]+){3}.* und (?:was|wer|wann|wo|warum|wie) (?:ist|sind|war|waren|wurde|wird|hat|kann)\b",
    ),
    "fr": (r"^(?:\S+ ){3}.* et (?:quand|où|pourquoi|comment|qui|combien) (?:est|sont|a|ont|était|peut|fut)\b",),
    "es": (r"^(?:\S+ ){3}.* y ¿?(?:quién|cuándo|dónde|por qué|cómo|cuál) (?:es|son|fue|era|ha|han|puede|se)\b",),
    "ru": (r"^(?:\S+ ){3}.* и (?:кто|когда|где|почему|зачем) (?:\w+)",),
}
"""Two questions in one query. A question mark inside quotation marks ends a title."""

DANGLING: Mapping[str, Sequence[str]] = {
    "en": (
        r"^(?:(?:in|at|on|by|for|to|with|from) )?(?:what|when|where|why|how|who|whom|which)(?: [a-z]+){0,2} "
        r"(?:did|does|do|was|were|is|are|has|had|have|will|would|can|could) (?-i:he|she|they|him|her)\b",
        r"^(?:what|when|where|why|how|who) (?:did|does|do|was|were|is|are|has|had) (?:this|these|those)(?: [a-z]+){0,3}\W*$",
        r"\b(?:after|before|during|because of|as a result of|due to|despite|following) (?:this|that|these|those)\W*$",
        r"\b(?:at|during|in) (?:this|that) (?:time|period|moment)\W*$",
    ),
    "de": (
        r"^(?:was|wann|wo|warum|wie|wer|weshalb|womit)\b (?-i:[a-zäöüß]+) (?-i:er|dies|dieser|dieses)\b(?! (?-i:[A-ZÄÖÜ]))",
        r"^(?:was|wer|wie|wo)\b (?:[\w-]+ ){1,4}(?:danach|daraufhin)\W*$",
    ),
    "fr": (
        r"^(?:quand|où|pourquoi|comment|qu['’]) ?(?:a|est|était|ont|sont|avait|fit|fut|va)-(?:t-)?(?:il|elle|ils|elles)\b",
        r"\b(?:après|avant|pendant|malgré|à cause de) (?:cela|ceci|ça)\W*$",
    ),
    "es": (r"\b(?:después de|antes de|durante|debido a|a causa de|a pesar de) (?:esto|eso|ello)\W*$",),
    "it": (r"\b(?:dopo(?: di)?|prima di|durante|a causa di|nonostante) (?:questo|ciò|quello)\W*$",),
    "pt": (r"\b(?:depois|antes|por causa|apesar) (?:disso|disto|daquilo)\W*$",),
    "nl": (r"^(?:wat|wanneer|waar|waarom|hoe)\b (?-i:[a-z]+) (?-i:hij|zij|ze|dit|deze)\b",),
    "ru": (
        r"^(?:что|когда|где|почему|как|чем|зачем)(?: \w+)? (?:он|она|они)\b",
        r"\b(?:после|до|из-за|вследствие|во время) (?:этого|того|них|него|неё|нее)\W*$",
    ),
    "zh": (
        r"^(?:他|她|它)(?:们|們)?(?:的|在|是|为|為|什|何|哪|怎|有|曾|于|於)",
        r"(?:这|這|那)之[后後前](?:发生|發生|怎|如何|他|她)",
    ),
    "ja": (r"^(?:彼|彼女|彼ら)(?:は|が|の|を)", r"^(?:それ|これ|あれ)(?:は|が)(?:何|いつ|なぜ|どこ|どう)"),
    "ko": (r"^(?:그는|그녀는|그들은|이것은|그것은)\s",),
}
"""A pronoun or demonstrative without anything before it that it could stand for. "It" is left out: mostly it stands for nothing."""

_EN_TOPIC = r"(?:topic|idea|theme|subject|point|purpose|message|focus|takeaway|argument|gist|concept)s?"

GENERIC: Mapping[str, Sequence[str]] = {
    "en": (
        rf"^what(?:['’]s| is| are| was| were) (?:the |some )?(?:main |central |key |primary |overall |major |general |most important )*{_EN_TOPIC}"
        r"(?: (?:here|being )?(?:discussed|covered|addressed|described|presented|mentioned))?\W*$",
        r"^what (?:is|are|was|were) (?:being |mainly )?(?:discussed|described|covered|explained|mentioned|talked about|this about|it about)\W*$",
        r"^(?:(?:please |can you |could you )?(?:summari[sz]e|explain|describe|discuss)(?: (?:this|that|it))?|(?:give|write|provide)(?: me)? a (?:brief |short )?summary|tell me more(?: about (?:this|it))?)\W*$",
    ),
    "de": (
        r"^(?:was|wie) (?:ist|sind|lautet|lauten) (?:das|die|der) (?:haupt|zentrale? |wichtigste )?(?:thema|themen|idee|aussage|punkte?|hauptthema|hauptidee|kernaussage|botschaft)\W*$",
        r"^(?:was wird (?:hier )?(?:beschrieben|besprochen|diskutiert|behandelt|erklärt)|worum geht es(?: hier)?|fasse (?:es |das )?zusammen)\W*$",
    ),
    "fr": (
        r"^(?:quel(?:le)?s? (?:est|sont)|qu['’]est-ce que) (?:le|la|les|l['’]) ?(?:sujet|thème|idée|message|point)s?(?: (?:principal|principale|principaux|central|centrale|clés?))?\W*$",
        r"^(?:de quoi (?:s['’]agit-il|parle-t-on|est-il question)|qu['’]est-ce qui est (?:décrit|expliqué|abordé))\W*$",
    ),
    "es": (
        r"^¿?(?:cuál|cuáles) (?:es|son) (?:el|la|los|las) (?:tema|idea|mensaje|punto|asunto)s?(?: (?:principal|principales|central|centrales|clave))?\W*$",
        r"^¿?(?:de qué (?:trata|se trata|se habla)|qué se (?:describe|discute|explica|menciona))\W*$",
    ),
    "it": (
        r"^(?:qual è|quali sono) (?:il|lo|la|l['’]|i|le|gli) ?(?:tema|temi|idea|idee|argomento|argomenti|messaggio|punti?)(?: (?:principal[ei]|central[ei]|chiave))?\W*$",
        r"^(?:di cosa (?:si parla|si tratta|tratta)|che cosa viene descritto)\W*$",
    ),
    "pt": (
        r"^(?:qual é|quais são) (?:o|a|os|as) (?:tema|ideia|assunto|mensagem|pontos?)s?(?: (?:principal|principais|central|centrais|chave))?\W*$",
        r"^(?:do que se trata|de que se trata|o que é (?:descrito|discutido))\W*$",
    ),
    "nl": (
        r"^wat (?:is|zijn) (?:het|de) (?:hoofd|belangrijkste |centrale )?(?:onderwerp|idee|thema|boodschap|punten)\W*$",
        r"^(?:waar gaat (?:het|dit) over|wat wordt (?:hier )?(?:beschreven|besproken))\W*$",
    ),
    "ru": (
        r"^(?:какова|какой|какая|каковы|какие) (?:главн|основн|ключев)\w+ (?:тема|темы|идея|идеи|мысль|мысли|вопрос)\W*$",
        r"^(?:о чём|о чем) (?:идёт|идет) речь\W*$",
    ),
    "zh": (
        r"^(?:主要|中心|核心|关键|關鍵)?(?:的)?(?:主题|主題|话题|話題|思想|内容|內容|观点|觀點|要点|要點)(?:是什么|是什麼|是啥|有哪些)[?？]?$",
        r"^(?:主要)?(?:讲|講|讨论|討論|描述|介绍|介紹)(?:了|的是)?(?:什么|什麼)(?:内容|內容)?[?？]?$",
    ),
    "ja": (r"^(?:主な|中心的な|主要な)?(?:テーマ|話題|主題|内容|要点)は(?:何|なに)(?:です|でしょう)?か?[。？?]?$",),
    "ko": (r"^(?:주요|중심|핵심)? ?(?:주제|내용|요점)(?:는|은) 무엇(?:입니까|인가요|인가)[?？.]?$",),
}
"""Questions that fit every passage and so find none."""

LEFT_OVER: Sequence[tuple[str, str]] = (
    (r"\uFFFD|Ã[\u0080-\u00BF]|â€", "\ufffdÃãâÂ"),
    (
        r"^\s*[\[{]\s*[\"'{\[]|[\"']?\b(?:query|question|answer|context|quote)[\"']\s*:|[\"'\]}]\s*[\]}]\s*$",
        "[{]}:",
    ),
    (
        r"</?(?:query|question|answer|context|document|passage|p|div|span|li|ul|ol|br|b|i|em|strong|td|tr|table|a|h[1-6])\b[^<>]*>",
        "<",
    ),
    (r"&(?:amp|quot|lt|gt|nbsp|apos|#\d+);", "&"),
    (r"```|^\s*(?:\*\*|__).+(?:\*\*|__)\s*$|\]\(https?:|\\[nt](?![a-z])", "`*_]\\"),
    (r"(?:^|\s)(?:undefined|NaN|\[object Object\]|None|null)\s*$", ""),
    (r"\b(\w++)(?:[\s,]+\1\b){2,}", ""),
    (r"(\p{L})\1{4,}", ""),
)
"""What is left of another format or of a broken writer: JSON, markup, entities, a word or a letter over and over.

Beside each pattern are characters of which it needs one, if there are any.
"""
