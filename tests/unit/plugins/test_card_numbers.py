"""Card numbers and security codes in running text: what counts, and what looks like one and is none."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_plugin_access_control.card_codes import count_codes
from ccmm_plugin_access_control.card_numbers import Counted, Numbers, fold, lowered
from ccmm_plugin_access_control.card_ranges import LEAST, MOST, is_card, passes_luhn
from ccmm_plugin_access_control.card_tally import PART, Found, Tally
from tests.support.cards import card, english, spoken, wide

UNION = card()  # 19 digits
VISA = card("4539123412341", 16)
AMEX = card("3714963", 15)
DINERS = card("36123", 14)
HEADS = ("4", "51", "2221", "34", "37", "3528", "36", "6011", "62", "65", "81")
LENGTHS = {"4": 16, "51": 16, "2221": 16, "34": 15, "37": 15, "3528": 16, "36": 14, "6011": 16, "62": 19}


def counted(text: str, *allowed: str) -> Counted:
    digests = frozenset(hashlib.sha256(number.encode()).digest() for number in allowed)
    return Numbers(digests).count(lowered(text))


def cards(text: str) -> int:
    return counted(text).cards


def in_groups(digits: str, *sizes: int, by: str = " ") -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(digits[at : at + size])
        at += size
    return by.join([*parts, digits[at:]]).strip(by)


@pytest.mark.parametrize(
    "text",
    [
        UNION,
        f"card no.{VISA}, thanks",
        in_groups(VISA, 4, 4, 4),
        in_groups(VISA, 4, 4, 4, by="-"),
        in_groups(UNION, 4, 4, 4, 4, by="  "),
        in_groups(UNION, 6),
        in_groups(AMEX, 4, 6),
        in_groups(DINERS, 4, 6),
        " ".join(VISA),
        wide(UNION),
        spoken(UNION),
        spoken(UNION).replace("一", "幺").replace("零", "〇"),
        english(VISA),
        english(VISA).upper(),
        f"卡号是{spoken(UNION[:6])}，嗯，{spoken(UNION[6:12])}\n坐席：好的\n客户：{spoken(UNION[12:])}",
        f"客户: {UNION[:5]}\n坐席: 对\n客户: {UNION[5:9]}，然后 {UNION[9:]}",
        f"客户1：{UNION[:8]}\n客户2：{UNION[8:]}",
    ],
)
def test_a_card_number_counts_however_it_is_typed_or_spoken(text: str) -> None:
    assert cards(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        VISA[:-1] + str((int(VISA[-1]) + 1) % 10),  # the check digit is wrong
        card("19991231", 16),  # no issuer
        card("4539", 15),  # no length of this issuer
        UNION + "12345",  # a part of a longer number
        "6222 02** **** 3346",
        f"{UNION[:6]}******{UNION[-4:]}",
        "2026-11-22 10:33:21 13800138000",
        "1.3.6.1.2.1.33.1.2.4.0 = 4.5.3.9.1.2.3.4",
        in_groups(VISA, 3, 5, 2),  # nobody writes it so
        "1032,125,98,17,63812,401,2231",
        "0" * 16,
        "一共三笔，二十五元，一个月",
        "",
    ],
)
def test_what_only_looks_like_one_does_not_count(text: str) -> None:
    assert counted(text) == Counted()


def resident(region: str, born: str, serial: str) -> str:
    weights = [pow(2, 17 - place, 11) for place in range(17)]
    rest = sum(int(digit) * weight for digit, weight in zip(region + born + serial, weights, strict=True)) % 11
    return region + born + serial + "10X98765432"[rest]


def test_a_resident_identity_number_of_gansu_is_no_card_though_it_begins_and_ends_like_one() -> None:
    numbers = [resident("620102", "19880317", f"{serial:03}") for serial in range(1000)]
    alike = [number for number in numbers if number[-1] != "X" and passes_luhn(number)]
    assert len(alike) > 20
    assert sum(cards(number) for number in alike) == 0


def test_numbers_for_tests_and_of_the_allow_list_are_counted_apart() -> None:
    assert counted("4111 1111 1111 1111 and 378282246310005") == Counted(tests=2)
    assert counted(f"{UNION} {VISA}", UNION) == Counted(cards=1, allowed=1)


def test_a_number_after_a_word_for_another_number_is_counted_apart_unless_a_card_is_named() -> None:
    assert counted(f"订单号：{UNION}") == Counted(aside=1)
    assert counted(f"Order {VISA}") == Counted(aside=1)
    assert counted(f"订单付款卡号 {UNION}") == Counted(cards=1)


def test_two_numbers_are_two() -> None:
    assert cards(f"{UNION} {VISA}") == 2
    assert cards(f"{UNION},{VISA}\n{AMEX}") == 3
    assert cards(f"{spoken(UNION)}，{spoken(VISA)}") == 2


@given(st.sampled_from(HEADS), st.text("0123456789", min_size=19, max_size=19), st.sampled_from([str, wide, spoken]))
def test_every_number_of_an_issuer_with_its_check_digit_is_found(head: str, tail: str, how: type[str]) -> None:
    number = card(head + tail, LENGTHS.get(head, 16))
    found = counted(f"我的卡是 {how(number)} 谢谢")
    assert found.cards + found.tests == 1
    assert is_card(number)
    assert LEAST <= len(number) <= MOST


@given(st.text("0123456789", min_size=2, max_size=30))
def test_changing_one_digit_breaks_the_check(digits: str) -> None:
    changed = digits[:-1] + str((int(digits[-1]) + 3) % 10)
    assert not (passes_luhn(digits) and passes_luhn(changed))


@given(st.text())
def test_any_text_is_read_and_folding_keeps_its_length(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert counted(text).cards >= 0
    assert count_codes(lowered(text)) >= 0


# Security codes


@pytest.mark.parametrize(
    "text",
    [
        "CVV: 385",
        "CVV２：３８５",
        "cvc2 is 1234.",
        "请问安全码是多少\n三八五",
        "坐席：您的安全码？\n客户：三，嗯，八，五",
        "安全码就是背面后三位，385",
        "信用卡背面后三位 3，8，5",
        "安全码CVV 385",
        "三八五是我的安全码",
        "Security Code 0 4 2 thanks",
        "the three digits on the back of the card? customer: one two three",
        "card_cvv: 042",
        f"CVV 385 {UNION}",
        f"CVV {UNION} 3855",
    ],
)
def test_a_code_near_a_word_for_it_counts_once(text: str) -> None:
    assert count_codes(lowered(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "安全码请不要告诉我，您的工号是 1024",
        "金额是 385，安全码不用说",
        "手机号后三位是678",
        "安全码说一下",
        "安全码是三位数字",
        "CVV 4111 1111 1111 1111",
        "校验码 12345678",
        "安全码 有效期 1227",
        "安全码 12/27",
        "安全码 385元",
        "CVV ***",
        "userpassword: eaqlnakzkcvn2yns/cc8ywdt6hwe 2026 123",
        "385",
    ],
)
def test_other_digits_near_a_word_for_a_code_do_not_count(text: str) -> None:
    assert count_codes(lowered(text)) == 0


def test_each_word_has_one_code_at_most() -> None:
    assert count_codes(lowered("CVV 385 and 386, CVC 999")) == 2


# Long texts


def tallied(pieces: list[str]) -> Found:
    tally = Tally(Numbers())
    for piece in pieces:
        tally.add(piece)
    return tally.found()


@given(st.lists(st.integers(0, 60), max_size=6), st.integers(1, 9))
def test_a_text_in_pieces_is_counted_as_the_whole(cuts: list[int], times: int) -> None:
    text = f"安全码 385 {'文' * 40}{in_groups(UNION, 4, 4, 4, 4)} {'x' * 30}" * times
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[low:high] for low, high in pairwise(places)]
    assert tallied(pieces) == Found(cards=times, codes=times)


def test_a_text_that_is_longer_than_memory_should_hold_is_cut_where_no_number_stands() -> None:
    unit = f"CVV 385 {UNION} {'话' * 300}"
    times = 3 * PART // len(unit)
    text = unit * times
    pieces = [text[at : at + 1000] for at in range(0, len(text), 1000)]
    assert tallied(pieces) == Found(cards=times, codes=times)


def test_lines_that_are_full_of_digits_are_cut_between_numbers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_access_control.card_tally.PART", 2000)
    by_fours = in_groups(UNION, 4, 4, 4, 4, by="\n")
    unit = f"order 10023444, phone 13800138000\nCVV\n385\ncard\n{by_fours}\nagent: someone will call\n"
    text = unit * 300
    for size in (100, 777, 3001):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert tallied(pieces) == Found(cards=300, codes=300)


def test_times_at_the_heads_of_lines_neither_break_nor_make_a_number() -> None:
    subtitles = f"1\n00:00:01,000 --> 00:00:03,000\n{UNION[:9]}\n2\n00:00:03,500 --> 00:00:05,000\n{UNION[9:]}\n"
    assert tallied([subtitles]) == Found(cards=1)
    assert tallied([f"[10:33:21] {UNION[:9]}\n[10:33:25] {UNION[9:]}\n"]) == Found(cards=1)
    assert tallied(["2026-11-22 10:33:21 abc\n" * 50]) == Found()
