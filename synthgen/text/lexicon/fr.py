"""French."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="fr",
    name="French",
    scripts=("Latin",),
    tag="fra-Latn",
    stop_words=listed(
        "le la les un une des et est en de du dans que qui pour pas sur avec ce cette ces il elle nous vous ils elles ne",
        "se au aux par plus ou où mais sont être comme son sa ses leur quel quelle quand comment pourquoi",
    ),
    common_words=listed(
        "le la les un une des du de et est sont était étaient a ont pour avec dans sur par au aux ce cette ces se sa son",
        "ses en il elle pas ne fut été",
    ),
    question_words=listed("qui quoi quel quelle quels quelles quand où pourquoi comment combien lequel laquelle que"),
    joining_question_words=listed("que"),
    free_words=listed("le la les l un une des exactement précisément"),
    alike=(
        "quelles quel quelle quels",
        "sont est",
        "étaient était",
    ),
    negations=listed("ne n pas jamais sans aucun aucune sauf"),
    number_words=counted(
        "0 zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
        "20 vingt",
        "1 premier|première deuxième|second",
    ),
    quantity_words=listed("cent"),
    scales={
        **dict.fromkeys(listed("mille"), 10**3),
        **dict.fromkeys(listed("million millions"), 10**6),
        **dict.fromkeys(listed("milliards milliard"), 10**9),
    },
    name_joins=listed("et"),
    abbreviations=listed("dr prof Prof vs MM Mme Mmes Mlle Mlles Mgr Dr Pr St Ste p.ex cf av apr"),
    local_abbreviations=listed("env Me"),
    number_abbreviations=listed("n no art chap fig p pp vol"),
    last_abbreviations=listed("etc"),
    sentence_openers=listed(
        "le la les l un une des ce cet cette ces il elle ils elles nous vous on je dans en sur sous avec sans pour par",
        "après avant depuis pendant lorsque quand si mais et ou donc or car ainsi puis alors cependant toutefois selon",
    ),
    references=(
        r"\b(?:selon|d['’]après|d’apres) (?:le|ce|l['’]) ?(?:texte|passage|document|article|extrait|paragraphe|contexte)\b",
        r"\bdans (?:ce|le présent) (?:texte|passage|extrait|paragraphe|chapitre)\b",
        r"\b(?:mentionnée?s?|décrite?s?|citée?s?) (?:ci-dessus|plus haut|dans le texte)\b",
    ),
    chatter=(
        r"^voici .{0,40}\b(?:questions?|requêtes?|exemples?)\b",
        r"^(?:bien sûr|certainement)\s*[,!:]",
        r"^(?:question|réponse)\s*(?:\d+\s*)?:",
    ),
    double_questions=(r"^(?:\S+ ){3}.* et (?:quand|où|pourquoi|comment|qui|combien) (?:est|sont|a|ont|était|peut|fut)\b",),
    generic_questions=(
        r"^(?:quel(?:le)?s? (?:est|sont)|qu['’]est-ce que) (?:le|la|les|l['’]) ?(?:sujet|thème|idée|message|point)s?(?: (?:principal|principale|principaux|central|centrale|clés?))?(?: (?:de ce|du|dans ce|dans le|de l['’]|de cet) ?(?:texte|document|passage|article|extrait))?\W*$",
        r"^(?:de quoi (?:s['’]agit-il|parle-t-on|est-il question)|qu['’]est-ce qui est (?:décrit|expliqué|abordé))\W*$",
    ),
    dangling=(
        r"^(?:quand|où|pourquoi|comment|qu['’]) ?(?:a|est|était|ont|sont|avait|fit|fut|va)-(?:t-)?(?:il|elle|ils|elles)\b",
        r"\b(?:après|avant|pendant|malgré|à cause de) (?:cela|ceci|ça)\W*$",
    ),
    generic_headings=listed(
        "introduction|exemples|exemple|description|installation|configuration|utilisation|options|paramètres|remarques|voir aussi|références|historique|annexe|résumé|aperçu|conclusion|prérequis|dépannage",
        between="|",
    ),
    history_headings=r"notes de version|nouveautés|journal des modifications",
    lead_ins=(
        r"^(?:(?:bien sûr|certainement|avec plaisir|d['’]accord)\s*[,!.:]+\s*)+",
        r"^(?:voici (?:la|une|ma) (?:\w+ )?réponse\b[^:\n]{0,40}:\s*|(?:la )?réponse\s*(?:est\s*)?:\s*)",
        r"^(?:(?:selon|d['’]après) (?:le|ce|l['’]) ?(?:texte|passage|document|article|extrait|paragraphe|contexte)\s*[,:]\s*)",
    ),
    non_answers=(
        r"\ben tant qu['’](?:IA|intelligence artificielle|assistant|modèle)\b",
        r"^(?:(?:je suis )?désolée?\b|je ne (?:sais|peux) pas\b|malheureusement,? (?:je|le|il)\b|(?:aucune|pas d['’]) ?(?:information|réponse|idée)\b|inconnue?\W*$|non (?:précisée?|mentionnée?|spécifiée?|applicable|disponible)\W*$)",
        r"^(?:le|ce|l['’]) ?(?:texte|passage|document|article|extrait|paragraphe|contexte) ne (?:le |la )?(?:mentionne|précise|dit|contient|répond|donne|fournit|indique)\b",
        r"^(?:ce|cela|il|ceci) n['’]est pas (?:mentionnée?|précisée?|indiquée?|spécifiée?)\b",
        r"^voir (?:ci-dessus|plus haut|ci-dessous|le texte)\W*$",
    ),
    greetings=r"bonjour|bonsoir|salut",
    ask_labels=listed("Question Q"),
    reply_labels=listed("Réponse R"),
    yes_no_words=listed("oui non aucun aucune"),
    abstention="Les documents ne répondent pas à cette question.",
)
