"""Which numbers an issuer may have given to a card: range, length, check digit. Pure."""

from datetime import date
from functools import cache

LEAST, MOST = 13, 19
_LONG = range(16, 20)
# Issuers' ranges (ISO/IEC 7812), as first and last prefix, and the lengths that they give.
_RANGES: tuple[tuple[str, str, range | tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("3528", "3589", _LONG),  # JCB
    ("300", "305", range(14, 20)),  # Diners
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("60", "60", _LONG),  # Discover, RuPay, banks of China
    ("644", "659", _LONG),
    ("62", "62", _LONG),  # UnionPay
    ("81", "82", _LONG),
    ("9558", "9558", (19,)),
    ("2200", "2204", _LONG),  # Mir
    ("5018", "5018", range(13, 20)),  # Maestro
    ("5020", "5038", range(13, 20)),
    ("5893", "5893", range(13, 20)),
    ("6304", "6304", range(13, 20)),
    ("6759", "6763", range(13, 20)),
)
_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice the digit, its digits added
FIRST_DIGITS = frozenset(low[0] for low, _, _ in _RANGES)
TESTS = frozenset(  # numbers that payment services publish for tests: no account has them
    (
        *("4111111111111111", "4242424242424242", "4012888888881881", "4222222222222"),
        *("4000056655665556", "5555555555554444", "5105105105105100", "5200828282828210"),
        *("2223003122003222", "2223000048400011", "378282246310005", "371449635398431"),
        *("378734493671000", "6011111111111117", "6011000990139424", "6011981111111113"),
        *("30569309025904", "38520000023237", "36227206271667", "3056930009020004"),
        *("3530111333300000", "3566002020360505", "6200000000000005", "6200000000000047"),
        *("6205500000000000004", "6250941006528599"),
    )
)


def is_card(digits: str) -> bool:
    """A length and prefix that an issuer gives, a right check digit, and no resident identity number."""
    return (
        len(digits) in _lengths(digits[:4])
        and passes_luhn(digits)
        and not _is_resident(digits)
        and len(set(digits)) > 1
    )


@cache
def _lengths(prefix: str) -> frozenset[int]:
    """Of numbers that begin with these four digits."""
    return frozenset(
        length for low, high, lengths in _RANGES if low <= prefix[: len(low)] <= high for length in lengths
    )


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    return (sum(map(int, digits[::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


def _is_resident(digits: str) -> bool:
    """An identity number of the People's Republic (GB 11643): region, day of birth, check digit."""
    if len(digits) != 18 or not "11" <= digits[:2] <= "82":
        return False
    try:
        born = date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    weights = (pow(2, 17 - place, 11) for place in range(17))
    rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % 11
    return born.year >= 1900 and digits[17] == "10X98765432"[rest]
