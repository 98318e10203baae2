"""Statements for tests of the contract."""

from ccmm_proto.v1 import statement_pb2 as pb

PSEUDONYM = bytes(range(32))


def run(*observations: pb.Observation, outcome: pb.Outcome.ValueType = pb.OBSERVED) -> pb.Run:
    """A run that keeps every rule of the wire."""
    made = pb.Run(source="pbx", plugin="asterisk", run_id="r1", part=1, parts=1, outcome=outcome)
    if outcome in (pb.OBSERVED, pb.EMPTY):
        made.covers.from_ms, made.covers.to_ms = 0, 900_000
    else:
        made.reason = "timeout"
    made.observations.extend(observations)
    return made


def statement(sequence: int = 0, previous: bytes = bytes(32), **fields: object) -> pb.Statement:
    """A statement that parses; fields override."""
    made = pb.Statement(
        schema=1, center="north", agent="agent-1", sequence=sequence, previous=previous, created_ms=1_000, run=run()
    )
    made.MergeFrom(pb.Statement(**fields))  # type: ignore[arg-type]  # fields of the message, by name
    return made


def count(id: str = "calls_offered", start_ms: int = 0, **dimensions: str) -> pb.Observation:
    """A count measure with clear dimensions."""
    listed = [pb.Dimension(name=name, text=text) for name, text in sorted(dimensions.items())]
    return pb.Observation(measure=pb.Measure(id=id, start_ms=start_ms, period_s=900, dimensions=listed, count=3))
