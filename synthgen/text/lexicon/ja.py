"""Japanese."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="ja",
    name="Japanese",
    scripts=(
        "Hiragana",
        "Katakana",
        "Han",
    ),
    tag="jpn-Jpan",
    free_letters=r"教えてください|ですか|でしょうか",
    telling_letters=r"ない|ません|いつ|どこ|なぜ|どう|いくら|いくつ|[不非無未否]|[一二三四五六七八九十百千万億両半]|[誰何幾]",
    scales={**dict.fromkeys(listed("万"), 10**4), **dict.fromkeys(listed("億"), 10**8)},
    references=(
        r"(?:この|本|上記の?|以下の|前述の)(?:文章|テキスト|文書|段落|資料|記事|文脈|一節)(?:によると|によれば|では|において|で述べ|に書かれ|の中で)",
        r"(?:本文|文中|文章|テキスト)(?:によると|によれば|中で|で(?:述べ|言及|説明))",
        r"(?:上記|前述)(?:で(?:述べ|言及|説明)|された)",
        r"(?:筆者|著者)(?:は|が|によると|によれば)(?:.{0,20})(?:述べ|主張|考え|言っ)",
    ),
    chatter=(
        r"^(?:以下は|こちらは|以下に).{0,30}(?:質問|クエリ|例)",
        r"^(?:もちろん|承知)(?:です|しました)?[、。!！]",
        r"^(?:質問|回答|答え)\s*+\d*+\s*+[:：]",
    ),
    generic_questions=(r"^(?:主な|中心的な|主要な)?(?:テーマ|話題|主題|内容|要点)は(?:何|なに)(?:です|でしょう)?か?[。？?]?$",),
    dangling=(r"^(?:彼|彼女|彼ら)(?:は|が|の|を)", r"^(?:それ|これ|あれ)(?:は|が)(?:何|いつ|なぜ|どこ|どう)"),
    generic_headings=listed(
        "概要|はじめに|例|使用例|設定|使い方|説明|注意|注意事項|参考|参考文献|付録|まとめ|手順|インストール|要件|背景",
        between="|",
    ),
    history_headings=r"変更履歴|更新履歴|リリースノート",
    greetings=r"こんにちは",
    ask_labels=listed("問 質問"),
    reply_labels=listed("答 回答"),
    yes_no_words=listed("はい いいえ なし 有 無"),
    abstention="これらの文書には、この質問の答えがありません。",
)
