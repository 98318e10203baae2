"""What commands tell an admin, in two languages. All texts: texts.toml.

>>> text_of("joined", "en", agent="agent-1", center="north")
'joined as agent agent-1 of center north'
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

LANGUAGES: Final = ("en", "zh")


def text_of(word: str, language: str, **values: object) -> str:
    """The text of this word, filled in."""
    return texts()[word][language].format(**values)


@cache
def texts() -> dict[str, dict[str, str]]:
    """By word and language."""
    return tomllib.loads((files("ccmm_agent") / "texts.toml").read_text("utf-8"))
