"""All SQL of DIR/verdicts.sqlite, each with what it is for. Each row can be derived again from (pack, log, instant)."""

from sqlite_utils import Database, Migrations

SCHEMA = Migrations("verdicts")

TABLES = """
-- The verdict in force of every rule. `next_ms`: the first instant at which time alone may change it; NULL for never.
-- `essence`: SHA-256 of what of it is compared with the verdict before it.
CREATE TABLE current (
  center TEXT NOT NULL, rule TEXT NOT NULL, pack TEXT NOT NULL, at_ms INTEGER NOT NULL, log_index INTEGER NOT NULL,
  next_ms INTEGER, essence BLOB NOT NULL, verdict TEXT NOT NULL, PRIMARY KEY (center, rule)) WITHOUT ROWID;
CREATE INDEX current_next ON current (next_ms) WHERE next_ms IS NOT NULL;
-- A row whenever a rule's outcome or values changed, and never else.
CREATE TABLE history (
  center TEXT NOT NULL, rule TEXT NOT NULL, at_ms INTEGER NOT NULL, log_index INTEGER NOT NULL, pack TEXT NOT NULL,
  outcome TEXT NOT NULL, verdict TEXT NOT NULL, PRIMARY KEY (center, rule, at_ms, log_index)) WITHOUT ROWID;
-- How far each center was judged, and the level that followed.
CREATE TABLE standing (
  center TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, log_index INTEGER NOT NULL, pack TEXT NOT NULL,
  level TEXT NOT NULL) WITHOUT ROWID;
"""


@SCHEMA()
def first_tables(db: Database) -> None:
    """The schema of the first release."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)


@SCHEMA()
def order_of_standings(db: Database) -> None:
    """Who was judged when and by which pack, without reading the levels themselves."""
    db.execute("CREATE INDEX standing_at ON standing (at_ms, pack, log_index)")


@SCHEMA()
def wheel_of_centers(db: Database) -> None:
    """The instants at which somebody must look again, ordered by center: one for each, not one for each verdict."""
    db.execute("ALTER TABLE standing ADD COLUMN next_ms INTEGER")
    db.execute(
        "UPDATE standing SET next_ms = (SELECT min(next_ms) FROM current WHERE current.center = standing.center)"
    )
    db.execute("CREATE INDEX standing_next ON standing (next_ms) WHERE next_ms IS NOT NULL")
    db.execute("CREATE INDEX current_due ON current (center, next_ms)")
    db.execute("DROP INDEX current_next")


@SCHEMA()
def turns_of_outcomes(db: Database) -> None:
    """When a rule's outcome itself changed: verdicts are long, and to tell since when only this is read."""
    db.execute(
        "CREATE TABLE turn (center TEXT NOT NULL, rule TEXT NOT NULL, at_ms INTEGER NOT NULL,"
        " log_index INTEGER NOT NULL, outcome TEXT NOT NULL,"
        " PRIMARY KEY (center, rule, at_ms, log_index)) WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO turn SELECT center, rule, at_ms, log_index, outcome FROM (SELECT *, lag(outcome) OVER"
        " (PARTITION BY center, rule ORDER BY at_ms, log_index) AS before FROM history) WHERE outcome IS NOT before"
    )


@SCHEMA()
def engines_of_standings(db: Database) -> None:
    """Which code judged all rules of a center the last time; '' where nobody noted it."""
    db.execute("ALTER TABLE standing ADD COLUMN engine TEXT NOT NULL DEFAULT ''")


SET_CURRENT = "INSERT OR REPLACE INTO current VALUES (?,?,?,?,?,?,?,?)"
ADD_HISTORY = "INSERT OR REPLACE INTO history VALUES (?,?,?,?,?,?,?)"
# Only where the outcome is another one than the newest.
ADD_TURN = (
    "INSERT OR REPLACE INTO turn SELECT ?1,?2,?3,?4,?5 WHERE ?5 IS NOT (SELECT outcome FROM turn"
    " WHERE center = ?1 AND rule = ?2 ORDER BY at_ms DESC, log_index DESC LIMIT 1)"
)
# The level, and the earliest instant of all its verdicts: written after them, in the same transaction.
SET_STANDING = (
    "INSERT OR REPLACE INTO standing (center, at_ms, log_index, pack, level, next_ms, engine)"
    " VALUES (?1,?2,?3,?4,?5,(SELECT min(next_ms) FROM current WHERE center = ?1),"
    " coalesce(?6, (SELECT engine FROM standing WHERE center = ?1), ''))"
)
# Rules of an older pack leave the verdicts in force; their history stays.
DROP_OTHERS = "DELETE FROM current WHERE center = ? AND pack <> ?"
# What a new verdict is compared with.
ESSENCES = "SELECT rule, essence FROM current WHERE center = ?"
VERDICTS = "SELECT rule, verdict FROM current WHERE center = ? AND pack = ? ORDER BY rule"
ALL_CURRENT = (
    "SELECT center, rule, pack, at_ms, log_index, verdict FROM current ORDER BY center, at_ms, log_index, rule"
)
STANDING = "SELECT at_ms, log_index, pack, level FROM standing WHERE center = ?"
# The highest entry that any judgement read.
NEWEST = "SELECT max(log_index) FROM standing"
STANDINGS = "SELECT center, log_index, pack FROM standing"
JUDGED_BY_OTHERS = "SELECT center FROM standing WHERE engine <> ?"
# Centers last judged before a pack began, or in the same millisecond by another one.
JUDGED_BEFORE = (
    "SELECT center FROM standing INDEXED BY standing_at WHERE at_ms <= ? AND (at_ms < ? OR pack <> ?) ORDER BY center"
)
SIZE = "SELECT count(*) FROM standing"
# Centers with something due by an instant, the longest due first.
DUE = "SELECT center FROM standing WHERE next_ms <= ? ORDER BY next_ms, center"
# One center's earliest due instant before another one, and the rules due then.
FIRST_DUE = "SELECT min(next_ms) FROM current WHERE center = ? AND next_ms < ?"
DUE_RULES = "SELECT rule FROM current WHERE center = ? AND next_ms <= ?"
NEXT = "SELECT min(next_ms) FROM standing WHERE next_ms IS NOT NULL"
# Outcomes of a center's rules up to an instant, oldest first.
TURNS = "SELECT rule, at_ms, outcome FROM turn WHERE center = ? AND at_ms <= ? ORDER BY rule, at_ms, log_index"
HISTORY = (
    "SELECT rule, at_ms, log_index, pack, outcome, verdict FROM history WHERE center = ?"
    " ORDER BY rule, at_ms, log_index"
)
