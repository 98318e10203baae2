import random
import re

import pytest

from ccmm_rules.cases import outcome_of, run_cases
from ccmm_rules.errors import PackErrors
from ccmm_rules.explaining import explain
from ccmm_rules.load import load_pack, pack_of
from ccmm_rules.model import Pack, Rule
from tests.unit.rules.examples import FOLDER, example_files, example_pack, one_rule

ROWS = "{inventory: account, of: 'enabled', bad: 'last_login_days > 90'}"
BROKEN = [
    (ROWS, "x.bad >= 95.5", "does not go between"),
    ("{metric: answer_rate, over: 90d}", "x >= 95", "write 95.0"),
    ("{metric: answer_rat, over: 90d}", "x >= 95.0", "'answer_rat' is no metric"),
    ("{metric: answer_rate, ower: 90d}", "x >= 95.0", "unknown key 'ower'"),
    ("{metric: answer_rate, over: 90 days}", "x >= 95.0", "'90 days' is no window"),
    ("{metric: answer_rate, over: 90d, by: agent}", "x >= 95.0", "'agent' is nothing to group by"),
    ("{metric: answer_rate, over: 90d, by: queue, expect: kueues}", "x >= 95.0", "'kueues' is no list"),
    ("{metric: wait_p90, over: 90d}", "x <= 50.0", "cannot be compared with 50"),
    ("{series: wait_p90, over: 4q, every: quarter}", "x <= 50.0", "cannot be compared with 50"),
    ("{metric: aht, over: 90d, by: queue}", "x <= 50.0", "has no better side"),
    ("{series: answer_rate, over: 4q}", "x >= 95.0", "'every' is not there"),
    ("{series: answer_rate, over: 4q, every: 1h}", "x >= 95.0", "'1h' is no grain of a series"),
    ("{series: answer_rate, over: 5q, every: 4q}", "x >= 95.0", "must hold whole points"),
    ("{series: answer_rate, over: 8q, every: 12mo}", "x >= 95.0", "'12mo' is no grain of a series"),
    ("{series: aht, over: 4q, every: quarter}", "x.p_better < 0.05", "cannot be the operand of a select"),
    ("{series: {each: key_kpi}, over: 4q, every: quarter, good: 'met == 4'}", "x.bad == 0", "'key_kpi' is no list"),
    ("{series: {each: key_kpis}, over: 4q, every: quarter}", "x.bad == 0", "'good' is not there"),
    (
        "{series: {each: key_kpis}, over: 4q, every: quarter, good: 'rank >= 75.0'}",
        "x.bad == 0",
        "nothing is called 'rank'",
    ),
    (
        "{series: {each: key_kpis}, over: 4q, every: quarter, any_of: kpis, good: 'met == 4'}",
        "x.bad == 0",
        "write any_of: metrics",
    ),
    ('{rules: "D-EMG"}', "x.open == 0", "'D-EMG' is no rule or pattern of rules"),
    ("{occurrences: breach.service_level, over: 9d}", "x.n == 0", "'every' is not there"),
    ("{inventory: acount}", "x.n >= 1", "'acount' is no kind of inventory"),
    ("{inventory: account, of: 'enabeld'}", "x.n >= 1", "nothing is called 'enabeld'"),
    ("{inventory: register, of: \\\"register == 'doors'\\\"}", "x.n >= 1", "'doors' is no word of register"),
    ("{documents: emergency_plans}", "x.good >= 1", "no class of document"),
    (ROWS, "x.good >= 1", "nothing is called 'x.good'"),
    (ROWS, "x.bad / 2 == 0", "'/' is not allowed"),
    (ROWS, "x.bad == 0 && profile.gov_hotlin", "nothing is called 'profile.gov_hotlin'"),
    ("{occurrences: alert, lag: [started, acked], over: 90d}", "x.p90 <= 1.0", "'in' is not there"),
    (
        "{match: {inventory: person}, with: {inventory: account, same: {key: key}}}",
        "x.only_a == 0",
        "person.key is @person",
    ),
    (
        "{match: {occurrences: call}, with: {occurrences: recording, same: {call: call}}}",
        "x.both == 0",
        "need a window",
    ),
    ("{inventory: account, of: 'person == 5'}", "x.n >= 1", "does not go between"),
    ("{slots: answer_rate, over: 30d, every: 20m, meets: 95}", "x.bad == 0", "multiples of 15 minutes"),
    ("{slots: occupancy, over: 30d, every: 1d, meets: 80}", "x.bad == 0", "has no better side"),
]


@pytest.mark.parametrize(("read", "require", "said"), BROKEN)
def test_a_broken_rule_is_refused_with_what_is_wrong(read: str, require: str, said: str) -> None:
    with pytest.raises(PackErrors) as caught:
        one_rule(
            read.replace('\\"', '"')
            .replace('"register', "'register")
            .replace("'register ==", '"register ==')
            .replace("doors'\"", "doors'\""),
            require,
        )
    assert said in str(caught.value)
    assert re.match(r"D-SEC-01\.yaml:\d+:\d+: ", str(caught.value))


def test_the_place_of_an_error_is_the_place_in_the_file() -> None:
    files = example_files()
    text = files["M-KPI-02.yaml"].decode().replace("any24.bad == 0", "any42.bad == 0")
    with pytest.raises(PackErrors) as caught:
        pack_of(files | {"M-KPI-02.yaml": text.encode()})
    error = caught.value.errors[0]
    row = text.split("\n")[error.line - 1]
    assert row[error.column - 1 :].startswith("any42.bad == 0")
    assert "any42.bad" in error.message


def test_errors_of_all_files_come_at_once() -> None:
    files = example_files()
    broken = {name: data.replace(b"level: 1", b"level: 9") for name, data in files.items()}
    with pytest.raises(PackErrors) as caught:
        pack_of(broken | {"pack.yaml": files["pack.yaml"]})
    assert len({error.file for error in caught.value.errors}) == 5


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('limits: {unit: "%"', "limits: {unit: h", "limit is in h, rate in %"),
        ("L1: 85, L2: 88", "L2: 88", "limit has no value at level 1"),
        ("id: M-KPI-02", "id: M-KPI-03", "file and id differ"),
        ("fresh_for: 26h", "fresh_for: 26h\nhold: 26h", "hold counts days"),
        ("fresh_for: 26h", 'fresh_for: 26h\nsince: "2026-02-30"', "'2026-02-30' is no day"),
        (
            "fresh_for: 26h",
            'fresh_for: 26h\nsince: "2026-02-03"\nuntil: "2026-02-02"',
            "ends before it begins on 2026-02-03",
        ),
        ("rate: 84.99", "rate: 84.99, held: 4q", "the rule has no 'hold'"),
        ("heading: M3_indicators", "heading: M9", "'M9' is no heading of the pack"),
        ("any24: {bad: 1}", "any24: {bed: 1}", "unknown key 'bed'"),
        ("rate: 84.99", "rate: 84.99, level: 0", "not judged at level 0"),
    ],
)
def test_what_shows_only_together_is_refused(old: str, new: str, said: str) -> None:
    files = example_files()
    text = files["M-KPI-02.yaml"].decode()
    assert old in text
    with pytest.raises(PackErrors, match=re.escape(said)):
        pack_of(files | {"M-KPI-02.yaml": text.replace(old, new).encode()})


def test_the_examples_pass_all_their_cases() -> None:
    pack = example_pack()
    assert sum(len(rule.cases) for rule in pack.rules.values()) == 61
    assert run_cases(pack) == []


def test_a_case_that_is_wrong_and_an_outcome_without_case_are_told() -> None:
    files = example_files()
    text = (
        files["M-DAT-02.yaml"]
        .decode()
        .replace("share: 98.9", "share: 99.9")
        .replace(", {there: missing, outcome: missing}", "")
    )
    failures = [str(failure) for failure in run_cases(pack_of(files | {"M-DAT-02.yaml": text.encode()}))]
    assert len(failures) == 2
    assert "gives satisfied, the case says not_satisfied" in failures[0]
    assert "no case shows missing" in failures[1]


MUTATIONS = [(">=", ">"), (">=", "<"), ("<=", "<"), ("<=", ">"), ("==", "!="), ("&&", "||"), ("||", "&&")]


def _mutants(pack: Pack, files: dict[str, bytes]) -> list[tuple[str, str]]:
    found = []
    for name, rule in pack.rules.items():
        text, require = files[f"{name}.yaml"].decode(), rule.require.source
        for old, new in MUTATIONS:
            for match in re.finditer(rf"(?<![<>=!]){re.escape(old)}(?!=)", require):
                changed = require[: match.start()] + new + require[match.end() :]
                found.append((name, text.replace(f"require: {require}", f"require: '{changed}'")))
    return found


def _loaded(pack_yaml: bytes, name: str, text: str) -> tuple[Rule | None, str]:
    """The rule, or what is wrong in it."""
    try:
        return pack_of({"pack.yaml": pack_yaml, f"{name}.yaml": text.encode()}).rules[name], ""
    except PackErrors as error:
        return None, str(error)


def test_the_cases_of_the_examples_kill_every_mutant_of_their_requirements() -> None:
    files, pack = example_files(), example_pack()
    mutants = _mutants(pack, files)
    assert len(mutants) >= 60
    for name, text in mutants:
        assert text != files[f"{name}.yaml"].decode()
        rule, said = _loaded(files["pack.yaml"], name, text)
        if rule is None:  # limits that now stand the wrong way round, or nothing left that decides
            assert re.search("asks for less than|depends on no read", said)
        else:
            assert any(outcome_of(rule, case) != case.outcome for case in rule.cases), rule.require.source


def test_rules_broken_at_random_give_only_pack_errors() -> None:
    rng, files = random.Random(3), example_files()
    originals = {name: data for name, data in files.items() if name.startswith(("M-", "D-")) and "scen" not in name}
    for _ in range(1500):
        name = rng.choice(sorted(originals))
        data = bytearray(originals[name])
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(data))
            data[place : place + rng.randrange(0, 4)] = rng.choice(
                (b"", b"{", b"x", b": ", b"9", b"'", b"\n", b"[]", b"\xff")
            )
        try:
            pack_of({"pack.yaml": files["pack.yaml"], name: bytes(data)})
        except PackErrors:
            continue


def test_a_pack_is_the_same_from_the_folder_and_names_its_digest() -> None:
    assert load_pack(FOLDER).digest == pack_of({p.name: p.read_bytes() for p in FOLDER.glob("*.yaml")}).digest
    assert example_pack().rules["D-SEC-09"].gate


def test_a_rule_is_explained_in_both_languages() -> None:
    told = explain(example_pack().rules["D-SEC-09"])
    assert "Leavers have no live accounts" in told["en"]
    assert "limit: L1 72 h, L2 24 h, L3 8 h" in told["en"]
    assert "离职人员账号及时回收" in told["zh"]
