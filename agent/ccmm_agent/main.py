"""The installed command `ccmm-agent`: exit 0 ok, 1 refused or failed, 2 usage.

`run DIR` is started without the command line's library: an agent at rest carries nothing that only people need.
"""

import logging
import os
import sys
from pathlib import Path

from ccmm_proto.errors import CcmmError


def main() -> None:
    """Do what the arguments say; every expected error is one line on stderr."""
    keep_grpc_out_of_forks()
    try:
        _dispatch(sys.argv[1:])
    except CcmmError as error:
        sys.stderr.write(f"ccmm-agent: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(1)
    except Exception:
        logging.getLogger(__name__).critical("unexpected error: please report it", exc_info=True)
        sys.exit(1)


def keep_grpc_out_of_forks() -> None:
    """To be called before gRPC is imported: its fork handlers crash about one in a hundred of the readers that are
    started for an account of their own, which takes a fork (Popen's `user`)."""
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


def _dispatch(arguments: list[str]) -> None:
    match arguments:
        case ["run", folder] if not folder.startswith("-"):
            from ccmm_agent.run import run_agent

            run_agent(Path(folder))
        case _:
            from ccmm_agent.app import app

            app()


if __name__ == "__main__":
    main()
