"""Users of Genesys Cloud: log-ins and pauses from presences, accounts with roles; by a simulator over HTTP."""

from pathlib import Path

from ccmm_agent.plugin import Reason
from ccmm_agent.testing import read_all
from ccmm_agent.testing_http import Simulator
from tests.support.genesys import Genesys
from tests.support.genesys_center import cloud, presence, refused, secret, server, users
from tests.support.genesys_detail import told, user
from tests.support.queue_logs import ZONE, at, column, measures, rolls
from tests.support.stated import entries

__all__ = ["cloud", "secret", "server"]


def test_log_ins_and_pauses_as_counted_by_hand(server: Simulator, secret: Path, cloud: Genesys) -> None:
    cloud.presences = {
        "u-1": [
            presence("07:00", "08:00", "OFFLINE"),
            presence("08:00", "08:30", "AVAILABLE"),
            presence("08:30", "10:30", "ON_QUEUE"),
            presence("10:30", "11:00", "MEAL"),
            presence("11:00", None, "OFFLINE"),
        ],
        "u-2": [presence("23:00", "01:00:30", "ON_QUEUE", 1) | {"endTime": told(at("01:00:30"))}],
    }
    source = users(server, secret)
    first, done = read_all(source, now=at("10:15"), zone=ZONE)
    second, done = read_all(source, cursor=done.cursor, now=at("13:00"), zone=ZONE)
    third, _ = read_all(source, cursor=done.cursor, now=at("01:00", day=3), zone=ZONE)
    found = [*first, *second, *third]
    hours = rolls(found, "session")
    lasted = {hour: dict(zip(roll.clear_key, column(roll, "lasted"), strict=True)) for hour, roll in hours.items()}
    assert {hour.hour: spans["E-u-1"] for hour, spans in lasted.items() if "E-u-1" in spans} == {
        8: 3600,
        9: 3600,
        10: 3600,
    }
    assert {(hour.day, hour.hour): spans["E-u-2"] for hour, spans in lasted.items() if "E-u-2" in spans} == {
        (1, 23): 3600,
        (2, 0): 3600,
        (2, 1): 30,
    }
    days = measures(found)
    assert days["login_time", "E-u-1", at("00:00")].sum.total == 3 * 3600
    assert days["pause_time", "E-u-1 AVAILABLE", at("00:00")].sum.total == 1800
    assert days["pause_time", "E-u-1 MEAL", at("00:00")].sum.total == 1800
    assert days["login_time", "E-u-2", at("00:00")].sum.total == 3630


def test_accounts_with_roles_and_last_log_in(server: Simulator, secret: Path, cloud: Genesys) -> None:
    admin = {"authorization": {"roles": [{"name": "Admin"}, {"name": "Employee"}]}, "dateLastLogin": told(at("08:00"))}
    cloud.users = [user("u-1", "Ann", **admin), user("u-3", "Cid", state="inactive", employerInfo={})]
    cloud.users += [user(f"u-{n}", f"N{n}") for n in range(10, 240)]
    found, _ = read_all(users(server, secret), now=at("12:00"), zone=ZONE)
    accounts = entries(found, "account")
    assert len(accounts) == 232
    ann, cid = accounts["ann@x.example"], accounts["cid@x.example"]
    assert (ann["enabled"], ann["privileged"], ann["person"]) == (True, True, "E-u-1")
    assert (cid["enabled"], cid["privileged"], "person" in cid) == (False, False, False)
    cloud.users = []
    assert refused(users(server, secret)).reason is Reason.REFUSED
