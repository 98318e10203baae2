"""Card security codes (CVV, CVC, 安全码 ...) in running text: three or four digits near a word for them. Pure.

    count_codes("请问安全码是多少\\n三八五")

A word that says so by itself is enough. "后三位", the last three, may be of anything: it counts where a card is
spoken of near it. Digits of a telephone, an amount, a date or a seat are none.
"""

import re
from collections.abc import Iterator

from ccmm_plugin_access_control.card_numbers import fold

AHEAD = 48  # characters behind the word in which its code is looked for
BEHIND = 24  # and before it: "三八五是安全码"
_NEAR = 80  # a card that is spoken of so near makes "后三位" its code
_STRONG = (
    "c(?:vv2?|vc2?|vn2?|av2|\\.v\\.v|ard (?:verification|security|code))|security code"
    "|verification (?:value|code on the back)|安全码|安全代码|校验码|校验值|卡验证[码值]"
)
_WEAK = "(?:[末后]|最后|背面|背后)[三3][位码]|last (?:three|3)|(?:three|3) digits on the back"
_WORD = re.compile(f"(?P<strong>{_STRONG})|(?P<weak>{_WEAK})")
_BETWEEN = r"[ \t\-,，、.。\n]{0,3}(?:[嗯呃啊])?[ ,，]{0,2}"
_RUN = re.compile(rf"[0-9](?:{_BETWEEN}[0-9])*+")
_IN_NUMBER = re.compile(r"[0-9][.:/]$|[A-Za-z]$")
_GROUP = re.compile("[0-9]+")
_LENGTHS = (3, 4)
_LONG = 8  # digits of a number that is written in one
_LETTER = re.compile("[a-z0-9]")
_NUMBER_GOES_ON = re.compile(r"[:/][0-9]")
_OTHER_BEFORE = re.compile(
    r"(?:尾号|后四位|手机|电话|工号|分机|订单|有效期|金额|房间|邮编|验证码短信|[元¥$￥]|ext|room|page)[^0-9\n]{0,6}$"
)
_UNIT_BEHIND = re.compile(r"\s*(?:元|块|点|分钟|小时|秒|月|日|号|年|天|位|个|次|%|yuan|minutes)")
_SAID_BEFORE = re.compile(
    r"[0-9]\s*[,，]?\s*(?:就?是|为|这个|is|that is)\s*(?:我的|您的|你的|卡的|它的|my|the|your)?\s*$"
)
_CARD = re.compile(r"卡|card|信用|背面|签名|有效期|expir|安全码|cvv|cvc")


def is_code_word(name: str) -> bool:
    """Does the name of a column or key say that codes stand there?"""
    word = _WORD.search(name.lower())
    return word is not None and word["strong"] is not None


def has_code_word(text: str) -> bool:
    """Does a word for a code stand in a text that `lowered` gave?"""
    return _WORD.search(text) is not None


def count_codes(text: str) -> int:
    """How many codes stand beside a word for them, in a text that `lowered` gave; each word has one at most."""
    words = list(_WORD.finditer(text))
    behinds = [0, *(word.end() for word in words)]
    aheads = [*(word.start() for word in words[1:]), len(text)]
    return sum(
        1
        for word, behind, ahead in zip(words, behinds, aheads, strict=False)
        if _is_of_card(word, text) and (_follows(text, word.end(), ahead) or _precedes(text, behind, word.start()))
    )


def _is_of_card(word: re.Match[str], text: str) -> bool:
    if word[0].isascii() and _LETTER.search(
        text[max(0, word.start() - 1) : word.start()] + text[word.end() : word.end() + 1]
    ):
        return False  # a part of another word
    if word["strong"]:
        return True
    return bool(_CARD.search(text, max(0, word.start() - _NEAR), word.end() + _NEAR))


def _follows(text: str, begin: int, end: int) -> bool:
    """The digits that stand next, up to the next word, are a code."""
    span = fold(text[begin : min(end, begin + AHEAD)])
    return any(not _UNIT_BEHIND.match(span, end) for end in _codes(span))


def _precedes(text: str, begin: int, end: int) -> bool:
    """Digits that are said to be one: "385 is the security code"."""
    span = fold(text[max(begin, end - BEHIND) : end])
    said = _SAID_BEFORE.search(span)
    return said is not None and said.start() + 1 in _codes(span)


def _codes(span: str) -> Iterator[int]:
    """Where codes end: three or four digits that are no part of a longer number, a date or a time."""
    for run in _RUN.finditer(span):
        for begin, end in _short(run):
            is_part = _IN_NUMBER.search(span, 0, begin) or _NUMBER_GOES_ON.match(span, end)
            if not is_part and not _OTHER_BEFORE.search(span, 0, begin):
                yield end


def _short(run: re.Match[str]) -> Iterator[tuple[int, int]]:
    """A run of three or four digits; or such a group in a longer one, with a long number or none beside it."""
    if sum(sign.isdigit() for sign in run[0]) in _LENGTHS:
        yield run.start(), run.end()
        return
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(run.string, run.start(), run.end())]
    sizes = [_LONG, *(end - begin for begin, end in groups), _LONG]
    for (begin, end), left, size, right in zip(groups, sizes, sizes[1:], sizes[2:], strict=False):
        if size in _LENGTHS and left >= _LONG <= right:
            yield begin, end
