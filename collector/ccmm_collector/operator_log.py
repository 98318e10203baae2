"""Log lines for operators: `time level logger message key=value ...` on stderr."""

import json
import logging
import sys
import time

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Fields(logging.Formatter):
    """Puts the values given as `extra` behind the message."""

    converter = staticmethod(time.gmtime)  # UTC

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        fields = " ".join(f"{name}={_word(value)}" for name, value in vars(record).items() if name not in _STANDARD)
        return f"{line} {fields}" if fields else line


def _word(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and text and " " not in text else json.dumps(text, ensure_ascii=False)


def configure(level: int = logging.INFO) -> None:
    """Send the program's log to stderr, from a level on."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(Fields("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[lines])
