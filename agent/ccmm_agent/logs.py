"""Logs for operators: one line per state change, the constant message first, then its values as fields."""

import logging
import sys
import time

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class FieldFormatter(logging.Formatter):
    """`2026-11-22T08:00:00Z WARNING ccmm_agent.submit: not submitting problem="..."`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """Log times are UTC."""
        return time.gmtime(seconds)

    def format(self, record: logging.LogRecord) -> str:
        """The line with its fields."""
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return super().format(record) + "".join(f" {name}={str(value)!r}" for name, value in fields.items())


def log_to_stderr() -> None:
    """Everything from INFO up."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(FieldFormatter())
    root = logging.getLogger()
    root.addHandler(stream)
    root.setLevel(logging.INFO)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
