from ccmm_proto.chain import MAX_AHEAD_MS, ZERO, Arrival, Head, classify
from ccmm_proto.v1.statement_pb2 import Statement
from tests.unit.proto.strategies import statement

A, B, C, D = (bytes([n] * 32) for n in (1, 2, 3, 4))


def arrival(
    made: Statement,
    digest: bytes = D,
    *,
    next_sequence: int | None = None,
    held: bytes | None = None,
    previous: bytes | None = None,
    following: bytes | None = None,
) -> Arrival:
    head = None if next_sequence is None else Head(next_sequence, C)
    return classify(
        made,
        digest,
        head=head,
        held_digest=held,
        previous_digest=previous,
        following_previous=following,
        now_ms=made.created_ms,
    )


def test_the_first_statement_of_a_chain_is_next() -> None:
    assert arrival(statement()) is Arrival.NEXT


def test_the_next_number_with_the_right_previous_digest_is_next() -> None:
    assert arrival(statement(5, C), next_sequence=5, previous=C) is Arrival.NEXT


def test_the_same_digest_under_its_number_is_a_repeat() -> None:
    assert arrival(statement(4, B), D, next_sequence=5, held=D, previous=B) is Arrival.REPEAT


def test_a_skipped_number_is_a_gap() -> None:
    assert arrival(statement(7, A), next_sequence=5) is Arrival.GAP
    assert arrival(statement(3, A)) is Arrival.GAP


def test_a_late_statement_that_fits_on_both_sides_fills_its_gap() -> None:
    assert arrival(statement(5, C), D, next_sequence=8, previous=C, following=D) is Arrival.NEXT


def test_a_late_statement_that_the_following_one_does_not_name_is_a_fork() -> None:
    assert arrival(statement(5, C), D, next_sequence=8, previous=C, following=A) is Arrival.FORK


def test_a_used_number_with_another_digest_is_a_fork() -> None:
    assert arrival(statement(4, B), D, next_sequence=5, held=C, previous=B) is Arrival.FORK


def test_a_wrong_previous_digest_is_a_fork() -> None:
    assert arrival(statement(5, A), next_sequence=5, previous=C) is Arrival.FORK
    assert arrival(statement(0, A)) is Arrival.FORK
    assert arrival(statement(0, ZERO)) is Arrival.NEXT


def test_more_than_five_minutes_ahead_is_the_future() -> None:
    made = statement()
    late = {"head": None, "held_digest": None, "previous_digest": None}
    assert classify(made, D, **late, now_ms=made.created_ms - MAX_AHEAD_MS) is Arrival.NEXT
    assert classify(made, D, **late, now_ms=made.created_ms - MAX_AHEAD_MS - 1) is Arrival.FUTURE


def test_an_unknown_schema_is_said_so_before_anything_else_is_read() -> None:
    assert arrival(statement(schema=2)) is Arrival.SCHEMA
