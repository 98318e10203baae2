"""The databases that can be read, and what differs between them: driver, clock, snapshot, limits, rights."""

from collections.abc import Mapping
from dataclasses import dataclass

from ccmm_agent.plugin import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """One make of database. In `begin` stand {ms}, {s} and {zone}."""

    dialect: str  # of SQLAlchemy
    driver: str  # the module, pure Python: the reader process runs nothing else
    extra: str
    port: int
    clock: str | None  # UTC
    begin: tuple[str, ...]  # opens one read-only snapshot, where the database knows it
    writes: str | None  # how many rights to write there are


_PG_WRITES = """
SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_%'
AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"""
_MYSQL_WRITES = """
SELECT count(*) FROM (
SELECT grantee, privilege_type FROM information_schema.user_privileges
UNION ALL SELECT grantee, privilege_type FROM information_schema.schema_privileges
UNION ALL SELECT grantee, privilege_type FROM information_schema.table_privileges) AS rights
WHERE grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'DROP', 'ALTER', 'CREATE', 'SUPER')"""

MAKES: Mapping[str, Make] = {
    "postgresql": Make(
        dialect="postgresql+pg8000",
        driver="pg8000",
        extra="postgresql",
        port=5432,
        clock="SELECT clock_timestamp() AT TIME ZONE 'UTC'",
        begin=(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "SET LOCAL statement_timeout = {ms}",
            "SET LOCAL row_security = off",  # rows that a policy hides become an error, not a smaller table
            "SET LOCAL TIME ZONE '{zone}'",
        ),
        writes=_PG_WRITES,
    ),
    "mysql": Make(
        dialect="mysql+pymysql",
        driver="pymysql",
        extra="mysql",
        port=3306,
        clock="SELECT UTC_TIMESTAMP(6)",
        begin=(
            "SET SESSION max_execution_time = {ms}",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ),
        writes=_MYSQL_WRITES,
    ),
    "mariadb": Make(
        dialect="mariadb+pymysql",
        driver="pymysql",
        extra="mysql",
        port=3306,
        clock="SELECT UTC_TIMESTAMP(6)",
        begin=(
            "SET SESSION max_statement_time = {s}",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ),
        writes=_MYSQL_WRITES,
    ),
    "mssql": Make(
        dialect="mssql+pytds",
        driver="pytds",
        extra="mssql",
        port=1433,
        clock="SELECT SYSUTCDATETIME()",
        begin=("SET LOCK_TIMEOUT {ms}",),
        writes="SELECT count(*) FROM fn_my_permissions(NULL, 'DATABASE') "
        "WHERE permission_name IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER', 'CONTROL')",
    ),
    "oracle": Make(
        dialect="oracle+oracledb",
        driver="oracledb",
        extra="oracle",
        port=1521,
        clock="SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM DUAL",
        begin=("SET TRANSACTION READ ONLY",),
        writes="SELECT count(*) FROM session_privs WHERE privilege LIKE 'INSERT%' OR privilege LIKE 'UPDATE%' "
        "OR privilege LIKE 'DELETE%' OR privilege LIKE 'ALTER ANY%' OR privilege LIKE 'DROP ANY%'",
    ),
    "sqlite": Make(dialect="sqlite", driver="sqlite3", extra="sql", port=0, clock=None, begin=("BEGIN",), writes=None),
}

_LOG_IN = "the database refuses the log-in: user, password, or from where it may come"
_RIGHT = "the account may not read it: GRANT SELECT"
_NO_TABLE = "the table is not there, or the account may not see it: its name, its schema, GRANT SELECT"
_NO_COLUMN = "a column is not there: the names of the options, or of the query"
_NO_SELECT = "the query is not understood"
_OTHER_TYPE = "a column is compared with a value of another type: convert it in the query, a text to a timestamp"
_WOULD_WRITE = "the query would write"
_SLOW = "the query took longer than `statement_timeout`: an index, or fewer rows"
_BUSY = "the database takes no more connections, or goes down"
_BAD_VALUE = "a value that the query cannot convert"
_NO_DATABASE = "the database of the URL is not there, or the account may not use it"
_HIDDEN = "a policy hides rows of the table from this account: a part would pass for the whole"

CODES: Mapping[str, tuple[Reason, str]] = {
    # PostgreSQL: SQLSTATE
    **dict.fromkeys(("28P01", "28000"), (Reason.REFUSED, _LOG_IN)),
    "3D000": (Reason.NOT_FOUND, _NO_DATABASE),
    "42501": (Reason.REFUSED, f"{_RIGHT}; or {_HIDDEN}"),
    **dict.fromkeys(("42P01", "3F000"), (Reason.NOT_FOUND, _NO_TABLE)),
    "42703": (Reason.NOT_FOUND, _NO_COLUMN),
    "42601": (Reason.BAD_OPTION, _NO_SELECT),
    "42883": (Reason.BAD_OPTION, _OTHER_TYPE),
    "25006": (Reason.BAD_OPTION, _WOULD_WRITE),
    "57014": (Reason.TIMEOUT, _SLOW),
    **dict.fromkeys(("53300", "57P01", "57P02", "57P03"), (Reason.UNREACHABLE, _BUSY)),
    **dict.fromkeys(("22P02", "22003", "22007", "22008", "22012", "22021"), (Reason.UNREADABLE, _BAD_VALUE)),
    # MySQL and MariaDB
    **dict.fromkeys(("1045", "1698", "1130", "1251"), (Reason.REFUSED, _LOG_IN)),
    **dict.fromkeys(("1044", "1049"), (Reason.NOT_FOUND, _NO_DATABASE)),
    **dict.fromkeys(("1142", "1143"), (Reason.REFUSED, _RIGHT)),
    "1146": (Reason.NOT_FOUND, _NO_TABLE),
    "1054": (Reason.NOT_FOUND, _NO_COLUMN),
    "1064": (Reason.BAD_OPTION, _NO_SELECT),
    "1792": (Reason.BAD_OPTION, _WOULD_WRITE),
    **dict.fromkeys(("1969", "3024"), (Reason.TIMEOUT, _SLOW)),
    **dict.fromkeys(("1040", "1203", "1226", "1053"), (Reason.UNREACHABLE, _BUSY)),
    "1193": (Reason.BAD_OPTION, "mariadb:// for MariaDB, mysql:// for MySQL"),
    # SQL Server
    "18456": (Reason.REFUSED, _LOG_IN),
    "4060": (Reason.NOT_FOUND, _NO_DATABASE),
    **dict.fromkeys(("229", "230", "262"), (Reason.REFUSED, _RIGHT)),
    "208": (Reason.NOT_FOUND, _NO_TABLE),
    "207": (Reason.NOT_FOUND, _NO_COLUMN),
    **dict.fromkeys(("102", "156"), (Reason.BAD_OPTION, _NO_SELECT)),
    "1222": (Reason.TIMEOUT, _SLOW),
    # Oracle
    **dict.fromkeys(("ORA-01017", "ORA-28000", "ORA-28001"), (Reason.REFUSED, _LOG_IN)),
    **dict.fromkeys(("ORA-12514", "DPY-6001"), (Reason.NOT_FOUND, _NO_DATABASE)),
    "ORA-01031": (Reason.REFUSED, _RIGHT),
    "ORA-00942": (Reason.NOT_FOUND, _NO_TABLE),
    "ORA-00904": (Reason.NOT_FOUND, _NO_COLUMN),
    **dict.fromkeys(("ORA-00933", "ORA-00936", "ORA-00907"), (Reason.BAD_OPTION, _NO_SELECT)),
    "ORA-01456": (Reason.BAD_OPTION, _WOULD_WRITE),
    "DPY-4024": (Reason.TIMEOUT, _SLOW),
}
# SQLite has one code for most; these words of its message decide.
WORDS: tuple[tuple[str, Reason, str], ...] = (
    ("no such table", Reason.NOT_FOUND, _NO_TABLE),
    ("no such column", Reason.NOT_FOUND, _NO_COLUMN),
    ("readonly", Reason.BAD_OPTION, _WOULD_WRITE),
    ("interrupted", Reason.TIMEOUT, _SLOW),
    ("syntax error", Reason.BAD_OPTION, _NO_SELECT),
    ("Could not decode", Reason.UNREADABLE, "a cell that is not UTF-8"),
    ("locked", Reason.UNREACHABLE, "the file is locked by a program that writes"),
    ("not a database", Reason.UNREADABLE, "the file is no SQLite database"),
    ("malformed", Reason.UNREADABLE, "the file is damaged"),
    ("unable to open", Reason.REFUSED, "the file, or its log beside it (-wal, -shm), cannot be opened by the reader"),
)
