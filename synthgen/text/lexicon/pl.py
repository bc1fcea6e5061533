"""Polish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="pl",
    name="Polish",
    scripts=("Latin",),
    tag="pol-Latn",
    stop_words=listed(
        "na się jest są była było były nie od przez ze oraz jako który która które ich jego jej też czy przy dla tego tym"
    ),
    common_words=listed("i w na z do się jest są był była było były nie to o dla od przez ze"),
    question_words=listed("kto co gdzie kiedy dlaczego jak jaki jaka jakie który która które ile czy"),
    free_words=listed("proszę dokładnie właściwie"),
    alike=(
        "jakie jaki jaka",
        "który która które",
        "było był była były",
        "jest są",
    ),
    negations=listed("nie bez nigdy żaden żadna żadne oprócz"),
    number_words=counted(
        "0 zero jeden|jedna|jedno dwa|dwie|dwóch trzy|trzech cztery|czterech pięć|pięciu sześć|sześciu siedem osiem dziewięć dziesięć",
        "11 jedenaście dwanaście trzynaście czternaście piętnaście szesnaście siedemnaście osiemnaście dziewiętnaście dwadzieścia",
        "1 pierwszy|pierwsza|pierwsze drugi|druga|drugie trzeci|trzecia czwarty|czwarta piąty|piąta szósty siódmy ósmy dziewiąty dziesiąty",
    ),
    scales={
        **dict.fromkeys(listed("tysiąc tysiące tysięcy tys"), 10**3),
        **dict.fromkeys(listed("milion miliony milionów mln"), 10**6),
        **dict.fromkeys(listed("miliard miliardy miliardów mld"), 10**9),
    },
    abbreviations=listed(
        "vs np tzn tzw m.in ul pw dr hab prof mgr inż ks św gen płk kpt mjr wyd zob woj gm pow tys mln mld p.o"
    ),
    local_abbreviations=listed("al im pl por ok ur zm wg os red"),
    number_abbreviations=listed("nr art ust pkt poz rys tab s str tel rozdz t"),
    last_abbreviations=listed("itd itp r w zł gr p.n.e n.e"),
    sentence_openers=listed(
        "w we na z ze do od po przy dla za przez o u nad pod przed między on ona ono oni my wy ja to ten ta te jego jej",
        "ich i a ale lub oraz jeśli gdy gdzie jak co kto czy że więc dlatego także potem nie jest był była",
    ),
    references=(
        r"\b(?:według|zgodnie z|na podstawie) (?:tego |powyższego |tym |powyższym )?(?:tekst|fragment|dokument|artykuł|akapit)\w*\b",
        r"\bw (?:tym|powyższym) (?:tekście|fragmencie|akapicie)\b",
    ),
    chatter=(
        r"^oto .{0,40}\b(?:pyta|zapyta|przykład)\w*",
        r"^(?:oczywiście|jasne)\s*[,!:]",
        r"^(?:pytanie|odpowiedź)\s*(?:\d+\s*)?:",
    ),
    double_questions=(r"^(?:\S+ ){3}.* i (?:kto|kiedy|gdzie|dlaczego) (?:jest|był|była|było|ma|może)\b",),
    generic_questions=(
        r"^(?:jaki|jaka|co) jest (?:głów\w+ )?(?:temat|tematem|myśl|myślą|przesłanie|przesłaniem)\W*$",
        r"^o czym (?:jest mowa|mowa|jest tekst)\W*$",
    ),
    dangling=(r"\b(?:po|przed|podczas|z powodu|pomimo) (?:tym|tego|tego wydarzenia)\W*$",),
    generic_headings=listed(
        "wstęp|wprowadzenie|przykłady|przykład|opis|instalacja|konfiguracja|użycie|opcje|parametry|uwagi|zobacz też|przypisy|historia|załącznik|podsumowanie|wymagania",
        between="|",
    ),
    history_headings=r"lista zmian|co nowego",
    greetings=r"cześć|dzień dobry",
    ask_labels=listed("Pytanie"),
    reply_labels=listed("Odpowiedź"),
    yes_no_words=listed("tak nie brak"),
    abstention="Dokumenty nie odpowiadają na to pytanie.",
)
