"""A verdict as the store keeps it: read from its canonical form, and what of it is compared with the one before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ccmm_rules.evidence import Waiver
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import ReadState, Spot, Verdict, rounded, rounded_share, table_of

# The sentence tells of what is compared, and of places and times that move daily.
_MOVING = frozenset({"log_index", "valid_until_ms", "look_again_ms", "at_ms", "backfill_share", "sentence"})
_COMPARED = json.JSONEncoder(sort_keys=True)
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def verdict_of(canonical: str) -> Verdict:
    """The verdict that `canonical_json` wrote."""
    table = json.loads(canonical)
    table["outcomes"] = {int(level[1:]): _OUTCOMES[outcome] for level, outcome in table["outcomes"].items()}
    table["outcome"] = _OUTCOMES[table["outcome"]]
    table["reads"] = {name: _read_state(read) for name, read in table["reads"].items()}
    if table.get("waiver"):
        table["waiver"] = Waiver(**table["waiver"] | {"approvers": tuple(table["waiver"]["approvers"])})
    return Verdict(**table)


def _read_state(read: dict[str, Any]) -> ReadState:
    if read.get("spot"):
        read["spot"] = Spot(**read["spot"])
    return ReadState(**read)


def as_kept(verdict: Verdict) -> Verdict:
    """The verdict as the store gives it back: `verdict_of(canonical_json(verdict))` without a text in between."""
    seen, hoped = rounded(verdict.seen), rounded(verdict.hoped)
    limits = {name: float(value) for name, value in rounded(verdict.limits).items()}
    backfill = rounded_share(verdict)
    if (seen, hoped, limits, backfill) == (verdict.seen, verdict.hoped, verdict.limits, verdict.backfill_share):
        return verdict
    return replace(verdict, seen=seen, hoped=hoped, limits=limits, backfill_share=backfill)


def essence(verdict: Verdict) -> bytes:
    """Names what of a verdict is compared: outcomes, reasons and values, not when and from what index it was found."""
    return essence_of(table_of(verdict))


def essence_of(table: Mapping[str, object]) -> bytes:
    """The same of a table that `table_of` made."""
    kept = {key: value for key, value in table.items() if key not in _MOVING}
    reads: Mapping[str, Mapping[str, object]] = kept["reads"]  # type: ignore[assignment]  # as `table_of` has it
    kept["reads"] = {name: (read["state"], read["reason"]) for name, read in reads.items()}
    return hashlib.sha256(_COMPARED.encode(kept).encode()).digest()
