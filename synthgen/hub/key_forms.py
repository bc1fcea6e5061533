"""What keys look like: a text that a user wrote into a setting is published without them.

The names of settings decide first (`public_settings`); this is for a key in a text that is published, such as a
system message or the name of a model.
"""

from __future__ import annotations

import regex

__all__ = ["MASK", "without_keys"]

MASK = "***"

_FORMS = regex.compile(
    "(?<![A-Za-z0-9])(?:"
    + "|".join(
        (
            r"sk[-_](?:(?=[\w-]{0,99}\d)[\w-]{8,}+|[\w-]{20,}+)|[spr]k_(?:live|test)_\w{8,}+",  # OpenAI and many others, Stripe
            r"(?:hf|api_org|gsk|r8|fw|nvapi|pplx|csk|tgp_v1|npm|dop_v1|lsv2_[ps]t|jina|voyage|xai|tvly)[-_]"
            r"(?:[A-Za-z0-9]{20,}+|(?=(?:[^\W\d]|-){0,40}+\d(?:[^\W\d]|-){0,40}+\d)[\w-]{12,}+)",
            r"gh[opsur]_\w{12,}+|github_pat_\w{12,}+|gl[a-z]{2,5}-[\w-]{12,}+|xox[abeoprs]-[\w-]{8,}+|pypi-[\w-]{16,}+",
            r"A(?:KI|SI|RO|ID|BI|CC|GP|IP|NP|NV)A[A-Z0-9]{12,}+|AIza[\w-]{16,}+|ya29\.[\w.-]{8,}+|AQ\.[\w-]{16,}+|GOCSPX-[\w-]{16,}+",
            r"SG\.[\w-]{8,}+\.[\w-]{8,}+|(?:AC|SK)[0-9a-f]{32}|\d{8,10}:[\w-]{30,}+",  # SendGrid, Twilio, Telegram
            r"eyJ[\w-]{4,}+\.[\w-]++(?:\.[\w-]*+)*+|eyJ[\w-]{20,}+",  # a JSON Web Token
            r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![A-Za-z0-9])",
            r"[A-Za-z0-9+/]{24,}+={1,2}",
            r"(?=[A-Z0-9]{0,80}+[a-z])(?=[a-z0-9]{0,80}+[A-Z])(?=(?:[A-Za-z]{0,80}+[0-9]){3})[A-Za-z0-9]{24,}+",
        )
    )
    + ")"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:(?!-----END).)*+(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?+",
    regex.DOTALL,
)
_DIGEST = regex.compile(r"(?<![A-Za-z0-9])[0-9a-fA-F]{32,}+(?![A-Za-z0-9])")
_LABELLED = (
    regex.compile(r"(?<=://)[^\s/@'\"]++(?=@)"),  # the user and the password of an address
    regex.compile(r"(?<=\b(?:[Bb]earer|BEARER)[ :]{1,2})(?=\S{0,99}\d|\S{20})[^\s\"',;]{6,}+"),
    regex.compile(r"(?<=\b(?:Basic|Token) {1,2})(?=\S{0,99}\d)[^\s\"',;]{8,}+"),
    regex.compile(
        r"(?<=(?<![A-Za-z])(?:(?:api|access|account|shared|private|secret|subscription)?[ _-]?key|token|secret|passw(?:or)?d|pwd|sig|"
        r"signature|auth|authorization|credentials?)[\"']?[ ]{0,2}[=:][ ]{0,2}[\"']?)(?=\S{0,99}\d|\S{20})[^\s\"',;&#]{6,}+",
        regex.IGNORECASE,
    ),
)


def without_keys(text: str, *, digests: bool = False) -> str:
    """Return the text with `***` in place of what looks like a key or the credentials of an address.

    Hexadecimal numbers of 32 digits or more are digests or keys, and stay where `digests` are expected.
    """
    for pattern in (_FORMS, *(() if digests else (_DIGEST,)), *_LABELLED):
        text = pattern.sub(MASK, text)
    return text
