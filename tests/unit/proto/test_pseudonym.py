import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_proto.kinds import Sort
from ccmm_proto.pseudonym import PseudonymKey, new_key, normalise, short

KEY = PseudonymKey(bytes(range(32)))


def test_one_person_in_two_systems_has_one_pseudonym() -> None:
    assert KEY.pseudonym(Sort.PERSON, " U0001 ") == KEY.pseudonym(Sort.PERSON, "u0001")
    assert KEY.pseudonym(Sort.PERSON, "Ｕ0001") == KEY.pseudonym(Sort.PERSON, "u0001")  # full-width


def test_one_number_in_two_spellings_has_one_pseudonym() -> None:
    assert normalise(Sort.NUMBER, "0086 (21) 5555-0199") == normalise(Sort.NUMBER, "+862155550199")


def test_call_ids_keep_their_case() -> None:
    assert KEY.pseudonym(Sort.CALL, "C-1") != KEY.pseudonym(Sort.CALL, "c-1")


def test_pseudonyms_of_different_sorts_or_keys_never_meet() -> None:
    assert KEY.pseudonym(Sort.PERSON, "1001") != KEY.pseudonym(Sort.ACCOUNT, "1001")
    assert KEY.pseudonym(Sort.PERSON, "1001") != PseudonymKey(new_key()).pseudonym(Sort.PERSON, "1001")


def test_the_key_names_itself_without_telling_itself() -> None:
    assert len(KEY.key_id) == 16
    assert bytes(range(32)).hex() not in repr(KEY)
    assert PseudonymKey(new_key()).key_id != KEY.key_id


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PseudonymKey(b"short")


@given(st.sampled_from(Sort), st.text())
def test_normalising_twice_changes_nothing_more(sort: Sort, text: str) -> None:
    once = normalise(sort, text)
    assert normalise(sort, normalise(sort, once)) == normalise(sort, once)


def test_the_short_form_is_the_first_eight_bytes_big_endian() -> None:
    assert short(b"\x00" * 7 + b"\x05" + b"\xff" * 24) == 5
