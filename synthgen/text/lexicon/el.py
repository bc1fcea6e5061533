"""Greek."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="el",
    name="Greek",
    scripts=("Greek",),
    tag="ell-Grek",
    stop_words=listed("και το η ο της του των στο στη στην με για από είναι που την τα οι σε δεν θα να"),
    question_words=listed("ποιος ποια ποιο ποιοι ποιον τι πότε πού γιατί πώς πόσο πόσα πόσοι πόσες"),
    negations=listed("δεν μην όχι ποτέ χωρίς κανένας καμία κανένα"),
    number_words=counted(
        "0 μηδέν ένα|ένας|μία δύο|δυο τρία|τρεις τέσσερα|τέσσερις πέντε έξι επτά|εφτά οκτώ|οχτώ εννέα|εννιά δέκα έντεκα δώδεκα",
        "20 είκοσι",
        "1 πρώτος|πρώτη|πρώτο δεύτερος|δεύτερη|δεύτερο τρίτος|τρίτη|τρίτο",
    ),
    scales={
        **dict.fromkeys(listed("χιλιάδες"), 10**3),
        **dict.fromkeys(listed("εκατομμύριο εκατομμύρια"), 10**6),
        **dict.fromkeys(listed("δισεκατομμύριο δισεκατομμύρια"), 10**9),
    },
    abbreviations=listed("κ κα κκ Δρ π.χ δηλ βλ πρβλ λ.χ"),
    number_abbreviations=listed("αρ σελ άρθρ εικ κεφ"),
    last_abbreviations=listed("κ.λπ κλπ κ.ά π.Χ μ.Χ π.μ μ.μ"),
    references=(
        r"\b(?:σύμφωνα με|βάσει|με βάση) (?:το|του|αυτό το|το παραπάνω) (?:κείμενο|κειμένου|απόσπασμα|αποσπάσματος)\b",
        r"\bσε αυτό το (?:κείμενο|απόσπασμα)\b",
    ),
    chatter=(r"^(?:ερώτηση|απάντηση)\s*(?:\d+\s*)?:",),
    abstention="Τα έγγραφα δεν απαντούν σε αυτή την ερώτηση.",
)
