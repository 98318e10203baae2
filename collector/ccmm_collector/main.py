"""The program `ccmm-collector`."""

import logging
import os
import sys

import typer

from ccmm_collector import commands, judge, judge_commands
from ccmm_collector.operator_log import configure
from ccmm_proto.errors import CcmmError

logger = logging.getLogger(__name__)


def build() -> typer.Typer:
    """All commands."""
    app = typer.Typer(
        name="ccmm-collector",
        help="Verifies, keeps and judges compliance evidence.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    commands.register(app, judge.start)
    judge_commands.register(app)
    return app


def main() -> None:
    """Run one command: exit 0 done, 1 refused or failed (one line says what to do), 2 wrong usage."""
    os.umask(0o077)  # keys, evidence and verdicts are for this account only
    configure(logging.INFO if sys.argv[1:2] == ["serve"] else logging.WARNING)  # a person sees answers, not each step
    try:
        build()()
    except CcmmError as error:
        print(f"{error.name}: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception:  # the outermost frame: recorded, and the exit code says so
        logger.exception("the command failed; this is a bug")
        sys.exit(1)
