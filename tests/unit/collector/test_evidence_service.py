"""Streams over real TLS: receipts, and everything of FORMATS §1 that is refused."""

from tests.unit.collector.conftest import Collector


def test_a_statement_is_answered_with_a_receipt_that_names_its_place_in_the_log(collector: Collector) -> None:
    agent = collector.agent()
    (first, second) = agent.receipts(agent.signer.statements(2))
    assert (first.sequence, second.sequence) == (0, 1)
    entry = collector.log.entries(after=first.log_index - 1, limit=1)[0]
    assert (entry.digest, entry.recorded_ms) == (first.digest, first.recorded_ms)
    assert first.log_id == collector.log.log_id
