"""All SQL of DIR/projections.sqlite, each with what it is for. Nothing here is truth: `rebuild` makes it again.

Every row carries the log index with which it became known, so any past state can be asked: `log_index <= N`.
`ord` orders the statements of one agent (epoch, then sequence) whatever order they arrived in.
Identities and pseudonyms are stored as TEXT and as BLOB of 8 bytes, so that the two never compare equal.
"""

# --- writing: one statement for each table; repeated rows change nothing, so projecting twice is harmless
INSERTS = {
    "entry": "INSERT OR IGNORE INTO entry VALUES (?,?,?)",
    "chain": "INSERT OR IGNORE INTO chain VALUES (?,?,?,?,?,?,?,?,?)",
    "run": "INSERT OR IGNORE INTO run VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
    "late": "INSERT OR IGNORE INTO late VALUES (?,?,?,?,?,?)",
    "measure": "INSERT OR IGNORE INTO measure VALUES (?,?,?,?,?,?,?,?,?)",
    "body": "INSERT OR IGNORE INTO body VALUES (?,?)",
    "listing": "INSERT OR IGNORE INTO listing VALUES (?,?,?,?,?,?,?)",
    "happening": "INSERT OR IGNORE INTO happening VALUES (?,?,?,?,?,?,?,?,?)",
    "roll": "INSERT OR IGNORE INTO roll VALUES (?,?,?,?,?,?,?,?,?)",
    "note": "INSERT OR IGNORE INTO note VALUES (?,?,?,?,?,?,?)",
    "answer": "INSERT OR IGNORE INTO answer VALUES (?,?,?,?,?)",
    "membership": "INSERT OR IGNORE INTO membership VALUES (?,?,?,?,?)",
    "raised": "INSERT OR IGNORE INTO raised VALUES (?,?,?,?,?,?,?)",
    "activation": "INSERT OR IGNORE INTO activation VALUES (?,?,?,?,?,?,?)",
    "waiver": "INSERT OR IGNORE INTO waiver VALUES (?,?,?,?,?,?,?,?,?)",
}
SET_POSITION = "INSERT INTO position VALUES (0,?,?) ON CONFLICT (one) DO UPDATE SET log_index = excluded.log_index"
POSITION = "SELECT log_id, log_index FROM position"
ADD_SOURCE = "INSERT INTO source (center, agent, source) VALUES (?,?,?)"
SOURCE_ID = "SELECT id FROM source WHERE center = ? AND agent = ? AND source = ?"
ADD_SERIES = "INSERT INTO series (center, measure, source, dimensions, period_s) VALUES (?,?,?,?,?)"
SERIES_ID = "SELECT id FROM series WHERE center = ? AND measure = ? AND source = ? AND dimensions = ? AND period_s = ?"
# Parts of a run that waits: put in, asked for, let go once the run is projected.
ADD_PART = "INSERT OR IGNORE INTO part VALUES (?,?,?,?,?,?,?,?,?,?)"
PARTS = (
    "SELECT part, log_index, recorded_ms, sequence, payload FROM part"
    " WHERE center = ? AND agent = ? AND epoch = ? AND run_id = ? AND parts = ? ORDER BY part"
)
COUNT_PARTS = "SELECT count(*) FROM part WHERE center = ? AND agent = ? AND epoch = ? AND run_id = ? AND parts = ?"
DROP_PARTS = "DELETE FROM part WHERE center = ? AND agent = ? AND epoch = ? AND run_id = ?"

# --- asking what was known when
# The highest index at which everything up to it was recorded by an instant.
INDEX_AT = "SELECT max(log_index) FROM entry WHERE recorded_ms <= ?"
# The newest entry that concerns a center, as known at an index.
CENTER_INDEX = (
    "SELECT log_index, recorded_ms FROM entry WHERE center = ? AND log_index <= ? ORDER BY log_index DESC LIMIT 1"
)
ENTRY = "SELECT recorded_ms, center FROM entry WHERE log_index = ?"
RECORDED = "SELECT recorded_ms FROM entry WHERE log_index = ?"
# When a center was last heard: its newest statement, not an act about it.
LAST_SEEN = "SELECT recorded_ms FROM chain WHERE center = ? AND log_index <= ? ORDER BY log_index DESC LIMIT 1"
AGENTS_SEEN = (
    "SELECT agent, max(recorded_ms) FROM chain WHERE center = ? AND log_index <= ? GROUP BY agent ORDER BY agent"
)
# A seek for each, however many entries there are.
CENTERS = (
    "WITH RECURSIVE c(center) AS (SELECT min(center) FROM entry WHERE center > '' UNION ALL SELECT"
    " (SELECT min(center) FROM entry WHERE center > c.center) FROM c WHERE center IS NOT NULL)"
    " SELECT center FROM c WHERE center IS NOT NULL AND EXISTS"
    " (SELECT 1 FROM entry WHERE entry.center = c.center AND log_index <= ?) ORDER BY center"
)
AGENTS = (
    "SELECT agent, act, detail, log_index FROM membership WHERE center = ? AND log_index <= ? ORDER BY agent, log_index"
)
# The newest answer under each key; an empty value withdraws it.
ANSWERS = (
    "SELECT key, value_json, until_ms, log_index FROM answer AS a WHERE center = ? AND log_index ="
    " (SELECT max(log_index) FROM answer AS b WHERE b.center = a.center AND b.key = a.key AND b.log_index <= ?)"
    " ORDER BY key"
)
# Every answer ever given, under each key the oldest first.
ANSWER_HISTORY = (
    "SELECT key, value_json, recorded_ms FROM answer JOIN entry ON entry.log_index = answer.log_index"
    " WHERE answer.center = ? AND answer.log_index <= ? ORDER BY key, answer.log_index"
)
ACTIVATION = (
    "SELECT pack, version, digest, log_index FROM activation WHERE log_index <= ? ORDER BY log_index DESC LIMIT 1"
)
# Every activation up to an index, in the order in which they come into force. They are few and entries are many, so
# the order of the join is given: SQLite would begin with the entries.
ACTIVATIONS = (
    "SELECT pack, version, digest, log_index, max(coalesce(from_ms, 0), recorded_ms) AS starts_ms, trust, signed_by"
    " FROM activation CROSS JOIN entry USING (log_index) WHERE activation.log_index <= ?"
    " ORDER BY starts_ms, activation.log_index"
)
# Waivers granted and withdrawn, in the order of their acts.
WAIVERS = (
    "SELECT center, rule, log_index, act, from_ms, until_ms, approvers, reason, request FROM waiver"
    " WHERE center = ? AND log_index <= ? ORDER BY log_index"
)
REQUEST = "SELECT 1 FROM waiver WHERE request = ?"
# Chain links in the order of their numbers, those that became known in (above, upto]: a few of many, by their index.
CHAIN = (
    "SELECT agent, epoch, sequence, created_ms, claimed_epoch, claimed FROM chain INDEXED BY chain_arrival"
    " WHERE center = ? AND log_index > ? AND log_index <= ? ORDER BY agent, epoch, sequence"
)
FORKS = (
    "SELECT agent, epoch, sequence FROM raised WHERE center = ? AND log_index <= ? AND kind = ?"
    " ORDER BY agent, epoch, sequence, log_index"
)
FOLD = "SELECT log_index, state FROM fold WHERE center = ? AND log_index <= ?"
KEEP_FOLD = "INSERT OR REPLACE INTO fold VALUES (?,?,?)"
NEWEST_OF = "SELECT coalesce(max(log_index), -1) FROM entry WHERE center = ? AND log_index <= ?"
# When one numbered statement was created.
CREATED = (
    "SELECT created_ms FROM chain WHERE center = ? AND agent = ? AND epoch = ? AND sequence = ? AND log_index <= ?"
)
SOURCES = "SELECT id, agent, source FROM source WHERE center = ? ORDER BY agent, source"
# Runs of one source that became known in (above, upto].
RUNS = (
    "SELECT ord, log_index, recorded_ms, plugin, outcome, reason, due_ms, from_ms, to_ms, every_s, feeds FROM run"
    " WHERE source = ? AND log_index > ? AND log_index <= ? ORDER BY log_index"
)
# What of one source became known in (above, upto] of times long past.
LATE = "SELECT feed, from_ms, to_ms FROM late WHERE source = ? AND log_index > ? AND log_index <= ?"
SERIES_OF = (
    "SELECT series.id, agent, source.source, dimensions, period_s FROM series JOIN source ON source.id = series.source"
    " WHERE series.center = ? AND measure = ? ORDER BY agent, source.source, dimensions, period_s"
)
# The stated slots of a series in a span, oldest first; of one slot the revision to read comes first: the highest,
# and of several statements under one number the first, because a slot is stated once.
SLOTS = (
    "SELECT start_ms, log_index, count, total, unfinished, more FROM measure"
    " WHERE series = ? AND start_ms >= ? AND start_ms < ? AND log_index <= ? ORDER BY start_ms, revision DESC, ord"
)
ALL_SLOTS = SLOTS.replace(" AND log_index <= ?", "")
TALLIES = (
    "SELECT day_ms, log_index, slots, count, total, unfinished, more FROM tally"
    " WHERE series = ? AND day_ms >= ? ORDER BY day_ms"
)
# A sum that rests on all slots of its day.
KEEP_TALLY = (
    "UPDATE tally SET slots = ?, count = ?, total = ?, unfinished = ?, more = ?"
    " WHERE series = ? AND day_ms = ? AND log_index = ?"
)
# Days without a sum that began before an instant.
EMPTY_TALLIES = (
    "SELECT center, series, day_ms FROM tally JOIN series ON series.id = tally.series"
    " WHERE slots = 0 AND day_ms < ? ORDER BY day_ms LIMIT ?"
)
CIVIL = "SELECT zone FROM civil WHERE center = ?"
SET_CIVIL = "INSERT OR REPLACE INTO civil VALUES (?,?)"
ZONE_ANSWER = "SELECT value_json FROM answer WHERE center = ? AND key = 'zone' ORDER BY log_index DESC LIMIT 1"
# In another zone, other days have slots. `civil_day` is a function of the connection.
DROP_DAYS = "DELETE FROM tally WHERE series IN (SELECT id FROM series WHERE center = ?)"
ADD_DAYS = (
    "INSERT INTO tally (series, day_ms, log_index) SELECT series, civil_day(start_ms), max(log_index) FROM measure"
    " WHERE series IN (SELECT id FROM series WHERE center = ?) GROUP BY 1, 2"
)
TOUCH_DAY = (
    "INSERT INTO tally (series, day_ms, log_index) VALUES (?,?,?) ON CONFLICT (series, day_ms)"
    " DO UPDATE SET log_index = max(log_index, excluded.log_index), slots = 0"
)
# What the slots of a measure in a span rest on: as long as it stays the same, so do they.
SLOTS_STAMP = (
    "SELECT count(*), max(tally.log_index) FROM series JOIN tally ON tally.series = series.id"
    " WHERE center = ? AND measure = ? AND day_ms >= ? AND day_ms < ?"
)
# What the slots of some measures in each civil day rest on.
DAY_STAMPS = (
    "SELECT day_ms, count(*), max(tally.log_index) FROM series JOIN tally ON tally.series = series.id"
    " WHERE center = ? AND measure IN (SELECT value FROM json_each(?)) AND day_ms >= ? AND day_ms < ? GROUP BY day_ms"
)
NOTES = (
    "SELECT day_ms, series_count, log_index, said FROM day_note"
    " WHERE center = ? AND key = ? AND day_ms >= ? AND day_ms < ?"
)
KEEP_NOTE = "INSERT OR REPLACE INTO day_note VALUES (?,?,?,?,?,?)"
# The newest complete list of one source, as known at an index.
LISTING = (
    "SELECT as_of_ms, log_index, key_id, body FROM listing"
    " WHERE source = ? AND kind = ? AND log_index <= ? ORDER BY as_of_ms DESC, ord DESC LIMIT 1"
)
# When the newest of them was made that is not younger than an instant.
LISTED_UNTIL = (
    "SELECT as_of_ms FROM listing WHERE source = ? AND kind = ? AND as_of_ms <= ? AND log_index <= ?"
    " ORDER BY as_of_ms DESC LIMIT 1"
)
# The complete lists of a source in a span, oldest first, and the last one before it.
LISTS = (
    "SELECT as_of_ms, log_index, key_id, body FROM listing"
    " WHERE source = ? AND kind = ? AND as_of_ms >= ? AND as_of_ms < ? AND log_index <= ? ORDER BY as_of_ms, ord"
)
LIST_BEFORE = (
    "SELECT as_of_ms, log_index, key_id, body FROM listing"
    " WHERE source = ? AND kind = ? AND as_of_ms < ? AND log_index <= ? ORDER BY as_of_ms DESC, ord DESC LIMIT 1"
)
BODY = "SELECT packed FROM body WHERE sha256 = ?"
# The kinds of which a source has rows: a seek for each, however many rows there are.
HAPPENING_KINDS = (
    "WITH RECURSIVE k(kind) AS (SELECT min(kind) FROM happening WHERE source = ?1 UNION ALL SELECT"
    " (SELECT min(kind) FROM happening WHERE source = ?1 AND kind > k.kind) FROM k WHERE kind IS NOT NULL)"
    " SELECT kind FROM k WHERE kind IS NOT NULL"
)
BUNDLE_KINDS = HAPPENING_KINDS.replace("happening", "bundle")
LISTING_KINDS = HAPPENING_KINDS.replace("happening", "listing")
# The newest known statement about each occurrence that started in a span.
HAPPENINGS = (
    "SELECT id, started_ms, ended_ms, key_id, occurrence FROM happening AS h"
    " WHERE source = ? AND kind = ? AND started_ms >= ? AND started_ms < ? AND log_index <= ? AND NOT EXISTS"
    " (SELECT 1 FROM happening AS n WHERE n.source = h.source AND n.kind = h.kind AND n.id = h.id AND n.ord > h.ord"
    " AND n.log_index <= ?)"
)
# Those that started before a span and are open as far as is known.
OPEN_HAPPENINGS = HAPPENINGS.replace("AS h", "AS h INDEXED BY happening_open").replace(
    "started_ms >= ? AND started_ms < ?", "ended_ms IS NULL AND started_ms < ?"
)
# The hours of a span that have rolls, and the revision to read.
ROLL_HOURS = (
    "SELECT hour_ms, max(revision) FROM roll"
    " WHERE source = ? AND kind = ? AND hour_ms >= ? AND hour_ms < ? AND log_index <= ?"
    " GROUP BY hour_ms ORDER BY hour_ms"
)
# The days of a span that have rolls, packed or not.
BUNDLES = (
    "SELECT day_ms, log_index, packed FROM bundle WHERE source = ? AND kind = ? AND day_ms >= ? AND day_ms < ?"
    " ORDER BY day_ms"
)
# What those days rest on, as known at an index: as long as it stays the same, so do they.
BUNDLE_STAMPS = (
    "SELECT day_ms, min(log_index, ?) FROM bundle WHERE source = ? AND kind = ? AND day_ms >= ? AND day_ms < ?"
    " ORDER BY day_ms"
)
TOUCH_BUNDLE = (
    "INSERT INTO bundle (source, kind, day_ms, log_index) VALUES (?,?,?,?) ON CONFLICT (source, kind, day_ms)"
    " DO UPDATE SET log_index = max(log_index, excluded.log_index), packed = NULL"
)
EMPTY_BUNDLES = (
    "SELECT source, kind, day_ms, log_index FROM bundle WHERE packed IS NULL AND day_ms < ? ORDER BY day_ms LIMIT ?"
)
# A day that holds all rolls of its hours.
KEEP_BUNDLE = "UPDATE bundle SET packed = ? WHERE source = ? AND kind = ? AND day_ms = ? AND log_index = ?"
# The rolls of one hour at one revision.
ROLLS = (
    "SELECT key_id, packed FROM roll"
    " WHERE source = ? AND kind = ? AND hour_ms = ? AND revision = ? AND log_index <= ? ORDER BY ord, piece"
)
