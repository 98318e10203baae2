"""Payment card numbers in running text, typed or spoken: 13 to 19 digits, an issuer's range, Luhn. Pure.

    Numbers().count(lowered("卡号是六二二二 零二零二，嗯，零零一一 二二三三 四四六"))

Digits of every script count, Chinese and English number words too; blanks, marks and short words of speech may stand
between them ("嗯", "uh", "客户："). Nothing here keeps a digit: what is given is how many.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ccmm_plugin_access_control.card_ranges import FIRST_DIGITS, LEAST, MOST, TESTS, is_card

_CHINESE = {"零": 0, "〇": 0, "○": 0, "幺": 1, "两": 2} | {
    numeral: value for row in ("一二三四五六七八九", "壹贰叁肆伍陆柒捌玖") for value, numeral in enumerate(row, start=1)
}
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_ENGLISH = {name: str(value) for value, name in enumerate(_NAMES)} | {"oh": "0"}


def _folding() -> dict[int, str]:
    """Every character that is one digit -> that digit."""
    signs = map(chr, range(0x20000))  # no decimal digit stands above
    decimal = {ord(sign): str(unicodedata.decimal(sign)) for sign in signs if sign.isdecimal()}
    return decimal | {ord(sign): str(value) for sign, value in _CHINESE.items()}


def _classes(codes: list[int]) -> str:
    """These characters as the inside of a class of a regular expression, ranges joined."""
    ranges: list[list[int]] = []
    for code in sorted(codes):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" if high > low else chr(low) for low, high in ranges)


FOLDING = _folding()
DIGIT = f"[{_classes(list(FOLDING))}]"
TURN = "\ue000"  # stands between two turns of a conversation that are read together; no text uses it
_SPEAKER = r"(?:客户|顾客|用户|坐席|座席|客服|主叫|被叫|agent|customer|caller)[ \t]*[0-9]?[ \t]*[:：]"
_FILLER = "嗯|呃|额|啊|哦|噢|对|是|好|的|然后|再|接着|空格|杠|uh|um|er|and|then|ok|yes"
_DASHES = "\\-\u2010-\u2015\u2212"
_MARK = rf"[\s{_DASHES}.,，、。·;；…~～\u200b{TURN}]"
_GAP = f"(?:{_MARK}|{_SPEAKER}|{_FILLER}){{1,16}}+"
_RUN = re.compile(f"{DIGIT}++(?:{_GAP}{DIGIT}++)*+")
_SPEAKERS = re.compile(_SPEAKER)
_SPEECH = re.compile(f"[{''.join(_CHINESE)}。…{TURN}]|{_SPEAKER}|{_FILLER}")
_ONLY_GAP = re.compile(f"(?:{_MARK}|{_SPEAKER}|{_FILLER})*")
_LAST_DIGIT = re.compile(f".*{DIGIT}", re.DOTALL)
_FIRST_DIGIT = re.compile(f"{DIGIT}.*", re.DOTALL)
_PLAIN = re.compile(r"[0-9\s\-.,;~]+")
_GROUP = re.compile("[0-9]+")
_WRITTEN_GAP = re.compile(rf"[\s{_DASHES},，、]{{1,3}}")
_WORDS = "|".join((*_ENGLISH, "double", "triple"))
_ENGLISH_RUN = re.compile(rf"(?:{_WORDS})(?:[\s,.\-]{{1,4}}(?:{_WORDS})){{2,}}+(?![a-z])")
_OTHER_NUMBER = re.compile(
    "订单|运单|单号|快递|流水|交易号|凭证|发票|设备号|序列号|合同|保单|工单|imei|order|track|invoice|serial|policy|ticket"
)
_CARD_WORD = re.compile(r"卡|card|\bpan\b|账号|帐号|account")
_BEFORE = 16  # characters before a number in which a word says what it is


@dataclass(frozen=True, slots=True)
class Counted:
    """How many numbers: of cards; published for tests; of the allow list; and after a word for another number."""

    cards: int = 0
    tests: int = 0
    allowed: int = 0
    aside: int = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """Counts card numbers. `allowed` holds the SHA-256 of numbers that were looked at and are none."""

    allowed: frozenset[bytes] = frozenset()

    def count(self, text: str) -> Counted:
        """The numbers of a text that `lowered` gave."""
        cards = tests = allowed = aside = 0
        for number, before in _candidates(text):
            if number in TESTS:
                tests += 1
            elif self.allowed and hashlib.sha256(number.encode()).digest() in self.allowed:
                allowed += 1
            elif _OTHER_NUMBER.search(before) and not _CARD_WORD.search(before):
                aside += 1
            else:
                cards += 1
        return Counted(cards, tests, allowed, aside)


def fold(text: str) -> str:
    """Every digit of every script, and Chinese numerals, as 0 to 9; the length stays."""
    return text.translate(FOLDING)


def lowered(text: str) -> str:
    """In small letters, with three and more English number words as digits: "four double one" becomes "4 1 1"."""
    low = text.lower()
    return _ENGLISH_RUN.sub(_digits_of, low)


def is_gap(left: str, right: str) -> bool:
    """May one number go on from one text to the next? Both as `lowered` gave them."""
    return _ONLY_GAP.fullmatch(_LAST_DIGIT.sub("", left) + _FIRST_DIGIT.sub("", right)) is not None


def _candidates(text: str) -> Iterator[tuple[str, str]]:
    """Numbers that may be of cards, each with what stands before it; groups of digits are not cut."""
    for run in _RUN.finditer(text):
        if run.end() - run.start() < LEAST:
            continue
        plain = _PLAIN.fullmatch(run[0]) is not None  # most are: this is for speed alone
        folded = run[0] if plain else fold(_SPEAKERS.sub(lambda label: " " * len(label[0]), run[0]))
        spoken = not plain and _SPEECH.search(run[0]) is not None
        groups = list(_GROUP.finditer(folded))
        goes_on = [True] * len(groups) if spoken else [False, *map(_is_written_gap, groups, groups[1:])]
        at = 0
        while at < len(groups):
            number, behind = _longest(groups, at, goes_on, spoken=spoken)
            if number:
                start = run.start() + groups[at].start()
                yield number, text[max(0, start - _BEFORE) : start]
            at = behind


def _longest(groups: list[re.Match[str]], first: int, goes_on: list[bool], *, spoken: bool) -> tuple[str, int]:
    """The longest card number of whole groups from `first` on, and the group behind it; "" and the next one.

    `goes_on`: may a number go on from the group before to this one?
    """
    sizes: list[int] = []
    digits, found = "", ("", first + 1)
    if groups[first][0][0] not in FIRST_DIGITS:
        return found
    for at in range(first, len(groups)):
        if sizes and not (goes_on[at] and (spoken or sizes[-1] in (1, 4, 6))):
            break
        group = groups[at][0]
        digits += group
        sizes.append(len(group))
        if len(digits) > MOST:
            break
        if len(digits) >= LEAST and is_card(digits) and (spoken or _is_grouped(sizes)):
            found = (digits, at + 1)
    return found


def _is_written_gap(left: re.Match[str], right: re.Match[str]) -> bool:
    return _WRITTEN_GAP.fullmatch(left.string, left.end(), right.start()) is not None


def _is_grouped(sizes: list[int]) -> bool:
    """As people and cards write a number: in one, in fours, 4-6-5, 4-6-4, six first, or digit by digit."""
    return (
        len(sizes) == 1
        or (set(sizes[:-1]) == {4} and sizes[-1] <= 4)
        or sizes in ([4, 6, 5], [4, 6, 4])
        or (sizes[0] == 6 and len(sizes) == 2)
        or set(sizes) == {1}
    )


def _digits_of(words: re.Match[str]) -> str:
    found, times = [], 1
    for word in re.findall("[a-z]+", words[0]):
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
        else:
            found += [_ENGLISH[word]] * times
            times = 1
    return " ".join(found) + " "
