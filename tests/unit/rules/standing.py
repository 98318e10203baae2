"""Rules over an answer rate, and what they find."""

from collections.abc import Mapping, Sequence

from ccmm_rules.evaluate import judge
from ccmm_rules.load import pack_of
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Pack
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import FOLDER, RULE, counted, ms

NOW = "2026-03-20T03:00"
PROFILE: dict[str, object] = {"zone": "Asia/Shanghai"}
RATE = "{metric: answer_rate, over: 7d}"


def rated(good: Sequence[int], *, since: str = "2026-01-01T00:00", until: str = NOW) -> Fact:
    """Ten calls are offered in each quarter hour; so many are answered, over and over."""
    return counted({"calls_offered": {"q": [10]}, "calls_answered": {"q": good}}, since, until)


def rules(**parts: tuple[str, str, int]) -> Pack:
    """Rules by name as (read x, require, level)."""
    files = {"pack.yaml": (FOLDER / "pack.yaml").read_bytes()}
    for name, (read, require, level) in parts.items():
        text = RULE.format(read=read, require=require, more="", level=level)
        files[f"{name.replace('_', '-')}.yaml"] = text.replace("id: D-SEC-01", f"id: {name.replace('_', '-')}").encode()
    return pack_of(files)


def on(pack: Pack, facts: Sequence[Fact], profile: Mapping[str, object] = PROFILE, at: str = NOW) -> dict[str, Verdict]:
    return judge(pack, MemoryEvidence(facts, profile, at_ms=ms(at)), ms(at))
