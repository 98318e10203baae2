"""What an admin can do about a source that fails, in two languages.

>>> mend_of("unreachable: pbx: certificate verify failed: self-signed certificate").word
'self_signed'

A plugin's sentence says what happened and, where it can, what to do. The rest is added here for all plugins: first by
what stands in the sentence (libraries say the same everywhere), else by the Reason alone. All texts: mends.toml.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from ccmm_proto.reasons import Reason

# These name the cause themselves, whatever else their sentence speaks of.
CERTAIN: Final = (Reason.MEMORY, Reason.FLOOD, Reason.CRASHED, Reason.BAD_SCHEMA, Reason.BAD_OPTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """`{account}` in its texts is the account that reads, `{places}` what the source may reach."""

    word: str
    says: re.Pattern[str] | None
    reasons: tuple[Reason, ...]
    en: str
    zh: str

    def told(self, *, account: str, places: str) -> dict[str, str]:
        """By language, for one source."""
        filled = {"account": account, "places": places or "-"}
        return {"en": self.en.format(**filled), "zh": self.zh.format(**filled)}


@cache
def mends() -> tuple[Mend, ...]:
    """All of them, in the order in which they are tried."""
    tables = tomllib.loads((files("ccmm_agent") / "mends.toml").read_text("utf-8"))
    return tuple(
        Mend(
            word=word,
            says=re.compile("|".join(table["says"]), re.IGNORECASE) if "says" in table else None,
            reasons=tuple(map(Reason, table.get("reasons", ()))),
            en=table["en"],
            zh=table["zh"],
        )
        for word, table in tables.items()
    )


def mend_of(detail: str) -> Mend | None:
    """For the detail of a failed line, `reason: sentence` or a sentence alone; None where neither tells anything."""
    word, _, sentence = detail.partition(": ")
    reason = Reason(word) if word in set(Reason) else None
    if reason not in CERTAIN:
        told = detail if reason is None else sentence
        for mend in mends():
            if mend.says is not None and mend.says.search(told):
                return mend
    return next((mend for mend in mends() if reason in mend.reasons), None)
