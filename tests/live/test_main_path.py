"""The whole way of real facts, with the installed programs as processes: join, check, collect, run, receipt, verdict.

A real switch's files and a real directory go in; what the collector's commands say comes out, and is compared with
counts made here from the same captures by other means.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from ldap3 import MODIFY_ADD

from ccmm_collector.log import EvidenceLog
from ccmm_collector.verdict_store import VerdictStore
from ccmm_proto.histogram import within
from ccmm_proto.v1.statement_pb2 import Outcome, Run
from ccmm_rules.load import load_pack
from tests.e2e.product import House, check_chain, command, eventually
from tests.support.captured_switch import NAMED, Switch, copied, counts_of, waits
from tests.support.slapd import PASSWORD, PEOPLE, READER, SUFFIX, Slapd, running_slapd

pytestmark = pytest.mark.live
KNOWN = {  # entered, answered, abandoned, answered within 20 s: as the captures' README has them of another program
    "support": (815, 629, 186, 622),
    "sales": (291, 237, 54, 237),
    "emergency": (103, 96, 7, 96),
}
SOURCES = ("pbx", "cdr", "recordings", "directory")
SCOPE = ('queues=["support","sales","emergency"]', "zone=UTC", "gov_hotline=false", "recording_days=30")
SWITCH = """
[[source]]
name = "pbx"
plugin = "asterisk"
every = "10m"
queue_log = "{switch.queue_log}"
"""
OTHERS = """
[[source]]
name = "cdr"
plugin = "asterisk_cdr"
every = "10m"
cdr = "{switch.call_records}"

[[source]]
name = "recordings"
plugin = "asterisk_recordings"
every = "10m"
folder = "{switch.recordings}"
name_pattern = '{named}'

[[source]]
name = "directory"
plugin = "ldap"
every = "10m"
url = "ldap://127.0.0.1:{slapd.port}"
bind_dn = "{reader}"
password_file = "{slapd.folder}/password"
base = "{suffix}"
system = "directory"
service_bases = ["ou=services,{suffix}"]
privileged_groups = ["admins", "it-operations"]
mfa = "description"
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.set_up()
    command("ccmm-collector", "scope", house.collector_folder, "north", *SCOPE)
    yield house
    house.stop()


@pytest.fixture
def slapd(captures: Path, tmp_path: Path) -> Iterator[Slapd]:
    folder = tmp_path / "slapd"
    folder.mkdir()
    with running_slapd(captures / "openldap-2.5", folder) as server:
        (folder / "password").write_text(PASSWORD, "utf-8")
        (folder / "password").chmod(0o600)
        yield server


def configure(house: House, sources: str) -> None:
    (house.agent_folder / "agent.toml").write_text(f'zone = "UTC"\njitter = "1s"\n{sources}', "utf-8")


def asked(program: str, word: str, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command(program, word, *arguments, "--json"))
    return found


def run_until_all_is_receipted(house: House, sources: set[str]) -> None:
    house.agent.start()
    eventually(
        f"a run of each of {sources} has its receipt",
        lambda: sources <= {made.run.source for made in house.statements()} and not house.unsent(),
    )


def seconds_to_verdict(house: House) -> float:
    """From the recorded time in the last receipt until the verdicts that rest on it are stored."""
    with EvidenceLog.open(house.collector_folder, readonly=True) as log:
        last = log.entries(after=log.size() - 2, limit=1)[0]
    store = VerdictStore.open(house.collector_folder, readonly=True)
    try:
        judged = f"the verdicts rest on entry {last.index}"
        eventually(judged, lambda: (store.standing("north") or (0, 0))[1] == last.index, 20)
    finally:
        store.close()
    return datetime.now(UTC).timestamp() - last.recorded_ms / 1000


def verdicts_by_rule(house: House) -> dict[str, dict[str, Any]]:
    answer = asked("ccmm-collector", "verdicts", house.collector_folder, "north")
    return {verdict["rule"]: verdict for verdict in answer["verdicts"]}


def stated(runs: list[Run]) -> dict[str, tuple[int, ...]]:
    """The four numbers per queue out of the agent's own runs."""
    sums: Counter[tuple[str, str]] = Counter()
    for measure in (one.measure for run in runs for one in run.observations if one.HasField("measure")):
        queue = next((dimension.text for dimension in measure.dimensions if dimension.name == "queue"), "")
        if measure.id == "wait_answered":
            sums[queue, "within"] += within(measure.histogram.buckets, 20)
        elif measure.HasField("count"):
            sums[queue, measure.id] += measure.count
    words = ("calls_offered", "calls_answered", "calls_abandoned", "within")
    queues = {queue for queue, word in sums if word == "calls_offered"}
    return {queue: tuple(sums[queue, word] for word in words) for queue in queues}


def secured(slapd: Slapd, captures: Path) -> tuple[int, int]:
    """Gives a second factor to all administrators but three; (those with one, all) of the enabled ones."""
    text = (captures / "openldap-2.5/groups.ldif").read_text("utf-8")
    groups = [part for part in text.split("\n\n") if re.search(r"(?m)^cn: (admins|it-operations)$", part)]
    members = {uid for part in groups for uid in re.findall(r"(?m)^member: uid=(u\d+)", part)}
    enabled = sorted(members - {row["uid"] for row in truth(captures) if row["state"] == "disabled"})
    connection = slapd.connect()
    for uid in enabled[3:]:
        changes = {"description": [(MODIFY_ADD, ["token"])]}
        assert connection.modify(f"uid={uid},{PEOPLE}", changes)  # type: ignore[no-untyped-call]
    connection.unbind()
    return len(enabled) - 3, len(enabled)


def truth(captures: Path) -> list[dict[str, str]]:
    with (captures / "openldap-2.5/truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def unused(captures: Path) -> set[str]:
    """Who is enabled and has not logged in for more than 90 days by now, from the text of the directory."""
    disabled = {row["uid"] for row in truth(captures) if row["state"] == "disabled"}
    found = set()
    for part in (captures / "openldap-2.5/load.ldif").read_text("utf-8").split("\n\n"):
        uid, seen = re.search(r"(?m)^uid: (u\d+)$", part), re.search(r"(?m)^pwdLastSuccess: (\d{14})Z$", part)
        if uid and seen and uid[1] not in disabled:
            at = datetime.strptime(seen[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            found |= {uid[1]} if datetime.now(UTC) - at >= timedelta(days=91) else set()
    return found


def check_directory_rules(verdicts: dict[str, dict[str, Any]], captures: Path, secured_of_all: tuple[int, int]) -> None:
    """D-SEC-06, -07, -08 have outcomes, and rest on the numbers of the directory's truth."""
    states = Counter(row["state"] for row in truth(captures) if row["state"] != "finding")
    enabled = len({row["uid"] for row in truth(captures)}) - states["disabled"]
    one = verdicts["D-SEC-06"]
    assert (one["outcome"], one["blamed"], enabled) == ("inconclusive", "desks", 242)  # log-ins of 30 days are asked
    seen = one["seen"]
    assert (seen["shared.n"], seen["shared.bad"], seen["second.a"], seen["second.both"]) == (242, 0, 242, 0)
    factors, (good, privileged) = verdicts["D-SEC-07"], secured_of_all
    assert (factors["seen"]["factors.good"], factors["seen"]["factors.n"]) == (good, privileged)
    assert factors["seen"]["factors.share"] == pytest.approx(100 * good / privileged)
    assert factors["outcomes"]["L2"] == "not_satisfied"  # 77 % of 80
    dormant = verdicts["D-SEC-08"]
    stale = {row["uid"] for row in truth(captures) if row["state"] == "stale"}
    assert stale <= unused(captures)
    assert (dormant["seen"]["idle.bad"], dormant["seen"]["idle.n"]) == (len(unused(captures)), enabled)
    assert (dormant["outcome"], dormant["outcomes"]["L3"]) == ("missing", "not_satisfied")  # nobody reviewed; 6 idle


def check_switch_rules(verdicts: dict[str, dict[str, Any]], switch: Switch) -> None:
    """Twenty minutes are no thirty days: inconclusive, saying why; what can be counted is counted."""
    for rule in ("M-KPI-01", "M-KPI-02", "M-KPI-03"):
        found = verdicts[rule]
        assert (found["outcome"], found["reason"]) == ("inconclusive", "uncovered"), rule
        assert set(found["outcomes"].values()) == {"inconclusive"}
        figures = {name: read for name, read in found["reads"].items() if name != "why"}  # an attestation explains
        assert {read["reason"] for read in figures.values()} == {"uncovered"}
        assert not found["seen"].keys() & {"in_time", "rate", "lost", "mean"}
    kept, lengths = verdicts["M-DAT-03"], switch.lengths()
    recorded = [call for call, talk in switch.answered() if lengths.get(call, 0) >= 0.95 * talk and call in lengths]
    assert (kept["outcome"], kept["reason"]) == ("inconclusive", "uncovered")
    assert (kept["seen"]["kept.both"], kept["seen"]["strays.both"]) == (len(recorded), len(lengths)) == (619, 625)
    hollow = verdicts["D-INF-06"]  # 150 of 775 recordings are empty
    assert (hollow["outcome"], hollow["seen"]["hollow.bad"]) == ("not_satisfied", 1)
    assert (verdicts["D-SEC-09"]["outcome"], verdicts["D-SEC-09"]["reason"]) == ("missing", "never")  # no HR list


def test_a_real_switch_and_a_real_directory_become_verdicts(slapd: Slapd, house: House, captures: Path) -> None:
    secured_of_all = secured(slapd, captures)
    switch = copied(captures / "asterisk-22", house.place / "pbx")
    words = {"switch": switch, "slapd": slapd, "reader": READER, "suffix": SUFFIX, "named": NAMED}
    configure(house, (SWITCH + OTHERS).format(**words))
    checked = asked("ccmm-agent", "check", house.agent_folder)["sources"]
    assert {one["source"]: one["outcome"] for one in checked} == dict.fromkeys(SOURCES, "OBSERVED")
    runs = [json_format.ParseDict(run, Run()) for run in asked("ccmm-agent", "collect", house.agent_folder)["runs"]]
    assert {run.source for run in runs if run.outcome == Outcome.OBSERVED} == set(SOURCES)
    assert {run.source for run in runs if run.outcome != Outcome.OBSERVED} == {"attestations"}  # none made: EMPTY
    assert stated(runs) == counts_of(switch) == KNOWN
    assert not house.statements()  # looking sends nothing

    run_until_all_is_receipted(house, set(SOURCES))
    assert seconds_to_verdict(house) < 5.0  # looking every 0.2 s included
    arrived = [made.run for made in check_chain(house)]
    assert stated(arrived) == KNOWN
    assert (
        sum(len(one.inventory.entries) for run in arrived if run.source == "directory" for one in run.observations)
        == 264
    )
    check_listed(house, len(arrived))
    verdicts = verdicts_by_rule(house)
    check_directory_rules(verdicts, captures, secured_of_all)
    check_switch_rules(verdicts, switch)
    level = asked("ccmm-collector", "level", house.collector_folder, "north")
    assert (level["level"], level["provisional"]) == (0, False)
    missing_gates = {one["subject"] for one in level["held_down_by"] if one["condition"] == "gate"}
    rules = load_pack(Path(str(resources.files("ccmm_rules"))) / "packs" / "cc_cmm").rules.values()
    gates = {rule.id for rule in rules if rule.gate and rule.level == 1}
    counted = {gate for gate in gates if verdicts[gate]["outcome"] == "satisfied"}
    assert counted <= {"M-DAT-01"}  # counts arrived of every queue: seen once the day of the calls is over
    assert missing_gates == gates - counted


def check_listed(house: House, statements: int) -> None:
    """`log` and `centers` tell of the one agent, its unbroken chain, and nothing refused."""
    log = asked("ccmm-collector", "log", house.collector_folder)
    (chain,) = log["chains"]
    assert (chain["next_sequence"], chain["missing"], chain["uncounted"], log["refusals"]) == (statements, 0, 0, [])
    (center,) = asked("ccmm-collector", "centers", house.collector_folder)["centers"]
    (agent,) = center["agents"]
    assert (center["center"], center["level"], center["slow_sources"]) == ("north", 0, [])
    assert (agent["agent"], agent["revoked"], agent["last_seen"] is None) == ("agent-1", None, False)


def test_thirty_days_of_a_real_switch_are_judged_by_its_counts(house: House, captures: Path) -> None:
    """The same calls two days ago, in a log that began 40 days before: every figure of the 30 days is known."""
    switch = copied(captures / "asterisk-22", house.place / "pbx", days_more=2, begins_days_before=40)
    configure(house, SWITCH.format(switch=switch))
    run_until_all_is_receipted(house, {"pbx"})
    verdicts = verdicts_by_rule(house)
    held, lost = waits(switch.lines("CONNECT"), field=5), waits(switch.lines("ABANDON"), field=7)
    patient = sum(wait > 5 for wait in lost)
    offered = len(switch.lines("ENTERQUEUE"))
    expected = {
        ("M-KPI-01", "in_time"): 100 * sum(wait <= 20 for wait in held) / (len(held) + patient),
        ("M-KPI-02", "rate"): 100 * len(held) / offered,
        ("M-KPI-03", "lost"): 100 * patient / (offered - len(lost) + patient),
        ("M-KPI-03", "quick"): 100 * (len(lost) - patient) / offered,
        ("M-KPI-04", "mean"): sum(held) / len(held),
        ("M-KPI-09", "short"): 100 * sum(talk < 10 for _, talk in switch.answered()) / len(held),
    }
    for (rule, name), value in expected.items():
        assert verdicts[rule]["seen"][name] == pytest.approx(value), (rule, name)
    assert expected["M-KPI-02", "rate"] == pytest.approx(79.57, abs=0.005)
    assert [verdicts["M-KPI-02"]["outcomes"][level] for level in ("L1", "L5")] == ["not_satisfied"] * 2
    assert verdicts["M-KPI-01"]["backfill_share"] > 0.9  # told long after: the level would be provisional
