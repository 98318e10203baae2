"""Every text exists in both languages and takes the same values."""

from string import Formatter

import pytest

from ccmm_agent.texts import LANGUAGES, texts


@pytest.mark.parametrize("word", texts())
def test_a_text_is_told_in_both_languages_with_the_same_values(word: str) -> None:
    told = texts()[word]
    assert set(told) == set(LANGUAGES)
    values = {language: {name for _, name, _, _ in Formatter().parse(text) if name} for language, text in told.items()}
    assert values["en"] == values["zh"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told["zh"])
