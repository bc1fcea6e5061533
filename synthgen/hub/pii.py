"""A count of what looks like personal data, by simple rules; it finds no names, addresses or dates of birth.

What one rule takes is not looked at by the next, so a bank account is no telephone number. Digits of every script count as digits.
The checks are those of the numbers' own standards: ISO 13616 (IBAN, modulo 97) and ISO/IEC 7812 (cards, Luhn).
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import regex

__all__ = ["RULES", "scan"]


def _whole(found: str) -> Iterable[str]:
    return (found,)


def _fewer_groups(found: str) -> Iterable[str]:
    """The candidate, and what is left of it without the last groups, which may be the next words."""
    yield found
    while " " in found:
        found = found.rpartition(" ")[0]
        yield found


class Rule(NamedTuple):
    """What a kind of data looks like: a candidate, the check that it must pass, and both in words.

    `parts` gives what of a candidate may be the data, in the order to try.
    """

    pattern: regex.Pattern[str]
    check: Callable[[str], bool]
    meaning: str
    parts: Callable[[str], Iterable[str]] = _whole


_RESERVED = regex.compile(
    r"(?:^|[@.])(?:example\.(?:com|net|org)|(?:[\w-]+\.)?(?:example|invalid|test|localhost))$", regex.IGNORECASE
)
_UNICAST = ipaddress.ip_network("2000::/3")


def _mail(found: str) -> bool:
    return not _RESERVED.search(found)


def _iban(found: str) -> bool:
    compact = found.replace(" ", "")
    moved = compact[4:] + compact[:4]
    return 15 <= len(compact) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _card(found: str) -> bool:
    digits = [int(c) for c in found if c.isdigit()]
    doubled = [sum(divmod(2 * d, 10)) for d in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and 2 <= digits[0] <= 6 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _address(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return address.is_global and (address.version == 4 or address in _UNICAST)


def _phone(found: str) -> bool:
    return 8 <= sum(c.isdigit() for c in found) <= 15


RULES: Mapping[str, Rule] = {
    "e-mail address": Rule(
        regex.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}\p{L}{2,24}(?![\w-])"),
        _mail,
        "name@domain; the domains reserved for examples (RFC 2606) do not count",
    ),
    "bank account (IBAN)": Rule(
        regex.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"),
        _iban,
        "two letters, two digits and groups of four, together or with spaces, whose checksum is right",
        _fewer_groups,
    ),
    "payment card": Rule(
        regex.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d]|[.,]\d)"),
        _card,
        "13 to 19 digits that begin with 2 to 6 and whose Luhn checksum is right; one in ten of all long numbers has it by chance",
    ),
    "IP address": Rule(
        regex.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?![\w:]|\.\d)"),
        _address,
        "of version 4 or 6, if the public internet uses it; a version number of four parts looks the same",
    ),
    "telephone number": Rule(
        regex.compile(
            r"(?<![\w.,/:+-])(?:(?:\+|00)\d{1,3}(?:[ ./-]?(?:\(\d{1,5}\)|\d{1,14}+)){1,6}+|\(\d{2,5}\)[ -]?\d{3,4}(?:[ -]?\d{2,4}){1,2}"
            r"|\d{3}[ .-]\d{3}[ .-]\d{4})(?![\w-])"
        ),
        _phone,
        "8 to 15 digits that begin with + or 00, with an area code in brackets, or in groups of 3, 3 and 4; "
        "local forms without these are missed",
    ),
}


def scan(texts: Iterable[str]) -> dict[str, int]:
    """How often each kind of `RULES` occurs in all texts together."""
    counts: Counter[str] = Counter()
    for text in texts:
        for kind, rule in RULES.items():

            def taken(found: regex.Match[str], kind: str = kind, rule: Rule = rule) -> str:
                whole = next((part for part in rule.parts(found.group()) if rule.check(part)), "")
                counts[kind] += bool(whole)
                return " ; " + found.group()[len(whole) :] if whole else found.group()

            text = rule.pattern.sub(taken, text)
    return {kind: counts[kind] for kind in RULES}
