"""Card numbers made for tests (right range and check digit, of no account), and texts that hold them."""

from ccmm_plugin_access_control.card_ranges import passes_luhn

SPOKEN = "零一二三四五六七八九"
ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def card(head: str = "62220202001122334", length: int = 19) -> str:
    """A number that begins so, filled up with sevens, with its check digit."""
    body = head.ljust(length - 1, "7")[: length - 1]
    return next(body + digit for digit in "0123456789" if passes_luhn(body + digit))


def spoken(digits: str) -> str:
    """六二二二 ..."""
    return "".join(SPOKEN[int(digit)] for digit in digits)


def wide(digits: str) -> str:
    """６２２２ ..."""
    return "".join(chr(0xFF10 + int(digit)) for digit in digits)


def english(digits: str) -> str:
    """six two two two ..."""
    return " ".join(ENGLISH[int(digit)] for digit in digits)
