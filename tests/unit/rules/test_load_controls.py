"""Packs made of other packs: pins, controls, what is taken over, and every way to write them wrong."""

import re
from pathlib import Path

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.load import Resolver, load_pack, pack_of
from ccmm_rules.model import Pack
from ccmm_rules.pin import main, pinned
from tests.unit.rules.examples import FOLDER, example_files, example_pack
from tests.unit.rules.scored import CONFORMITY, RULE, STARS, THRESHOLDS

HEAD = """
id: other
version: "1"
title: {en: Another standard, zh: 另一标准}
effective_from: "2026-01-01"
uses: [{pack: pack12, digest: "DIGEST"}]
scoring: {model: threshold_table}
"""
CONTROLS = """
groups: {g: {en: Group, zh: 组}}
controls:
  - {id: one, group: g, title: {en: One, zh: 一}, rules: [D-SEC-09, {rule: D-SEC-08, level: 3}]}
  - {id: two, title: {en: Two, zh: 二}, untested: true}
"""


def resolver(pack: Pack) -> Resolver:
    return lambda name, digest: pack if name == "pack12" else None


def files(head: str = HEAD, controls: str = CONTROLS, **rules: str) -> dict[str, bytes]:
    made = {"pack.yaml": head.replace("DIGEST", example_pack().digest).encode()}
    made |= {"controls.yaml": controls.encode()} if controls else {}
    return made | {f"{name.replace('_', '-')}.yaml": text.encode() for name, text in rules.items()}


def other(head: str = HEAD, controls: str = CONTROLS, **rules: str) -> Pack:
    return pack_of(files(head, controls, **rules), resolver(example_pack()))


def test_a_pack_takes_over_the_rules_that_its_controls_name_and_nothing_else() -> None:
    pack = other()
    assert list(pack.rules) == ["D-SEC-08", "D-SEC-09"]
    assert pack.rules["D-SEC-09"] is example_pack().rules["D-SEC-09"]
    assert set(pack.headings) == {"D6_security"}
    assert set(pack.dimensions) == {"D"}
    assert [(use.pack, use.digest) for use in pack.uses] == [("pack12", example_pack().digest)]
    first, second = pack.controls
    assert [(ask.rule, ask.level) for ask in first.asks] == [("D-SEC-09", 1), ("D-SEC-08", 3)]
    assert (first.about, second.about, second.asks, second.group) == ("tested", "untested", (), "")
    assert pack.groups == {"g": {"en": "Group", "zh": "组"}}


def test_the_digest_covers_controls_and_pins() -> None:
    assert other().digest != other(controls=CONTROLS.replace("zh: 一", "zh: 壹")).digest
    assert other().digest != example_pack().digest


def test_an_own_heading_gives_a_taken_rule_another_dimension() -> None:
    own = "dimensions: {S: {en: Safe, zh: 安}}\nheadings: {D6_security: {dimension: S, title: {en: Safe, zh: 安}}}\n"
    pack = other(HEAD + own)
    assert pack.headings["D6_security"].dimension == "S"
    assert set(pack.dimensions) == {"S"}


def test_own_rules_stand_beside_taken_ones() -> None:
    rule = RULE.format(id="ABC-ITM-01", gate="false").replace("heading: D1", "heading: D6_security")
    controls = CONTROLS.replace("[D-SEC-09,", "[ABC-ITM-01, D-SEC-09,")
    assert list(other(controls=controls, ABC_ITM_01=rule).rules) == ["ABC-ITM-01", "D-SEC-08", "D-SEC-09"]


def test_a_rule_that_reads_other_verdicts_brings_those_rules_along() -> None:
    meta = RULE.format(id="D-SEC-90", gate="false").replace("heading: D1", "heading: D6_security")
    meta = meta.replace("{documents: any}", '{rules: "D-SEC-*"}').replace("x.good >= 1", "x.open == 0")
    base = pack_of(example_files() | {"D-SEC-90.yaml": meta.encode()})
    head = HEAD.replace("DIGEST", base.digest)
    controls = CONTROLS.replace("[D-SEC-09, {rule: D-SEC-08, level: 3}]", "[D-SEC-90]")
    pack = pack_of({"pack.yaml": head.encode(), "controls.yaml": controls.encode()}, resolver(base))
    assert list(pack.rules) == ["D-SEC-08", "D-SEC-09", "D-SEC-90"]


def test_a_used_pack_is_the_folder_beside_or_what_the_resolver_gives_by_digest(tmp_path: Path) -> None:
    composite(tmp_path)
    assert load_pack(tmp_path / "other").digest == other().digest
    asked = []

    def resolve(name: str, digest: str) -> Pack:
        asked.append((name, digest))
        return example_pack()

    load_pack(tmp_path / "other", resolve)
    assert asked == [("pack12", example_pack().digest)]


def composite(folder: Path, head: str = HEAD) -> None:
    """`other` and the pack it uses, side by side."""
    for name, made in (("pack12", example_files()), ("other", files(head))):
        (folder / name).mkdir()
        for file, data in made.items():
            (folder / name / file).write_bytes(data)


def test_a_used_pack_that_changed_is_an_error_at_its_pin_until_it_is_pinned_anew(tmp_path: Path) -> None:
    composite(tmp_path)
    rule = tmp_path / "pack12" / "D-SEC-09.yaml"
    rule.write_bytes(rule.read_bytes() + b"# altered\n")
    with pytest.raises(PackErrors) as caught:
        load_pack(tmp_path / "other")
    assert re.match(
        r"pack\.yaml:6:31: the used pack 'pack12' has changed: its digest is [0-9a-f]{64}; see what changed in it",
        str(caught.value),
    )
    assert example_pack().digest not in pinned(tmp_path / "other")
    assert main([tmp_path / "other"]) == 0
    assert load_pack(tmp_path / "other").controls


def test_pinning_tells_what_does_not_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    composite(tmp_path)
    (tmp_path / "other" / "controls.yaml").write_text(CONTROLS.replace("D-SEC-09", "D-SEC-77"), encoding="utf-8")
    assert main([tmp_path / "other", tmp_path / "pack12"]) == 1
    assert "'D-SEC-77' is no rule" in capsys.readouterr().err


def test_used_packs_use_no_packs_so_that_there_is_no_circle(tmp_path: Path) -> None:
    composite(tmp_path)
    top = HEAD.replace("pack12", "other").replace("id: other", "id: top").replace("DIGEST", other().digest)
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "pack.yaml").write_text(top, encoding="utf-8")
    (tmp_path / "top" / "controls.yaml").write_text(CONTROLS, encoding="utf-8")
    with pytest.raises(PackErrors, match=r"the used pack 'other' does not load.*a used pack uses no packs itself"):
        load_pack(tmp_path / "top")


WRONG_ITEMS = """{model: item_count_with_cure, items_total: 2, certified_at: 3, short_cure_from: 1,
  short_cure_days: 90, long_cure_months: 18}"""
BROKEN_HEADS = [
    ("pack: pack12", "pack: pack13", r"pack\.yaml:6:15: no pack 'pack13' is at hand"),
    ('digest: "DIGEST"', "digest: abc", r"pack\.yaml:6:31: a digest is 64 digits"),
    ('digest: "DIGEST"', 'digest: "DIGEST", mode: x', r"unknown key 'mode'"),
    ("uses: [", "uses: [{pack: pack12, digest: DIGEST}, ", r"pack\.yaml:6:7: a pack stands here twice"),
    ("model: threshold_table", "model: thresholds", r"pack\.yaml:7:18: 'thresholds' is no scoring model; write one of"),
    ("model: threshold_table", "model: threshold_table, stars: 5", r"unknown key 'stars'"),
    ('"2026-01-01"', '"2026-13-01"', r"'2026-13-01' is no day"),
    ('"2026-01-01"', '"2026-01-01"\neffective_until: "2025-12-31"', r"the last day is before the first"),
    ('"2026-01-01"', '"2026-01-01"\nreplaces: ["1"]', r"a version does not replace itself"),
    ('"2026-01-01"', '"2026-01-01"\nclaims_certificate: true', r"two cannot be shown, so nothing is certified"),
    ("model: threshold_table", "model: threshold_table, hold_backfill_share: 2", r"a share is 0 to 1"),
    (
        "model: threshold_table",
        "model: threshold_table, origin: {model: ours}",
        r"'model' is no number of this scoring",
    ),
    (
        "{model: threshold_table}",
        CONFORMITY.replace("}", ", origin: {cycle_months: guessed}}"),
        r"'guessed' is no origin; write published or ours",
    ),
    ("{model: threshold_table}", CONFORMITY.replace("0.5", "1.5"), r"a share is 0 to 1"),
    ("{model: threshold_table}", CONFORMITY.replace("0.5", "0.5, items_total: 9"), r"2 items are listed"),
    (
        "{model: threshold_table}",
        STARS.replace("TOTAL", "2").replace("min: 70", "min: 85"),
        r"bands go from the highest",
    ),
    ("{model: threshold_table}", STARS.replace("TOTAL", "2").replace("min: 0", "min: 1"), r"bands go from the highest"),
    ("{model: threshold_table}", STARS.replace("TOTAL", "2").replace("min: 85", "min: 101"), r"points are 0 to 100"),
    ("{model: threshold_table}", WRONG_ITEMS, r"expected: short_cure_from < certified_at <= items_total"),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN_HEADS)
def test_a_broken_head_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    assert old in HEAD
    with pytest.raises(PackErrors, match=said) as caught:
        other(HEAD.replace(old, new))
    assert re.match(r"(pack|controls)\.yaml:\d+:\d+: ", str(caught.value))
    assert all(error.mend for error in caught.value.errors)


BROKEN_CONTROLS = [
    ("D-SEC-09,", "D-SEC-77,", r"controls\.yaml:4:58: 'D-SEC-77' is no rule of this pack or of those it uses"),
    ("level: 3", "level: 1", r"D-SEC-08 is judged from L2 to L5"),
    ("level: 3", "leval: 3", r"unknown key 'leval'"),
    ("id: two", "id: one", r"'one' stands here twice"),
    ("group: g", "group: h", r"'h' is no group; known: g"),
    ("untested: true", "weight: 2", r"say one of: rules, unpublished, untested"),
    ("untested: true", "untested: true, rules: [D-SEC-09]", r"say one of: rules, unpublished, untested"),
    ("untested: true", "untested: false", r"say one of: rules, unpublished, untested"),
    ("untested: true", "rules: []", r"no rule is named"),
    ("untested: true", "rules: [D-SEC-09, D-SEC-09]", r"a rule stands here twice"),
    ("untested: true", "rules: [D-SEC-09], items: 2", r"a control with rules is one item, or 0 for a view"),
    ("untested: true", "untested: true, items: -1", r"a control with rules is one item, or 0 for a view"),
    ("untested: true", "untested: true, weight: 0.0", r"a weight is greater than 0"),
    ("untested: true", "untested: true, colour: red", r"unknown key 'colour'"),
    ("zh: 二", "zh: ''", r"'zh' is empty"),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN_CONTROLS)
def test_broken_controls_are_refused_with_their_place(old: str, new: str, said: str) -> None:
    assert old in CONTROLS
    with pytest.raises(PackErrors, match=said) as caught:
        other(controls=CONTROLS.replace(old, new))
    assert re.match(r"controls\.yaml:\d+:\d+: ", str(caught.value))
    assert all(error.mend for error in caught.value.errors)


def test_a_model_that_counts_controls_needs_them() -> None:
    with pytest.raises(PackErrors, match=r"pack\.yaml:7:18: threshold_table counts controls; write controls\.yaml"):
        other(controls="")


def test_an_own_rule_that_no_control_names_is_told() -> None:
    rule = RULE.format(id="ABC-ITM-01", gate="false").replace("heading: D1", "heading: D6_security")
    with pytest.raises(PackErrors, match="no control names ABC-ITM-01"):
        other(ABC_ITM_01=rule)


def test_a_rule_that_a_used_pack_has_too_is_told() -> None:
    double = (FOLDER / "D-SEC-09.yaml").read_text(encoding="utf-8")
    with pytest.raises(PackErrors, match=r"D-SEC-09 is a rule of a used pack too; rename D-SEC-09\.yaml"):
        other(D_SEC_09=double)


def test_two_used_packs_with_one_rule_are_told() -> None:
    head = HEAD.replace("uses: [", f'uses: [{{pack: twin, digest: "{example_pack().digest}"}}, ')
    with pytest.raises(PackErrors, match="has a rule D-EMG-04, and so has a pack before it"):
        pack_of(files(head), lambda name, digest: example_pack())


def test_a_used_pack_that_is_broken_says_so_at_its_name() -> None:
    def resolve(name: str, digest: str) -> Pack:
        return pack_of({"pack.yaml": b"id: x"})

    with pytest.raises(PackErrors, match=r"pack\.yaml:6:15: the used pack 'pack12' does not load: pack\.yaml:1:1: "):
        pack_of(files(), resolve)


def test_what_a_pack_promises_about_itself_is_kept() -> None:
    more = 'effective_until: "2027-12-31"\nreplaces: ["0"]\nclaims_certificate: true\n'
    controls = CONTROLS.replace("untested: true", "rules: [D-SEC-09], weight: 2.5, binding: false")
    pack = other(HEAD + more, controls)
    assert (pack.effective_until, pack.replaces, pack.claims_certificate) == ("2027-12-31", ("0",), True)
    assert (pack.controls[1].weight, pack.controls[1].binding) == (2.5, False)
    assert (pack.controls[0].weight, pack.controls[0].items, pack.controls[0].binding) == (1.0, 1, True)
    for about, items in (
        ("rules: [D-SEC-09]", 0),
        ("rules: [D-SEC-09]", 1),
        ("untested: true", 0),
        ("untested: true", 7),
    ):
        written = CONTROLS.replace("untested: true", f"{about}, items: {items}, weight: 0.5")
        assert (other(controls=written).controls[1].items, other(controls=written).controls[1].weight) == (items, 0.5)
    assert (example_pack().claims_certificate, example_pack().hold_backfill_share) == (False, 1.0)
    head = HEAD.replace("{model: threshold_table}", THRESHOLDS.replace("}", ", hold_backfill_share: 0.25}"))
    assert other(head).hold_backfill_share == 0.25


@pytest.mark.parametrize(
    ("about", "items"),
    [("rules: [D-SEC-09]", 0), ("rules: [D-SEC-09]", 1), ("untested: true", 0), ("untested: true", 7)],
)
def test_a_control_stands_for_as_many_items_as_it_may(about: str, items: int) -> None:
    written = CONTROLS.replace("untested: true", f"{about}, items: {items}, weight: 0.5")
    control = other(controls=written).controls[1]
    assert (control.items, control.weight) == (items, 0.5)
