"""The tables of DIR/projections.sqlite and their migrations. What asks and writes them stands in `projection_sql`."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from sqlite_utils import Database, Migrations

from ccmm_collector.coverage import BACKFILL_MS, merge
from ccmm_rules.evidence import Span

SCHEMA = Migrations("projections")

TABLES = """
-- Where the projection stands: one row, written in the transaction that it describes.
CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 0), log_id TEXT NOT NULL, log_index INTEGER NOT NULL);
-- Every entry of the log: when it was recorded and which center it concerns ('' for none).
CREATE TABLE entry (log_index INTEGER PRIMARY KEY, recorded_ms INTEGER NOT NULL, center TEXT NOT NULL);
CREATE INDEX entry_recorded ON entry (recorded_ms);
CREATE INDEX entry_center ON entry (center, log_index);
-- The counted statements of each chain; `claimed` is the sequence + 1 of the older epoch that an epoch start says was
-- receipted.
CREATE TABLE chain (
  center TEXT NOT NULL, agent TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, recorded_ms INTEGER NOT NULL, log_index INTEGER NOT NULL,
  claimed_epoch INTEGER NOT NULL, claimed INTEGER NOT NULL,
  PRIMARY KEY (center, agent, epoch, sequence)) WITHOUT ROWID;
CREATE INDEX chain_arrival ON chain (center, log_index);
-- Small numbers for the long names of sources and of measure series.
CREATE TABLE source (id INTEGER PRIMARY KEY, center TEXT NOT NULL, agent TEXT NOT NULL, source TEXT NOT NULL,
  UNIQUE (center, agent, source));
CREATE TABLE series (id INTEGER PRIMARY KEY, center TEXT NOT NULL, measure TEXT NOT NULL, source INTEGER NOT NULL,
  dimensions TEXT NOT NULL, period_s INTEGER NOT NULL, UNIQUE (center, measure, source, dimensions, period_s));
-- Every run, whatever its outcome. Spans are absent unless OBSERVED or EMPTY.
CREATE TABLE run (
  source INTEGER NOT NULL, ord INTEGER NOT NULL, log_index INTEGER NOT NULL, recorded_ms INTEGER NOT NULL,
  plugin TEXT NOT NULL, outcome INTEGER NOT NULL, reason TEXT NOT NULL, due_ms INTEGER NOT NULL,
  from_ms INTEGER, to_ms INTEGER, every_s INTEGER NOT NULL, feeds TEXT NOT NULL,
  PRIMARY KEY (source, ord)) WITHOUT ROWID;
CREATE INDEX run_arrival ON run (source, log_index);
-- Parts of runs whose other parts have not arrived.
CREATE TABLE part (
  center TEXT NOT NULL, agent TEXT NOT NULL, epoch INTEGER NOT NULL, run_id TEXT NOT NULL, part INTEGER NOT NULL,
  parts INTEGER NOT NULL, log_index INTEGER NOT NULL, recorded_ms INTEGER NOT NULL, sequence INTEGER NOT NULL,
  payload BLOB NOT NULL, PRIMARY KEY (center, agent, epoch, run_id, part)) WITHOUT ROWID;
-- One stated slot. `more`: 17 buckets of a histogram (17 bytes, or 17 x 8), or min, max, last of a gauge (24 bytes).
CREATE TABLE measure (
  series INTEGER NOT NULL, start_ms INTEGER NOT NULL, revision INTEGER NOT NULL, ord INTEGER NOT NULL,
  log_index INTEGER NOT NULL, count INTEGER NOT NULL, total REAL NOT NULL, unfinished INTEGER NOT NULL, more BLOB,
  PRIMARY KEY (series, start_ms, revision, ord)) WITHOUT ROWID;
-- The days that have slots, the highest index among them, and once it was made (slots > 0) their sum, which holds as
-- known at N if log_index <= N. Kept results, no facts: a new slot of its day empties the sum. `day_ms`: the midnight
-- with which the day begins in the zone that `civil` names (UTC where it names none).
CREATE TABLE tally (
  series INTEGER NOT NULL, day_ms INTEGER NOT NULL, log_index INTEGER NOT NULL, slots INTEGER NOT NULL DEFAULT 0,
  count INTEGER NOT NULL DEFAULT 0, total REAL NOT NULL DEFAULT 0, unfinished INTEGER NOT NULL DEFAULT 0, more BLOB,
  PRIMARY KEY (series, day_ms)) WITHOUT ROWID;
-- Complete lists, newest and older. Lists that did not change share one body.
CREATE TABLE listing (
  source INTEGER NOT NULL, kind TEXT NOT NULL, as_of_ms INTEGER NOT NULL, ord INTEGER NOT NULL,
  log_index INTEGER NOT NULL, key_id TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (source, kind, as_of_ms, ord)) WITHOUT ROWID;
CREATE TABLE body (sha256 BLOB PRIMARY KEY, packed BLOB NOT NULL);
-- Occurrences that travelled alone; the same id again is a newer statement about it.
CREATE TABLE happening (
  source INTEGER NOT NULL, kind TEXT NOT NULL, id NOT NULL, ord INTEGER NOT NULL, log_index INTEGER NOT NULL,
  started_ms INTEGER NOT NULL, ended_ms INTEGER, key_id TEXT NOT NULL, occurrence BLOB NOT NULL,
  PRIMARY KEY (source, kind, id, ord)) WITHOUT ROWID;
CREATE INDEX happening_started ON happening (source, kind, started_ms);
CREATE INDEX happening_open ON happening (source, kind) WHERE ended_ms IS NULL;
-- Hours of packed occurrences. `piece` tells apart the rolls of one hour in one run.
CREATE TABLE roll (
  source INTEGER NOT NULL, kind TEXT NOT NULL, hour_ms INTEGER NOT NULL, revision INTEGER NOT NULL,
  ord INTEGER NOT NULL, piece INTEGER NOT NULL, log_index INTEGER NOT NULL, key_id TEXT NOT NULL, packed BLOB NOT NULL,
  PRIMARY KEY (source, kind, hour_ms, revision, ord, piece)) WITHOUT ROWID;
-- What agents noted about themselves, and what the collector did itself.
CREATE TABLE note (center TEXT NOT NULL, agent TEXT NOT NULL, ord INTEGER NOT NULL, log_index INTEGER NOT NULL,
  kind INTEGER NOT NULL, detail TEXT NOT NULL, sources TEXT NOT NULL, PRIMARY KEY (center, agent, ord)) WITHOUT ROWID;
CREATE TABLE answer (center TEXT NOT NULL, key TEXT NOT NULL, log_index INTEGER NOT NULL, value_json TEXT NOT NULL,
  until_ms INTEGER, PRIMARY KEY (center, key, log_index)) WITHOUT ROWID;
CREATE TABLE membership (center TEXT NOT NULL, agent TEXT NOT NULL, log_index INTEGER NOT NULL, act TEXT NOT NULL,
  detail TEXT NOT NULL, PRIMARY KEY (center, agent, log_index)) WITHOUT ROWID;
CREATE TABLE raised (center TEXT NOT NULL, agent TEXT NOT NULL, log_index INTEGER NOT NULL, epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL, kind INTEGER NOT NULL, digest BLOB NOT NULL,
  PRIMARY KEY (center, agent, log_index)) WITHOUT ROWID;
CREATE TABLE activation (log_index INTEGER PRIMARY KEY, pack TEXT NOT NULL, version TEXT NOT NULL,
  digest BLOB NOT NULL);
"""


@SCHEMA()
def first_tables(db: Database) -> None:
    """The schema of the first release."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)


@SCHEMA()
def waivers_and_starts(db: Database) -> None:
    """Waivers; from when an activated pack is in force (NULL: from its act on), and why it was let in."""
    db.execute(
        "CREATE TABLE waiver (center TEXT NOT NULL, rule TEXT NOT NULL, log_index INTEGER NOT NULL, act TEXT NOT NULL,"
        " from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, approvers TEXT NOT NULL, reason TEXT NOT NULL,"
        " request BLOB NOT NULL, PRIMARY KEY (center, log_index)) WITHOUT ROWID"
    )
    db.execute("ALTER TABLE activation ADD COLUMN from_ms INTEGER")
    db.execute("ALTER TABLE activation ADD COLUMN trust INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE activation ADD COLUMN signed_by BLOB NOT NULL DEFAULT x''")


DAYS = """
-- The zone in whose days a center's slots are summed: that of its newest scope answer.
CREATE TABLE civil (center TEXT PRIMARY KEY, zone TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX tally_empty ON tally (day_ms) WHERE slots = 0;
-- The UTC days that have rolls, the highest index among them, and once it was made the day in one piece, which holds as
-- known at N if log_index <= N. Kept results, no facts: a new roll of its day empties it.
CREATE TABLE bundle (source INTEGER NOT NULL, kind TEXT NOT NULL, day_ms INTEGER NOT NULL, log_index INTEGER NOT NULL,
  packed BLOB, PRIMARY KEY (source, kind, day_ms)) WITHOUT ROWID;
-- What of a center was folded up to an index (see `fold`). A kept result, no fact.
CREATE TABLE fold (center TEXT PRIMARY KEY, log_index INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX bundle_empty ON bundle (day_ms) WHERE packed IS NULL;
INSERT INTO bundle (source, kind, day_ms, log_index)
  SELECT source, kind, hour_ms - hour_ms % 86400000, max(log_index) FROM roll GROUP BY 1, 2, 3;
"""


@SCHEMA()
def civil_days(db: Database) -> None:
    """Sums by the days of the center's zone. Those of UTC days that are there are made anew with the next slots."""
    for statement in DAYS.split(";\n"):
        if statement.strip():
            db.execute(statement)


@SCHEMA()
def day_notes(db: Database) -> None:
    """What rules made of the slots of a civil day: good while so many series have slots in it, up to that index.

    Kept results, no facts.
    """
    db.execute(
        "CREATE TABLE day_note (center TEXT NOT NULL, key BLOB NOT NULL, day_ms INTEGER NOT NULL,"
        " series_count INTEGER NOT NULL, log_index INTEGER NOT NULL, said TEXT NOT NULL,"
        " PRIMARY KEY (center, key, day_ms)) WITHOUT ROWID"
    )


LATE = """
-- Time of which a run told figures or packed occurrences more than 48 h after it, whoever had vouched for it before.
CREATE TABLE late (
  source INTEGER NOT NULL, feed TEXT NOT NULL, ord INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  log_index INTEGER NOT NULL, PRIMARY KEY (source, feed, ord, from_ms)) WITHOUT ROWID;
CREATE INDEX late_arrival ON late (source, log_index);
DELETE FROM fold;
"""
# Source, feed, ord, index, and from when to when, of figures and packed occurrences told so late.
LATE_BEFORE = """
SELECT series.source, measure, ord, log_index, start_ms, min(start_ms + 1000 * period_s, recorded_ms - :late) AS to_ms
  FROM measure JOIN series ON series.id = series JOIN entry USING (log_index) WHERE start_ms < recorded_ms - :late
UNION ALL
SELECT source, kind, ord, log_index, hour_ms, min(hour_ms + 3600000, recorded_ms - :late)
  FROM roll JOIN entry USING (log_index) WHERE hour_ms < recorded_ms - :late
ORDER BY 1, 2, 3, 4
"""


@SCHEMA()
def late_facts(db: Database) -> None:
    """What was told late, also where its time had been vouched for before; what is there is looked through once."""
    for statement in LATE.split(";\n"):
        if statement.strip():
            db.execute(statement)
    told = db.execute(LATE_BEFORE, {"late": BACKFILL_MS})
    db.conn.executemany("INSERT INTO late VALUES (?,?,?,?,?,?)", list(_late_spans(told)))


def _late_spans(told: Iterable[tuple[int, str, int, int, int, int]]) -> Iterator[tuple[object, ...]]:
    """Rows of `late`."""
    for (source, feed, ord_, index), rows in groupby(told, key=itemgetter(0, 1, 2, 3)):
        spans: list[Span] = []
        for row in rows:
            merge(spans, Span(row[4], row[5]))
        yield from ((source, feed, ord_, span.from_ms, span.to_ms, index) for span in spans)
