"""The canonical dump of a projection: every table as text, names for numbers, in an order of its own."""

_SOURCE = "(SELECT center || char(31) || agent || char(31) || source FROM source WHERE source.id = {}.source)"
_DUMPED = {
    "entry": "log_index, recorded_ms, center",
    "chain": "center, agent, epoch, sequence, created_ms, claimed_epoch, claimed, recorded_ms, log_index",
    "run": f"{_SOURCE.format('run')}, ord, plugin, outcome, reason, due_ms, from_ms, to_ms, every_s, feeds,"
    " recorded_ms, log_index",
    "late": f"{_SOURCE.format('late')}, feed, ord, from_ms, to_ms, log_index",
    "part": "center, agent, epoch, run_id, part, parts, sequence, payload, recorded_ms, log_index",
    "listing": f"{_SOURCE.format('listing')}, kind, as_of_ms, ord, key_id, body, log_index",
    "body": "sha256, packed",
    "happening": f"{_SOURCE.format('happening')}, kind, id, ord, started_ms, ended_ms, key_id, occurrence, log_index",
    "roll": f"{_SOURCE.format('roll')}, kind, hour_ms, revision, ord, piece, key_id, packed, log_index",
    "note": "center, agent, ord, kind, detail, sources, log_index",
    "answer": "center, key, value_json, until_ms, log_index",
    "membership": "center, agent, act, detail, log_index",
    "raised": "center, agent, epoch, sequence, kind, digest, log_index",
    "activation": "pack, version, digest, from_ms, trust, signed_by, log_index",
    "waiver": "center, rule, act, from_ms, until_ms, approvers, reason, request, log_index",
}
DUMPS = {
    table: f"SELECT {columns} FROM {table} ORDER BY {', '.join(str(n + 1) for n in range(columns.count(',') + 1))}"  # noqa: S608
    for table, columns in _DUMPED.items()
}
DUMPS["measure"] = (
    "SELECT source.center, agent, source.source, series.measure, dimensions, period_s, start_ms, revision, ord, count,"
    " total, unfinished, more, log_index FROM measure JOIN series ON series.id = measure.series"
    " JOIN source ON source.id = series.source ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
)
