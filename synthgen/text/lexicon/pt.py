"""Portuguese."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="pt",
    name="Portuguese",
    scripts=("Latin",),
    tag="por-Latn",
    stop_words=listed(
        "o a os as um uma e é em de do da dos das que por com para não se no na nos nas ao como mais mas ou este esta foi",
        "são ser seu sua quem quando onde porque qual",
    ),
    common_words=listed(
        "o os as um uma de do da dos das e é são foi foram era para com por no na nos nas ao se seu sua não há está"
    ),
    question_words=listed("quem qual quais quando onde porquê quanto quanta quantos quantas que porque como"),
    joining_question_words=listed("que como porque"),
    free_words=listed("o a os as um uma uns umas exatamente precisamente"),
    alike=(
        "quais qual",
        "são é",
        "foram foi",
        "quantos quanto quanta quantas",
    ),
    negations=listed("não nunca sem nenhum nenhuma exceto"),
    number_words=counted(
        "0 zero um|uma dois|duas três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezasseis dezassete dezoito",
        "19 dezanove vinte",
        "1 primeiro|primeira segundo|segunda",
    ),
    quantity_words=listed("cem"),
    scales={
        **dict.fromkeys(listed("mil"), 10**3),
        **dict.fromkeys(listed("milhões milhão"), 10**6),
        **dict.fromkeys(listed("bilhões"), 10**9),
    },
    abbreviations=listed(
        "sr sra dr dra prof profa eng vs Sr Sra Srs Sras Srta Dr Dra Drs Prof Profa Exmo Exma Ilmo Eng Arq Gen Cel Cap Av p.ex aprox V.Exa D"
    ),
    local_abbreviations=listed("ex"),
    number_abbreviations=listed("n núm art arts cap fig pág págs p pp vol"),
    name_abbreviations=listed("S.A Ltda Cia"),
    last_abbreviations=listed("etc a.C d.C"),
    sentence_openers=listed(
        "o a os as um uma este esta estes estas esse essa isso ele ela eles elas nós em no na nos nas com sem por para de",
        "desde até entre sobre após durante quando onde se mas e porém também depois antes então não",
    ),
    references=(
        r"\b(?:segundo|conforme|de acordo com|com base n?)(?: ?[oa]| este| esta| neste)? ?(?:texto|trecho|documento|artigo|parágrafo|passagem|contexto)\b",
        r"\b(?:neste|no presente) (?:texto|trecho|parágrafo)\b",
        r"\b(?:mencionad|descrit|citad)[oa]s? (?:acima|anteriormente|no texto)\b",
    ),
    chatter=(
        r"^(?:aqui est(?:á|ão)|eis) .{0,40}\b(?:perguntas?|consultas?|exemplos?)\b",
        r"^(?:claro|com certeza)\s*[,!:]",
        r"^(?:pergunta|resposta)\s*(?:\d+\s*)?:",
    ),
    double_questions=(r"^(?:\S+ ){3}.* e (?:quem|quando|onde|por que) (?:é|são|foi|era|tem|pode)\b",),
    generic_questions=(
        r"^(?:qual é|quais são) (?:o|a|os|as) (?:tema|ideia|assunto|mensagem|pontos?)s?(?: (?:principal|principais|central|centrais|chave))?(?: (?:deste|do|neste|no) (?:texto|documento|trecho|artigo|parágrafo))?\W*$",
        r"^(?:do que se trata|de que se trata|o que é (?:descrito|discutido))\W*$",
    ),
    dangling=(r"\b(?:depois|antes|por causa|apesar) (?:disso|disto|daquilo)\W*$",),
    generic_headings=listed(
        "introdução|exemplos|exemplo|descrição|instalação|configuração|uso|opções|parâmetros|notas|ver também|veja também|referências|história|anexo|apêndice|resumo|conclusão|requisitos",
        between="|",
    ),
    history_headings=r"notas da versão|novidades",
    lead_ins=(
        r"^(?:(?:claro|certamente|com certeza|com prazer|naturalmente)\s*[,!.:]+\s*)+",
        r"^(?:(?:aqui está|eis) a (?:\w+ )?resposta\b[^:\n]{0,40}:\s*|(?:a )?resposta\s*(?:é\s*)?:\s*)",
        r"^(?:(?:segundo|de acordo com|conforme) (?:o|este) (?:texto|trecho|documento|artigo|parágrafo|contexto)\s*[,:]\s*)",
    ),
    non_answers=(
        r"\bcomo (?:uma? )?(?:IA|inteligência artificial|modelo de linguagem|assistente)\b",
        r"^(?:(?:desculpe|lamento|sinto muito)\b|não (?:o )?sei\W*$|não posso (?:responder|ajudar|determinar)\b|(?:nenhuma|sem) (?:informação|resposta)\b|desconhecid[oa]\W*$|não (?:é |está )?(?:mencionad[oa]|especificad[oa]|indicad[oa]|disponível|aplicável|informad[oa])\b(?: (?:no|em)\b.{0,60})?\W*$)",
        r"^(?:o|este) (?:texto|trecho|documento|artigo|parágrafo|contexto) não (?:o )?(?:menciona|especifica|diz|contém|responde|indica|fornece)\b",
        r"^(?:ver|veja) (?:acima|abaixo|o texto)\W*$",
    ),
    greetings=r"ol[aá]|bom dia|boa (?:tarde|noite)",
    ask_labels=listed("Pergunta P"),
    reply_labels=listed("Resposta R"),
    yes_no_words=listed("sim não nenhum nenhuma"),
    abstention="Os documentos não respondem a esta pergunta.",
)
