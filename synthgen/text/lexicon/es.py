"""Spanish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="es",
    name="Spanish",
    scripts=("Latin",),
    tag="spa-Latn",
    stop_words=listed(
        "el la los las un una unos unas y es en de del que por con para no se su sus al lo como más pero o este esta",
        "estos estas fue son ser qué quién cuándo dónde cómo cuál cuántos sobre entre hasta desde",
    ),
    common_words=listed(
        "el la los las un una unos unas de del y es son fue fueron era eran ha han para con por en al se su sus no está",
        "están hay que",
    ),
    question_words=listed("qué quién quiénes cuál cuáles cuándo dónde adónde cómo cuánto cuánta cuántos cuántas"),
    free_words=listed("el la los las un una unos unas exactamente precisamente"),
    alike=(
        "cuáles cuál",
        "quiénes quién",
        "son es",
        "fueron fue",
        "cuántos cuánto cuánta cuántas",
    ),
    negations=listed("no nunca sin ningún ninguna ninguno excepto"),
    number_words=counted(
        "0 cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho",
        "19 diecinueve veinte",
        "1 primero|primer|primera segundo|segunda tercero|tercer cuarto quinto sexto séptimo octavo noveno décimo",
    ),
    quantity_words=listed("cien"),
    scales={**dict.fromkeys(listed("mil"), 10**3), **dict.fromkeys(listed("millones millón"), 10**6)},
    name_joins=listed("y"),
    abbreviations=listed(
        "sr sra dr dra prof ing vs Sr Sra Sres Sras Srta D Dª Dña Dr Dra Drs Prof Profa Ing Lic Arq Gral Cap Cnel Excmo Excma Ilmo Sto Sta p.ej Av",
        "Avda aprox Ud Uds Vd Vds Fr",
    ),
    number_abbreviations=listed("núm núms n art arts cap fig pág págs p pp vol"),
    name_abbreviations=listed("EE.UU S.A Cía"),
    last_abbreviations=listed("etc a.C d.C a.m p.m"),
    sentence_openers=listed(
        "el la los las lo un una unos unas este esta estos estas ese esa esos esas él ella ellos ellas yo nosotros se su",
        "sus en con sin por para desde hasta entre sobre tras durante según cuando donde como si pero y o aunque porque",
        "además luego después antes entonces así también no más hay era fue",
    ),
    references=(
        r"\b(?:según|de acuerdo con|conforme a) (?:el|este|la|esta) (?:texto|pasaje|documento|artículo|fragmento|párrafo|sección|contexto)\b",
        r"\ben (?:este|el presente) (?:texto|pasaje|fragmento|párrafo)\b",
        r"\b(?:mencionad|descrit|citad)[oa]s? (?:anteriormente|arriba|más arriba|en el texto)\b",
        r"\bcomo se (?:menciona|indica|describe|explica|afirma|señala) en (?:el|este) (?:texto|pasaje|documento|artículo|fragmento|párrafo)\b",
        r"\b(?:con base en|basándose en|basado en|a partir de) (?:el|este) (?:texto|pasaje|fragmento|párrafo)\b",
        r"\b(?:en|de) el (?:texto|pasaje|fragmento|párrafo) (?:dado|anterior|proporcionado|siguiente)\b|\bdel (?:texto|pasaje|fragmento|párrafo) (?:dado|anterior)\b",
    ),
    chatter=(
        r"^(?:aquí (?:están?|tienes)|estas son) .{0,40}\b(?:preguntas?|consultas?|ejemplos?)\b",
        r"^¡?(?:claro|por supuesto)\s*[,!:]",
        r"^[¿]?(?:pregunta|respuesta)\s*(?:\d+\s*)?:",
    ),
    double_questions=(r"^(?:\S+ ){3}.* y ¿?(?:quién|cuándo|dónde|por qué|cómo|cuál) (?:es|son|fue|era|ha|han|puede|se)\b",),
    generic_questions=(
        r"^¿?(?:cuál|cuáles) (?:es|son) (?:el|la|los|las) (?:tema|idea|mensaje|punto|asunto)s?(?: (?:principal|principales|central|centrales|clave))?(?: (?:de este|del|en este|en el) (?:texto|documento|pasaje|artículo|fragmento))?\W*$",
        r"^¿?(?:de qué (?:trata|se trata|se habla)|qué se (?:describe|discute|explica|menciona))\W*$",
    ),
    dangling=(r"\b(?:después de|antes de|durante|debido a|a causa de|a pesar de) (?:esto|eso|ello)\W*$",),
    generic_headings=listed(
        "introducción|ejemplos|ejemplo|descripción|instalación|configuración|uso|opciones|parámetros|notas|véase también|referencias|historia|anexo|resumen|conclusión|requisitos",
        between="|",
    ),
    history_headings=r"notas de la versión|novedades|registro de cambios",
    lead_ins=(
        r"^(?:(?:claro(?: que sí)?|por supuesto|desde luego|con gusto)\s*[,!.:]+\s*)+",
        r"^(?:(?:aquí está|esta es) la (?:\w+ )?respuesta\b[^:\n]{0,40}:\s*|(?:la )?respuesta\s*(?:es\s*)?:\s*)",
        r"^(?:(?:según|de acuerdo con) (?:el|este) (?:texto|pasaje|documento|artículo|fragmento|párrafo|contexto)\s*[,:]\s*)",
    ),
    non_answers=(
        r"\bcomo (?:una? )?(?:IA|inteligencia artificial|modelo de lenguaje|asistente)\b",
        r"^(?:lo siento\b|no (?:lo )?sé\W*$|no puedo (?:responder|ayudar|determinar)\b|(?:ninguna|sin) (?:información|respuesta|datos)\b|desconocid[oa]\W*$|no (?:se )?(?:menciona|especifica|indica|aplica|disponible|especificad[oa]|mencionad[oa])\b(?: (?:en|por)\b.{0,60})?\W*$)",
        r"^(?:el|este) (?:texto|pasaje|documento|artículo|fragmento|párrafo|contexto) no (?:lo )?(?:menciona|especifica|dice|contiene|responde|indica|proporciona|da)\b",
        r"^(?:ver|véase) (?:arriba|abajo|más arriba|el texto)\W*$",
    ),
    greetings=r"hola|buen[oa]s (?:d[ií]as|tardes|noches)",
    ask_labels=listed("Pregunta P"),
    reply_labels=listed("Respuesta R"),
    yes_no_words=listed("sí no ninguno ninguna"),
    abstention="Los documentos no responden a esta pregunta.",
)
