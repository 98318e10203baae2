"""All SQL of the spool, each statement with its reason."""

# One connection's settings: FULL makes every commit reach the disk, also in WAL mode.
OPEN = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 30000;
PRAGMA journal_size_limit = 4194304;
PRAGMA cache_size = -1024;
"""

VERSION = 2

SCHEMA = """
CREATE TABLE statement (
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    state INTEGER NOT NULL,        -- 0 waiting, 1 acknowledged, 2 set aside
    size INTEGER NOT NULL,         -- bytes of the envelope
    created_ms INTEGER NOT NULL,
    acknowledged_ms INTEGER,
    stream_ends INTEGER NOT NULL DEFAULT 0,  -- how often the stream ended while it was the only one in flight
    source TEXT NOT NULL,          -- empty for notes
    receipt BLOB,
    envelope BLOB NOT NULL,
    PRIMARY KEY (epoch, sequence)
);
CREATE INDEX waiting ON statement (epoch, sequence, size, created_ms) WHERE state = 0;
CREATE INDEX acknowledged ON statement (acknowledged_ms) WHERE state = 1;
CREATE TABLE chain (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch INTEGER NOT NULL,
    next_sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,          -- of the statement before next_sequence; 32 zero bytes at 0
    epoch_start BLOB NOT NULL,     -- why this epoch was opened; goes into its first statement; empty in epoch 0
    last_receipt BLOB NOT NULL,    -- newest receipt envelope, or empty
    boot_id TEXT NOT NULL,         -- of the machine when the spool was last opened to run
    pseudonym_key_id TEXT NOT NULL -- of the runs so far; empty before the first
);
CREATE TABLE source (
    name TEXT PRIMARY KEY,
    cursor BLOB NOT NULL,
    last_due_ms INTEGER NOT NULL,  -- newest due time that became a run, a MISSED, a SKIPPED or is held
    run_id TEXT NOT NULL,
    outcome INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    finished_ms INTEGER NOT NULL,
    stopped INTEGER NOT NULL,      -- 1: the spool is too full for it
    held_first_ms INTEGER NOT NULL,
    held_count INTEGER NOT NULL,   -- due times since it was stopped that no statement tells of yet
    failures INTEGER NOT NULL DEFAULT 0,         -- runs in a row that could not look
    failed_ms INTEGER NOT NULL DEFAULT 0,        -- due time of the last of them
    window_ms INTEGER NOT NULL DEFAULT 0,        -- begin of the span of its budget
    spent INTEGER NOT NULL DEFAULT 0,            -- readings in that span
    history_from_ms INTEGER NOT NULL DEFAULT 0,  -- what the first reading has covered so far
    history_to_ms INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE refusal (
    digest BLOB NOT NULL,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
"""

# From a version to the next one: only columns with a default, so that nothing has to be written again.
UPGRADES = {
    1: tuple(
        f"ALTER TABLE source ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0"
        for column in ("failures", "failed_ms", "window_ms", "spent", "history_from_ms", "history_to_ms")
    )
}

OPEN_CHAIN = "INSERT INTO chain VALUES (1, ?, 0, zeroblob(32), ?, ?, '', '')"
CHAIN = "SELECT epoch, next_sequence, digest, epoch_start, last_receipt, boot_id, pseudonym_key_id FROM chain"
ADVANCE = "UPDATE chain SET next_sequence = ?, digest = ?"
# A new epoch starts at 0 without a previous digest.
NEW_EPOCH = "UPDATE chain SET epoch = ?, next_sequence = 0, digest = zeroblob(32), epoch_start = ?"
SET_BOOT_ID = "UPDATE chain SET boot_id = ?"
SET_KEY_ID = "UPDATE chain SET pseudonym_key_id = ?"
SET_LAST_RECEIPT = "UPDATE chain SET last_receipt = ?"

PUT = """INSERT INTO statement (epoch, sequence, digest, state, size, created_ms, source, envelope)
VALUES (?, ?, ?, 0, ?, ?, ?, ?)"""
# Oldest first, across epochs: the order in which they are sent.
WAITING = """SELECT epoch, sequence, digest, stream_ends, envelope FROM statement
WHERE state = 0 AND (epoch, sequence) > (?, ?) ORDER BY epoch, sequence LIMIT ?"""
# A receipt counts only for the statement it names in all of epoch, number and digest.
ACKNOWLEDGE = """UPDATE statement SET state = 1, receipt = ?, acknowledged_ms = ?
WHERE epoch = ? AND sequence = ? AND digest = ?"""
STREAM_ENDED = (
    "UPDATE statement SET stream_ends = stream_ends + 1 WHERE epoch = ? AND sequence = ? RETURNING stream_ends"
)
SET_ASIDE = "UPDATE statement SET state = 2 WHERE epoch = ? AND sequence = ? AND state = 0"
DIGEST_AT = "SELECT digest FROM statement WHERE epoch = ? AND sequence = ?"
SOURCE_AT = "SELECT source FROM statement WHERE epoch = ? AND sequence = ? AND state = ?"
IS_SET_ASIDE = "SELECT 1 FROM statement WHERE epoch = ? AND sequence = ? AND state = 2"
# What a collector that was restored from a backup has lost: acknowledged, at or above its head.
COUNT_LOST = "SELECT count(*), max(sequence) FROM statement WHERE epoch = ? AND sequence >= ? AND state = 1"
SEND_AGAIN = "UPDATE statement SET state = 0 WHERE epoch = ? AND sequence >= ? AND state = 1"
EPOCHS = "SELECT DISTINCT epoch FROM statement ORDER BY epoch"
# For a new epoch: what never got a receipt is taken out and sealed again. What had one belongs to its old epoch.
TAKE_WAITING = "DELETE FROM statement WHERE state = 0 AND epoch = ? AND sequence = ? RETURNING envelope, source"
NEVER_RECEIVED = "SELECT epoch, sequence FROM statement WHERE state = 0 AND receipt IS NULL ORDER BY epoch, sequence"

WAITING_BYTES = "SELECT coalesce(sum(size), 0) FROM statement WHERE state = 0"
DEPTH = "SELECT count(*), coalesce(sum(size), 0), min(created_ms) FROM statement WHERE state = 0"
COUNTS = "SELECT state, count(*) FROM statement GROUP BY state"
PRUNE_OLD = "DELETE FROM statement WHERE state = 1 AND acknowledged_ms < ?"
PRUNE_SOME = """DELETE FROM statement WHERE rowid IN
(SELECT rowid FROM statement WHERE state = 1 ORDER BY acknowledged_ms, epoch, sequence LIMIT 100)"""
USED_PAGES = """SELECT (c.page_count - f.freelist_count) * s.page_size
FROM pragma_page_count AS c, pragma_freelist_count AS f, pragma_page_size AS s"""
RECENT = """SELECT epoch, sequence, digest, state, created_ms, acknowledged_ms, envelope, receipt FROM statement
ORDER BY epoch DESC, sequence DESC LIMIT ?"""

SOURCES = "SELECT * FROM source ORDER BY name"
SOURCE = "SELECT * FROM source WHERE name = ?"
PUT_SOURCE = "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

PUT_REFUSAL = "INSERT INTO refusal VALUES (?, ?, ?, ?)"
KEEP_REFUSALS = "DELETE FROM refusal WHERE rowid NOT IN (SELECT rowid FROM refusal ORDER BY rowid DESC LIMIT 100)"
REFUSALS = "SELECT digest, name, message, at_ms FROM refusal ORDER BY rowid DESC LIMIT ?"
