"""The SQL of `replay`: what the log's tables beside its entries must hold."""

import sqlite3

# What `chain` and `hole` must hold, from the entries alone.
_DERIVED = {
    "chain": (
        "SELECT center, agent, epoch, next_sequence, counted, uncounted, last_recorded_ms FROM chain",
        (
            "SELECT center, agent, epoch, coalesce(max(CASE WHEN holds THEN sequence + 1 END), 0), sum(counted),"
            " sum(NOT counted), max(recorded_ms) FROM entry WHERE kind = 'statement' GROUP BY center, agent, epoch"
        ),
    ),
    "hole": (
        "SELECT center, agent, epoch, from_sequence, to_sequence FROM hole",
        (
            "SELECT * FROM (SELECT center, agent, epoch, 1 + coalesce(lag(sequence) OVER"
            " (PARTITION BY center, agent, epoch ORDER BY sequence), -1) AS start, sequence FROM entry"
            " WHERE kind = 'statement' AND holds) WHERE start < sequence"
        ),
    ),
}


def derived_differences(connection: sqlite3.Connection) -> list[str]:
    """One line for each row of `chain` and `hole` that is not what the entries give."""
    found = []
    for table, (held, derived) in _DERIVED.items():
        for what, one, other in (("held", held, derived), ("from the entries", derived, held)):
            rows = connection.execute(f"{one} EXCEPT {other} LIMIT 5")
            found += [f"{table}: {what} only: {row}" for row in rows]
    return found
