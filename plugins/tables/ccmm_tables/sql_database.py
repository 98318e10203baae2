"""One read-only look at a database: its clock, then one snapshot, then rows. Every failure is a SourceUnavailable.

What a driver says is never passed on: it may quote a cell, a parameter or a password. Its code becomes a sentence.
"""

import socket
import ssl
import struct
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_tables.columns import Row
from ccmm_tables.sql_cells import row_of
from ccmm_tables.sql_makes import CODES, WORDS
from ccmm_tables.sql_place import Place
from ccmm_tables.sql_query import SINCE, UNTIL, Mark, Query

PORTION = 500  # rows that stand in memory at once
OFF = timedelta(minutes=2)
# What drivers let out for an answer that is not what it says (BadTable is none of these: Malformed is no ValueError).
_OF_DRIVERS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, OSError, TypeError, ValueError, struct.error),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: of `columns`, from `low` of the column `growing` on (up to `high`), in its order, at most `limit`."""

    columns: tuple[str, ...]
    limit: int
    growing: str | None = None
    low: Mark | None = None
    high: Mark | None = None
    order: tuple[str, ...] = ()


class Database:
    """An open snapshot. Use as a context. `as_of`: by the database's clock where it tells one, never after `now`."""

    def __init__(self, place: Place, query: Query, now: datetime, zone: ZoneInfo) -> None:
        self.as_of = now
        self.ahead = timedelta()  # of the database's clock before ours
        self.version = ""
        self._place = place
        self._query = query
        self._zone = zone
        self._stack = ExitStack()
        self._connection: Any = None

    def __enter__(self) -> Self:
        with _told(self._place, self._stack):
            engine = self._place.engine()
            self._stack.callback(engine.dispose)
            self._connection = self._stack.enter_context(engine.connect())
            self.version = ".".join(str(part) for part in engine.dialect.server_version_info or ())
            self._ask_clock()
            limits = {"s": self._place.timeout_s, "ms": self._place.timeout_s * 1000, "zone": self._zone.key}
            for statement in self._place.declared.begin:
                self._connection.exec_driver_sql(statement.format(**limits))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _ask_clock(self) -> None:
        """Before the snapshot begins, and in a transaction of its own."""
        clock = self._place.declared.clock
        if clock is None:
            return
        told = self._connection.exec_driver_sql(clock).scalar_one()
        self._connection.rollback()
        if not isinstance(told, datetime):
            raise SourceUnavailable(Reason.UNREADABLE, "the database does not tell its time")
        at = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
        self.ahead = at - self.as_of
        self.as_of = min(at, self.as_of)

    @property
    def clock_told(self) -> str:
        """A sentence where the database's clock is off; else empty."""
        if abs(self.ahead) <= OFF:
            return ""
        side = "ahead of" if self.ahead > timedelta() else "behind"
        return f"the database's clock is {abs(round(self.ahead.total_seconds()))} s {side} ours"

    @property
    def until(self) -> datetime:
        """The snapshot's instant as naive times of the declared zone."""
        return self.as_of.astimezone(self._zone).replace(tzinfo=None)

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """The rows, a portion in memory at a time. Raises BadTable, SourceUnavailable."""
        rows = self._rows(wanted)
        self._stack.callback(rows.close)  # whoever stops early leaves no cursor open
        return rows

    def _rows(self, wanted: Wanted) -> Generator[Row, None, None]:
        from sqlalchemy import select

        source = self._source(wanted.columns, wanted.low, wanted.high)
        chosen = select(*(source.c[column] for column in wanted.columns)).limit(wanted.limit)
        if wanted.growing is not None:
            growing = source.c[wanted.growing]
            chosen = chosen.where(growing >= _literal("_low", wanted.low))
            if wanted.high is not None:
                chosen = chosen.where(growing < _literal("_high", wanted.high))
            chosen = chosen.order_by(growing, *(source.c[column] for column in wanted.order))
        with _told(self._place):
            result = self._connection.execute(chosen, execution_options={"yield_per": PORTION})
            with result:
                for number, values in enumerate(result, start=1):
                    yield row_of(number, wanted.columns, values)

    def has_null(self, column: str, low: Mark | None, high: Mark | None = None) -> bool:
        """Does any row lack this cell? A condition on it would leave such a row out."""
        from sqlalchemy import literal_column, select

        source = self._source((column,), low, high)
        asked: Any = select(literal_column("1")).select_from(source).where(source.c[column].is_(None)).limit(1)
        with _told(self._place):
            return self._connection.execute(asked).first() is not None

    def ends(self, column: str, low: Mark, high: Mark) -> Row:
        """The least and the greatest cell of a column, as `min` and `max`; from all rows, save what a query leaves out.

        Raises BadTable.
        """
        from sqlalchemy import func, select

        source = self._source((column,), low, high)
        asked: Any = select(func.min(source.c[column]), func.max(source.c[column]))
        with _told(self._place):
            return row_of(0, ("min", "max"), self._connection.execute(asked).one())

    def rights_to_write(self) -> int | None:
        """How many; None where the database does not say. Last of all: where it is refused, the snapshot is gone."""
        from sqlalchemy.exc import SQLAlchemyError

        writes = self._place.declared.writes
        try:
            return None if writes is None else int(self._connection.exec_driver_sql(writes).scalar_one())
        except SQLAlchemyError:
            return None

    def _source(self, columns: tuple[str, ...], low: Mark | None, high: Mark | None) -> Any:
        """The table, or the query as an inner SELECT: the outer one names the mapped columns only."""
        from sqlalchemy import column, table, text

        named: list[Any] = [column(name) for name in columns]
        if self._query.table is not None:
            return table(self._query.table, *named, schema=self._query.schema)
        inner = text(f"{self._query.escaped()}\n")  # a comment at its end must not reach further
        values = {SINCE: low, UNTIL: self.until if high is None else high}
        inner = inner.bindparams(*(_literal(name, values[name]) for name in self._query.bound()))
        return inner.columns(*named).subquery("asked")


def _literal(name: str, value: Mark | None) -> Any:
    from sqlalchemy import BigInteger, DateTime, bindparam

    return bindparam(name, value, type_=DateTime() if isinstance(value, datetime) else BigInteger())


@contextmanager
def _told(place: Place, stack: ExitStack | None = None) -> Iterator[None]:
    """Errors of driver, network and TLS as SourceUnavailable; while opening, on any error the stack is closed."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        try:
            yield
        except (SQLAlchemyError, *_OF_DRIVERS) as error:
            # The driver's own words would stand in a trace.
            raise unavailable(place, error, opening=stack is not None) from None
    except BaseException:
        if stack is not None:
            stack.close()
        raise


def unavailable(place: Place, error: BaseException, *, opening: bool) -> SourceUnavailable:
    """What went wrong and how to mend it."""
    causes = list(_causes(error))
    return _of_system(place, causes) or _of_database(place, causes) or _of(place, *_by_class(place, causes, opening))


def _of_system(place: Place, causes: list[BaseException]) -> SourceUnavailable | None:
    """What network, TLS and the fence say."""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _of(place, Reason.UNREACHABLE, f"certificate verify failed: {cause.verify_message}: set `ca_file`")
        if isinstance(cause, ssl.SSLError):
            return _of(place, Reason.UNREACHABLE, "no TLS: the server's own, or tls = false inside a closed network")
        if isinstance(cause, TimeoutError):
            return _of(place, Reason.UNREACHABLE, "no answer in time: is it up, and does a firewall stand between?")
        if isinstance(cause, PermissionError):
            return _of(place, Reason.REFUSED, str(cause.strerror or cause)[:200])
        if isinstance(cause, socket.gaierror):
            return _of(place, Reason.UNREACHABLE, "the host's name is not known")
        if isinstance(cause, ConnectionRefusedError):
            return _of(place, Reason.UNREACHABLE, "connection refused: is the database up, and is it the right port?")
    return None


def _of_database(place: Place, causes: list[BaseException]) -> SourceUnavailable | None:
    """What the database says, by its code; SQLite by its words."""
    for cause in causes:
        for code in _codes(cause):
            if code in CODES:
                reason, sentence = CODES[code]
                return _of(place, reason, f"{sentence} ({code})")
    said = " ".join(str(cause) for cause in causes) if place.path is not None else ""
    for word, reason, sentence in WORDS:
        if word in said:
            return _of(place, reason, sentence)
    return None


def _by_class(place: Place, causes: list[BaseException], opening: bool) -> tuple[Reason, str]:
    """Where no code is known: by the class of the error, with its code where there is one."""
    code = next((code for cause in causes for code in _codes(cause)), "")
    names = {type(cause).__name__ for cause in causes}
    said = f"{type(causes[-1]).__name__} {code}".strip()
    if opening:
        return Reason.UNREACHABLE, f"no answer that is understood: is it {place.make}, and its port? ({said})"
    if any(isinstance(cause, UnicodeError) for cause in causes):
        return Reason.UNREADABLE, "a cell that is not of the database's encoding"
    if any(isinstance(cause, OSError) for cause in causes) or names & {"OperationalError", "InterfaceError"}:
        return Reason.UNREACHABLE, f"the connection broke off ({said})"
    return Reason.UNREADABLE, f"the database refuses the query, or breaks off ({said})"


def _of(place: Place, reason: Reason, sentence: str) -> SourceUnavailable:
    return SourceUnavailable(reason, f"{place.name}: {sentence}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what the driver raised, and what the system raised below."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop(0)
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += [getattr(one, "orig", None), one.__cause__, one.__context__]


def _codes(error: BaseException) -> Iterator[str]:
    """SQLSTATE of pg8000, numbers of PyMySQL and pytds, codes of oracledb."""
    first = error.args[0] if error.args else None
    if isinstance(first, Mapping) and "C" in first:
        yield str(first["C"])
    if isinstance(first, int) and not isinstance(error, OSError):
        yield str(first)
    for found in (getattr(error, "number", None), getattr(first, "full_code", None)):
        if isinstance(found, int | str) and found:
            yield str(found)
