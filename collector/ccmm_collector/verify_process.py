"""The child process of a `Verifier`: answers questions on stdin until it closes. It has no keys and opens no file."""

import signal
import sys

from ccmm_collector.verifier import answer, read_frame, write_frame


def main() -> None:
    """One answer for each question, in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes our stdin
    while True:
        try:
            question = read_frame(sys.stdin.buffer)
        except EOFError:
            return
        write_frame(sys.stdout.buffer, answer(question))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
