"""The reader process: `python -I -m ccmm_agent.reader FD`, started anew for each reading, with no key in reach.

In on stdin: a frame of Terms (JSON) and a frame of ReadRequest. Out on descriptor FD: frames of ReadReply, Started
first; for the tasks "describe" and "offer" one CheckLine whose detail is JSON. What a plugin prints is not trusted.
"""

import importlib
import json
import os
import sys
import tomllib
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent.config import OF_SCHEDULE
from ccmm_agent.facts import millis
from ccmm_agent.fence import Fence, python_folders
from ccmm_agent.framing import frame, parse_frames
from ccmm_agent.isolation import DENIED, die_with_parent, exposed, isolate, limit_resources, raise_fence
from ccmm_agent.plugin import BadOption, CheckLine, Done, Manifest, Options, Reason, Source, SourceUnavailable, Window
from ccmm_agent.plugins import load_source, module_name_of, plugin_entry_points, sources_of
from ccmm_agent.replies import DESCRIPTION
from ccmm_agent.terms import Terms, manifest_table, parse_terms
from ccmm_agent.values import BadFact
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms
from ccmm_proto.v1 import reader_pb2 as rpb
from ccmm_proto.v1.statement_pb2 import Observation, Span

REQUEST_LIMIT_BYTES = 16 << 20
_VERDICTS = {"ok": rpb.CheckLine.OK, "warning": rpb.CheckLine.WARNING, "failed": rpb.CheckLine.FAILED}


def main() -> None:
    """Read one request, isolate, run the plugin, answer. The exit code says nothing: the answer does."""
    die_with_parent()
    terms_json, request_bytes = parse_frames(sys.stdin.buffer.read(), REQUEST_LIMIT_BYTES)
    terms, request = parse_terms(terms_json), rpb.ReadRequest.FromString(request_bytes)
    answer = _Answer(int(sys.argv[1]))
    if terms.path:
        sys.path.insert(0, terms.path)
    limit_resources(request.memory_bytes, request.cpu_seconds, programs=bool(terms.manifest.programs))
    fence = Fence.around(terms.manifest, python_folders())
    fence.protected = tuple(f"{path.resolve()}/" for path in terms.protected)
    answer.tried = fence.tried
    if (open_to_all := exposed(fence, terms.protected)) is not None:
        answer.unavailable(Reason.REFUSED, f"{open_to_all} holds the agent's keys and lies where the source would read")
        return
    isolation = isolate(terms.manifest, fence, terms.parent_account)
    raise_fence(fence)
    # From here on nothing outside the fence can be read: only now may code of a plugin run.
    answer.reply(rpb.ReadReply(started=rpb.Started(isolation=isolation)))
    _answered(answer, terms, request)


def _answered(answer: "_Answer", terms: Terms, request: rpb.ReadRequest) -> None:
    """One plugin call, whatever it does."""
    try:
        _run(answer, terms, request)
    except SourceUnavailable as error:
        answer.unavailable(error.reason, error.detail)
    except BadOption as error:
        answer.unavailable(Reason.BAD_OPTION, str(error))
    except (BadFact, Malformed) as error:
        answer.unavailable(Reason.BAD_SCHEMA, str(error))
    except MemoryError:
        answer.unavailable(Reason.MEMORY, "the source needed more memory than it may use")
    except Exception as error:  # noqa: BLE001 - round one plugin call: it becomes a signed UNAVAILABLE run
        _print_places(error)
        answer.unavailable(*_told(error))


def _run(answer: "_Answer", terms: Terms, request: rpb.ReadRequest) -> None:
    if terms.task == "offer":
        answer.described(sorted(_offers(), key=lambda offer: str(offer["plugin"])))
        return
    source = _source(terms, request)
    if terms.task == "describe":
        answer.described(_description(source))
        return
    window = Window(cursor=request.cursor, now=from_ms(request.now_ms), zone=ZoneInfo(request.zone))
    if request.task == rpb.ReadRequest.CHECK:
        for line in source.check(window):
            answer.line(line)
        if told := answer.told_of_tries(""):
            answer.line(CheckLine("failed", "isolation", f"{DENIED}: {told}"))
        answer.reply(rpb.ReadReply(done=rpb.Done()))
        return
    for one in source.read(window):
        if isinstance(one, Done):
            answer.reply(rpb.ReadReply(done=_done(one, answer.told_of_tries(one.detail))))
            return
        answer.observation(one)
    raise SourceUnavailable(Reason.BAD_SCHEMA, "the source ended without Done")


def _source(terms: Terms, request: rpb.ReadRequest) -> Source:
    options = Options(json.loads(request.options_json))
    source = load_source(request.plugin, terms.module or None).from_options(options)
    options.refuse_unknown()
    return source


def _offers() -> Iterator[Mapping[str, object]]:
    """All that is installed; a plugin that cannot be imported is named too, and hides no other one."""
    modules = {module_name_of(point): point.name for point in reversed(plugin_entry_points())}
    for module, name in modules.items():
        try:
            sources = sources_of(importlib.import_module(module))
        except ImportError as error:
            broken = f"{type(error).__name__}: {error}"
            yield {"plugin": name, "example": "", "value": 0, "feeds": [], "broken": broken}
            continue
        for source in sources.values():
            declared = source.feeds  # a property: known with the options only
            example = _example_of(source)
            feeds = declared if isinstance(declared, tuple) else example.feeds if example else ()
            yield {
                "plugin": source.plugin,
                "example": source.example,
                "value": source.value,
                "feeds": list(feeds),
                "feeds_vary": not isinstance(declared, tuple),
                "manifest": manifest_table(example.manifest() if example else Manifest()),
            }


def _example_of(source: type[Source]) -> Source | None:
    """None where its example is no example."""
    try:
        (table,) = tomllib.loads(source.example)["source"]
        return source.from_options(Options({key: table[key] for key in table if key not in OF_SCHEDULE}))
    except (BadOption, KeyError, TypeError, ValueError):
        return None


def _description(source: Source) -> Mapping[str, object]:
    return {"feeds": list(source.feeds), "value": source.value, "manifest": manifest_table(source.manifest())}


def _done(done: Done, detail: str) -> rpb.Done:
    covers = None if done.covers is None else Span(from_ms=millis(done.covers[0]), to_ms=millis(done.covers[1]))
    return rpb.Done(covers=covers, cursor=done.cursor, more=done.more, detail=detail[:500])


def _print_places(error: Exception) -> None:
    """For the agent's log: type and places of an error, without its message, which may name people."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)
    sys.stderr.write(f"{type(error).__name__}: {places}\n")


def _told(error: Exception) -> tuple[Reason, str]:
    """Reason and place of an error that the plugin let out; its message may name people and stays here."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    told = f"{type(error).__name__} at {place}"
    if isinstance(error, PermissionError):
        denied = str(error) if str(error).startswith(DENIED) else error.strerror or "no permission"
        return Reason.REFUSED, f"{denied} ({told})"
    if isinstance(error, FileNotFoundError):
        return Reason.NOT_FOUND, told
    if isinstance(error, TimeoutError):
        return Reason.TIMEOUT, told
    return (Reason.UNREACHABLE if isinstance(error, ConnectionError) else Reason.CRASHED), told


class _Answer:
    """The reader's own pipe, written in pieces large enough to be cheap."""

    def __init__(self, descriptor: int) -> None:
        self.tried: set[str] = set()
        self._pipe = os.fdopen(descriptor, "wb", buffering=1 << 16)

    def observation(self, observation: object) -> None:
        if not isinstance(observation, Observation):
            raise SourceUnavailable(Reason.BAD_SCHEMA, "the source yields what is no observation")
        self._pipe.write(frame(rpb.ReadReply(observation=observation).SerializeToString()))

    def reply(self, reply: rpb.ReadReply) -> None:
        self._pipe.write(frame(reply.SerializeToString()))
        self._pipe.flush()

    def line(self, line: CheckLine) -> None:
        told = rpb.CheckLine(verdict=_VERDICTS[line.verdict], subject=line.subject, detail=line.detail)
        self.reply(rpb.ReadReply(check_line=told))

    def described(self, description: object) -> None:
        self.line(CheckLine("ok", DESCRIPTION, json.dumps(description)))
        self.reply(rpb.ReadReply(done=rpb.Done()))

    def told_of_tries(self, detail: str) -> str:
        """The detail, behind what the fence refused to a plugin that goes on as if nothing had been."""
        if not self.tried or detail.startswith(DENIED):
            return detail
        told = f"the plugin tried what its manifest does not name: {', '.join(sorted(self.tried))}"
        return f"{told}; {detail}" if detail else told

    def unavailable(self, reason: Reason, detail: str) -> None:
        detail = self.told_of_tries(detail)
        self.reply(rpb.ReadReply(unavailable=rpb.Unavailable(reason=reason, detail=detail[:500])))


if __name__ == "__main__":
    main()
