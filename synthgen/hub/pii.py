"""A count of what looks like personal data, by simple rules; it finds no names, addresses or dates of birth.

A rule finds candidates, and a library says which of them are valid: `phonenumbers` (numbering plans), `python-stdnum` (structure and
checksum of bank accounts and identity numbers, Luhn), `ipaddress`. What one rule takes is not looked at by the next, so a bank account
is not a telephone number. Digits of every script, full-width characters and all kinds of dashes and spaces count as their ASCII
counterparts.

A national telephone number looks like many other numbers. With the word for a telephone in front it is one if any numbering plan
has it; without, only if it has its trunk prefix and is grouped as its country writes it.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import NamedTuple

import regex

__all__ = ["RULES", "scan"]


Found = regex.Match[str]


def _whole(found: str) -> Iterable[str]:
    return (found,)


def _fewer_groups(found: str) -> Iterable[str]:
    """The candidate, and what is left of it without the last groups, which may be the next words."""
    yield found
    while separators := list(_SEPARATOR.finditer(found)):
        found = found[: separators[-1].start()]
        yield found


class Form(NamedTuple):
    """How data is written: a candidate, and the check that it must pass. `parts` gives what of a candidate may be the
    data, in the order to try.
    """

    pattern: regex.Pattern[str]
    check: Callable[[str], bool]
    parts: Callable[[str], Iterable[str]] = _whole


class Rule(NamedTuple):
    """A kind of data: its forms, of which the first takes a candidate, and both in words."""

    forms: tuple[Form, ...]
    meaning: str


_SEPARATOR = regex.compile(r"[ -]")
_KIN = regex.compile(r"[\p{Nd}\p{Zs}\p{Pd}\u2212\uff01-\uff5e]")
_INVISIBLE = regex.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_LEAST_DIGITS, _MOST_DIGITS = 9, 12  # of a national number without a word for it; with one, a digit less is enough
_RESERVED = regex.compile(
    r"(?:^|[@.])(?:example\.(?:com|net|org)|(?:[\w-]+\.)?(?:example|invalid|test|localhost))$", regex.IGNORECASE
)
_UNICAST = ipaddress.ip_network("2000::/3")
_DOTTED = r"\d{1,3}(?:\.\d{1,3}){3}"
_LEAST_ADDRESS = 30  # whose first three numbers are all smaller is a version number, unless the text says otherwise
# Lengths and first digits of Visa, Mastercard, American Express, Diners Club, Discover, JCB and UnionPay (ISO/IEC 7812).
_BRANDS = regex.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
# Module of stdnum -> the form in which people write the number; each has a checksum, a date or a range.
_IDENTITY = {
    "us.ssn": r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
    "cn.ric": r"[0-9]{17}[0-9X]",
    "fr.nir": r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
    "it.codicefiscale": r"[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]",
    "es.dni": r"[0-9]{8}[A-Z]",
    "es.nie": r"[XYZ][0-9]{7}[A-Z]",
    "br.cpf": r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
    "fi.hetu": r"[0-9]{6}[-+A][0-9]{3}[0-9A-Z]",
    "se.personnummer": r"[0-9]{6}[-+][0-9]{4}",
}
_WITH_TRUNK_PREFIX = ("GB", "DE", "FR", "IT", "AT", "CH", "NL", "BE", "SE", "JP", "CN", "KR", "IN", "AU", "NZ", "ZA", "TR")
_OTHERS = (
    "US",
    "BR",
    "ES",
    "PT",
    "PL",
    "RU",
    "UA",
    "MX",
    "DK",
    "NO",
    "CZ",
    "GR",
    "IL",
    "EG",
    "SA",
    "AE",
    "IR",
    "TH",
    "VN",
    "ID",
)
_LABELLED_IN = _WITH_TRUNK_PREFIX + _OTHERS
_LABEL = (
    r"(?:\b(?:tel(?:e(?:ph?one?|fono?|foon)?|éfono|efone)?|phone|ph|fon|fax|telefax|hotline|helpline|handy|sms|callto|whatsapp|celular|móvil|"
    r"rufnummer|телефону?|тел|факс|моб|هاتف|تلفن|جوال)\b|电话|電話|手机|手機|传真|전화|휴대폰|携帯|फ़ोन|फोन|दूरभाष|โทร|[☎☏✆📞📱])"
)
_WEAK_LABEL = r"\b(?:mobile|mobil|cell|cellular|call|dial|portable|appele[zr]|anrufen|contact|kontakt|llamar?|chiama(?:re)?)\b"
_DATE = r"(?:(?:19|20)\d\d[ ./-]\d{1,2}[ ./-]\d{1,2}(?!\d)|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d(?!\d)|\d{1,2}[./-]\d{1,2}[ ./-]\d\d(?!\d|[./-]\d))"
_BETWEEN = r"[^\w(+]{0,3}(?:[^\W\d_]{1,12}[^\w(+]{1,3})?"
_NUMBER = r"(?:\+|\(\+?)?\d(?:[ ./()-]{0,3}\d){6,14}+(?![\w-]|[.,]\d)"
_NOT_A_PHONE = (
    r"(?:isbn|issn|ean|upc|doi|pmid|arxiv|rfc|iso|imei|order|invoice|ticket|parcel|item|serial|version|id|no|nr|number|sku|rechnung|"
    r"bestellung|artikel)"
)
_BY_AREA_CODE: Mapping[int, tuple[str, ...]] = {0: ("US",), 3: ("US",), 2: ("BR",)}  # its length in brackets, 0 without them


def _mail(found: str) -> bool:
    return not _RESERVED.search(found)


def _iban(found: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(found))


def _card(found: str) -> bool:
    from stdnum import luhn

    digits = _digits(found)
    return bool(_BRANDS.fullmatch(digits) and luhn.is_valid(digits))


def _digits(found: str) -> str:
    return "".join(c for c in found if c.isdigit())


def _identity(found: str) -> bool:
    return any(_valid_by(kind, found) for kind, form in _IDENTITY.items() if regex.fullmatch(form, found))


def _valid_by(kind: str, found: str) -> bool:
    try:
        return bool(import_module(f"stdnum.{kind}").is_valid(found))
    except KeyError:  # stdnum.cn.ric, of a county that it does not know
        return False


def _address(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return address.is_global and (address.version == 4 or address in _UNICAST)


def _bare_address(found: str) -> bool:
    """Whether an address without a word for it, or a port, is one; most numbers of four parts are versions."""
    parts = found.split(".")
    equal = len(set(parts)) == 1  # such as 8.8.8.8
    return _address(found) and (equal or ":" in found or any(int(part) >= _LEAST_ADDRESS for part in parts[:3]))


def _phone(found: str) -> bool:
    """Whether a numbering plan has the number: that of its country code, or of a country where it is written so."""
    digits = _digits(found)
    if found.startswith("+") or digits.startswith("00"):
        return _in_plan("+" + digits.removeprefix("00"), None)
    area = found.partition(")")[0].partition("(")[2]
    countries = _WITH_TRUNK_PREFIX if digits.startswith("0") else _BY_AREA_CODE.get(len(area), ())
    return any(_in_plan(digits, country) for country in countries)


def _labelled_phone(found: str) -> bool:
    """Whether any plan has the number that the text calls one."""
    national = _LEAST_DIGITS - 1 <= len(_digits(found)) <= _MOST_DIGITS
    return _phone(found) or (national and any(_in_plan(_digits(found), country) for country in _LABELLED_IN))


def _grouped_phone(found: str) -> bool:
    """Whether the number has the groups of a country where it would be valid."""
    import phonenumbers

    if not _LEAST_DIGITS <= len(_digits(found)) <= _MOST_DIGITS:
        return False
    return any(
        match.raw_string == found
        for country in (_WITH_TRUNK_PREFIX if found.startswith("0") else _LABELLED_IN)
        for match in phonenumbers.PhoneNumberMatcher(found, country, leniency=phonenumbers.Leniency.STRICT_GROUPING)
    )


def _in_plan(number: str, country: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, country)))
    except phonenumbers.NumberParseException:
        return False


RULES: Mapping[str, Rule] = {
    "e-mail address": Rule(
        (Form(regex.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}\p{L}{2,24}(?![\w-])"), _mail),),
        "name@domain; the domains reserved for examples (RFC 2606) do not count",
    ),
    "bank account (IBAN)": Rule(
        (
            Form(
                regex.compile(
                    r"(?=[A-Za-z]{2}[ -]?[0-9]{2})(?:(?<![A-Za-z0-9])[A-Z]{2}[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"
                    r"|(?<![A-Za-z0-9-])[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,4})?(?![A-Za-z0-9-]))"
                ),
                _iban,
                _fewer_groups,
            ),
        ),
        "two letters, two digits and groups of four, together or with spaces or dashes, with the structure of its country and the right checksum",
    ),
    "identity number": Rule(
        (Form(regex.compile(rf"(?<![A-Za-z\d.,+-])(?:{'|'.join(_IDENTITY.values())})(?![A-Za-z\d-]|[.,]\d)"), _identity),),
        "of Brazil, China, Finland, France, Italy, Spain, Sweden or the United States, written as there, with the right checksum, date or range",
    ),
    "payment card": Rule(
        (Form(regex.compile(r"(?<![A-Za-z\d.,])\d(?:[ -]?\d){12,18}(?![A-Za-z\d]|[.,]\d)"), _card),),
        "the length and first digits of a card brand, and the right Luhn checksum; one in forty of all numbers of 16 digits has them by "
        "chance",
    ),
    "IP address": Rule(
        (
            Form(
                regex.compile(
                    r"(?=\d)(?:(?<=(?:://|@|\b(?:ip|ipv4|address|addr|host|server|dns|ping|client|peer|gateway|proxy|adresse|dirección|indirizzo|адрес)\W{1,4}|地址\W{0,3}))"
                    rf"{_DOTTED}(?!\w|\.\d)|(?<![A-Za-z\d_.:-]){_DOTTED}(?=:\d{{2,5}}(?![\w.:])))",
                    regex.IGNORECASE,
                ),
                _address,
            ),
            Form(
                regex.compile(
                    r"(?=[0-9a-fA-F:])(?<![A-Za-z\d_.:-]|[A-Za-z\d]/|[=<>~]=|\b(?:v|ver|version|versions|release|build|firmware|revision|driver|section|kapitel|chapter|§)[. :]{1,2})"
                    rf"(?:{_DOTTED}|(?:[0-9a-fA-F]{{0,4}}:){{2,7}}[0-9a-fA-F]{{0,4}})(?![A-Za-z\d_:]|[.-]\w)",
                ),
                _bare_address,
            ),
        ),
        "of version 4 or 6, if the public internet uses it; four numbers of which the first three are small are a version, unless the text "
        "says address, or a port follows",
    ),
    "telephone number": Rule(
        (
            Form(
                regex.compile(
                    rf"(?=[\d(+])(?<={_LABEL}{_BETWEEN})(?!{_DATE}){_NUMBER}",
                    regex.IGNORECASE,
                ),
                _labelled_phone,
                _fewer_groups,
            ),
            Form(
                regex.compile(rf"(?=[\d(+])(?<={_WEAK_LABEL}{_BETWEEN})(?!{_DATE}){_NUMBER}", regex.IGNORECASE),
                _grouped_phone,
                _fewer_groups,
            ),
            Form(
                regex.compile(
                    r"(?<![A-Za-z\d_.,/:+-])(?:(?:\+|(?<!\b[0-9a-fA-F]{2} )00(?! ?0) ?)\d{1,3}(?:[ ./-]?(?:\(\d{1,5}\)|\d{1,14}+)){1,6}+|\(\d{2,5}\)[ -]?\d{2,8}(?:[ -]\d{1,5}){0,3}"
                    r"|(?<!\d[ ,;])\d{3}([ .-])\d{3}\1\d{4}(?! ?[\d.]\d))(?![A-Za-z\d_-])"
                ),
                _phone,
                _fewer_groups,
            ),
            Form(
                regex.compile(
                    rf"(?=0)(?<![\w.,/:+#$€£-]|\b[0-9a-f]{{2}} [0-9a-f]{{2}} |[#$€£] |\b{_NOT_A_PHONE}[.:#]{{0,2}} {{0,2}})(?!{_DATE})0[1-9]\d{{0,4}}[ ./-]\d{{2,8}}(?:[ .-]\d{{2,5}}){{0,4}}(?![\w/-]|[.,:]\d)",
                    regex.IGNORECASE,
                ),
                _grouped_phone,
            ),
        ),
        "a number of its country's plan that begins with + or 00, has its area code in brackets or the form 212-736-5000, follows a word for "
        "a telephone, or has a trunk prefix and the groups of one of 17 countries",
    ),
}


def scan(texts: Iterable[str]) -> dict[str, int]:
    """How often each kind of `RULES` occurs in all texts together."""
    counts: Counter[str] = Counter()
    for text in texts:
        text = _unified(text)
        for kind, rule in RULES.items():
            for form in rule.forms:

                def taken(found: Found, kind: str = kind, form: Form = form) -> str:
                    whole = next((part for part in form.parts(found.group()) if form.check(part)), "")
                    counts[kind] += bool(whole)
                    return " ; " + found.group()[len(whole) :] if whole else found.group()

                text = form.pattern.sub(taken, text)
    return {kind: counts[kind] for kind in RULES}


def _unified(text: str) -> str:
    """Return the text with ASCII digits, letters, dashes and spaces in place of their kin. Invisible characters are left out."""
    if text.isascii():
        return text
    return _KIN.sub(lambda found: _ascii(found[0]), _INVISIBLE.sub("", text))


@cache
def _ascii(c: str) -> str:
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    if "\uff01" <= c <= "\uff5e":
        return chr(ord(c) - 0xFEE0)
    return " " if c.isspace() else "-"
