"""Logs that Elasticsearch keeps: a part of the indices is no shorter log; by a simulator over HTTP."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_agent.testing_http import Fault, http_simulator
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.elastic import KEY, Elastic
from tests.support.refusals import refusal
from tests.support.rotated_logs import HOUR, NOON, ZONE, holding, hours, lines, of_files, rotated, source, write

__all__ = ["rotated"]


def elastic_store(url: str, key: Path, **changed: object) -> dict[str, object]:
    given: dict[str, object] = {"name": "crm_logs", "source": "crm", "kind": "elasticsearch", "url": url}
    return {**given, "index": "logs-*", "api_key_file": str(key), **changed}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


def held(*without: datetime) -> Elastic:
    return Elastic(
        {
            "logs-a": hours(NOON - timedelta(days=400), NOON - timedelta(days=399)),
            "logs-b": hours(NOON - timedelta(days=31), NOON, *without),
        }
    )


def test_indices_are_as_old_as_their_first_entry_and_their_gaps_are_counted(key: Path) -> None:
    elastic = held(NOON - 3 * HOUR)
    with http_simulator(elastic.answer) as server:
        found = holding(elastic_store(server.url, key))
        check_source(
            source(elastic_store(server.url, key)),
            source(elastic_store("http://127.0.0.1:1", key)),
            window=Window(cursor=b"", now=NOON, zone=ZONE),
        )
    assert (found["kept_days"], found["files"], found["size_bytes"]) == (400, 2, 2000)
    assert found["gap_share"] == pytest.approx(100 / 719)
    assert all(search["size"] == 0 for search in elastic.searches)


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"failed_shards": 1}, Reason.LIMITED, "some shards did not answer"),
        ({"timed_out": True}, Reason.LIMITED, "gave up"),
        ({"closed": frozenset({"logs-a"})}, Reason.LIMITED, "1 indices .* are closed"),
        ({"indices": {}}, Reason.NOT_FOUND, "no index logs-"),
    ],
)
def test_a_part_of_the_indices_is_no_shorter_log(
    key: Path, changed: dict[str, object], reason: Reason, words: str
) -> None:
    elastic = held()
    for name, value in changed.items():
        setattr(elastic, name, value)
    with http_simulator(elastic.answer) as server, refusal(reason, f"crm_logs: .*{words}"):
        holding(elastic_store(server.url, key))


def test_indices_without_entries_hold_nothing_and_claim_no_age(key: Path) -> None:
    with http_simulator(Elastic({"logs-a": []}).answer) as server:
        found = holding(elastic_store(server.url, key))
    assert "oldest" not in found
    assert "kept_days" not in found


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.NO_HTTP, Fault.LOG_IN_PAGE, Fault.HALF, Fault.WRONG_ENCODING])
def test_whatever_goes_wrong_with_an_answer_is_loud(key: Path, fault: Fault) -> None:
    with http_simulator(held().answer) as server:
        server.fail(fault)
        with pytest.raises(SourceUnavailable) as caught:
            holding(elastic_store(server.url, key))
    assert KEY not in caught.value.detail


def test_a_wrong_key_is_told_and_check_warns_of_one_that_writes(key: Path) -> None:
    elastic = held()
    elastic.writes = True
    with http_simulator(elastic.answer) as server:
        lines = list(source(elastic_store(server.url, key)).check(Window(cursor=b"", now=NOON, zone=ZONE)))
        assert any(line.verdict == "warning" and "may also write" in line.detail for line in lines)
        assert not any(KEY in line.detail for line in lines)
        key.write_text("another")
        with refusal(Reason.REFUSED, "crm_logs: "):
            holding(elastic_store(server.url, key))


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(rotated: Path, key: Path) -> None:
    now = datetime.now(UTC)
    write(rotated / "messages", lines([now - HOUR]), now)
    with http_simulator(held().answer) as server:
        options: dict[str, object] = {"stores": [of_files(rotated), elastic_store(server.url, key)]}
        reading = read_source(
            SourceSpec(name="logs", plugin="log_store", options=options), cursor=b"", now=now, zone=ZONE
        )
    assert reading.outcome == OBSERVED, reading.detail
    told = b"".join(one.SerializeToString() for one in reading.observations) + (reading.cursor or b"")
    assert b"canary" not in told
    assert str(rotated).encode() not in told
    assert len(reading.observations[0].inventory.entries) == 2
