"""The only module that speaks to Amazon Connect, through botocore: six reading operations and nothing else.

Nothing of this machine decides who asks or where: no ~/.aws, no environment, no metadata service; key, secret, region
and address come from the options. Lists are followed to the end; the pace stays within the quotas of the account.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from ccmm_agent.plugin import BadOption, Manifest, Options, Reason, SourceUnavailable
from ccmm_agent.secret_file import load_password
from ccmm_agent.web import Place, manifest_of, place_of, proxy_trouble
from ccmm_plugin_telephony.connect.contact_record import Part, parts_of
from ccmm_plugin_telephony.connect.trouble import trouble_of
from ccmm_proto.errors import Malformed

_PAGE: Final = 100
_MOST_PAGES: Final = 2000
_BUDGET_S: Final = 90.0  # below the 120 s of a reading: so the source itself can say what was slow
_FILTER: Final = 100  # the most values of one filter
_PACE_S: Final = 0.5  # for each question but searches, of which there may be fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The instance, and who asks."""

    region: str
    instance_id: str
    account_id: str
    access_key_id: str
    secret_file: Path
    place: Place
    searches_per_minute: int = 30
    paced: bool = True

    @classmethod
    def from_options(cls, options: Options) -> Self:
        region = _word(options, "region", "a region such as eu-central-1")
        place = place_of(options, key="endpoint_url", default=f"https://connect.{region}.amazonaws.com")
        return cls(
            region=region,
            instance_id=_word(options, "instance_id", "the instance's id, without its ARN"),
            account_id=_word(options, "account_id", "the account's number of 12 digits"),
            access_key_id=_word(options, "access_key_id", "the id of an access key, such as AKIA..."),
            secret_file=options.path("secret_file"),
            place=place,
            searches_per_minute=options.whole("searches_per_minute", 30, least=1, most=600),
        )

    @property
    def arn(self) -> str:
        return f"arn:aws:connect:{self.region}:{self.account_id}:instance/{self.instance_id}"

    @property
    def where(self) -> str:
        return self.place.where

    def manifest(self) -> Manifest:
        return manifest_of(self.place, files=(self.secret_file,))


class Api:
    """An instance to ask; use `connected`."""

    def __init__(self, client: Any, account: Account, errors: tuple[type[Exception], ...]) -> None:
        self._client = client
        self._errors = errors
        self._account = account
        self._ends = time.monotonic() + _BUDGET_S

    @property
    def left_s(self) -> float:
        return self._ends - time.monotonic()

    def queued(self, begin: datetime, end: datetime) -> Iterator[Part]:
        """Voice contacts that joined a queue in the span."""
        return self._contacts({"Type": "ENQUEUE_TIMESTAMP", "StartTime": begin, "EndTime": end}, {})

    def begun(self, begin: datetime, end: datetime, methods: Sequence[str]) -> Iterator[Part]:
        """Voice contacts that began in the span by one of these ways."""
        span = {"Type": "INITIATION_TIMESTAMP", "StartTime": begin, "EndTime": end}
        return self._contacts(span, {"InitiationMethods": list(methods)})

    def _contacts(self, span: Mapping[str, object], criteria: Mapping[str, object]) -> Iterator[Part]:
        given = {
            "TimeRange": span,
            "SearchCriteria": {"Channels": ["VOICE"], **criteria},
            "Sort": {"FieldName": "INITIATION_TIMESTAMP", "Order": "ASCENDING"},
        }
        yield from self._pages("search_contacts", "Contacts", given, "contacts")

    def detail(self, contact: str) -> Part:
        """One contact with its ending and recordings."""
        given = {"InstanceId": self._account.instance_id, "ContactId": contact}
        found = self._ask("describe_contact", given, "a contact").get("Contact")
        if not isinstance(found, dict):
            raise Malformed("no contact where one was asked for")
        return found

    def queues(self) -> list[Part]:
        return list(self._pages("list_queues", "QueueSummaryList", {"QueueTypes": ["STANDARD"]}, "queues"))

    def users(self) -> list[Part]:
        return list(self._pages("search_users", "Users", {}, "users"))

    def profiles(self) -> list[Part]:
        return list(self._pages("list_security_profiles", "SecurityProfileSummaryList", {}, "security profiles"))

    def metrics(
        self, begin: datetime, end: datetime, names: Sequence[str], group: str, ids: Sequence[str], *, voice: bool
    ) -> dict[str, dict[str, float]]:
        """Sums over the span: id → metric → value."""
        sums: dict[str, dict[str, float]] = {}
        for at in range(0, len(ids), _FILTER):
            filters = [{"FilterKey": group, "FilterValues": list(ids[at : at + _FILTER])}]
            filters += [{"FilterKey": "CHANNEL", "FilterValues": ["VOICE"]}] if voice else []
            given = {
                "ResourceArn": self._account.arn,
                "StartTime": begin,
                "EndTime": end,
                "Interval": {"TimeZone": "UTC", "IntervalPeriod": "TOTAL"},
                "Filters": filters,
                "Groupings": [group],
                "Metrics": [{"Name": name} for name in names],
            }
            for result in self._pages("get_metric_data_v2", "MetricResults", given, "metrics", by_arn=True):
                _add(sums, result, group)
        return sums

    def _pages(
        self, operation: str, key: str, given: Mapping[str, object], what: str, *, by_arn: bool = False
    ) -> Iterator[Part]:
        asked = {**({} if by_arn else {"InstanceId": self._account.instance_id}), **given, "MaxResults": _PAGE}
        for _ in range(_MOST_PAGES):
            answer = self._ask(operation, asked, what)
            if key not in answer and answer.get("TotalCount") != 0:
                raise Malformed(f"an answer without {key}")
            yield from parts_of(answer, key)
            following = answer.get("NextToken")
            if not following:
                return
            if not isinstance(following, str) or following == asked.get("NextToken"):
                raise Malformed(f"pages of {what} that do not go on")
            asked = {**asked, "NextToken": following}
        raise SourceUnavailable(Reason.FLOOD, f"too many pages of {what}")

    def _ask(self, operation: str, given: Mapping[str, object], what: str) -> dict[str, object]:
        pace_s = 60 / self._account.searches_per_minute if operation.startswith("search") else _PACE_S
        pace_s = pace_s if self._account.paced else 0.0
        if self.left_s <= pace_s:
            told = f"{self._account.where}: {what}: no time is left: the questions before took it all"
            raise SourceUnavailable(Reason.TIMEOUT, told)
        time.sleep(pace_s)
        try:
            answer = getattr(self._client, operation)(**given)
        except self._errors as error:
            reason, told = self._trouble(error, operation)
            raise SourceUnavailable(reason, f"{self._account.where}: {what}: {told}") from error
        return dict(answer) if isinstance(answer, dict) else {}

    def _trouble(self, error: Exception, operation: str) -> tuple[Reason, str]:
        place = self._account.place
        of_proxy = place.proxy and proxy_trouble(error, place.proxy, place.where)
        return (of_proxy.reason, of_proxy.told) if of_proxy else trouble_of(error, operation)


@contextmanager
def connected(account: Account) -> Iterator[Api]:
    """Raises SourceUnavailable; what is no answer of Amazon Connect becomes `unreadable`."""
    place, secret = account.place, load_password(account.secret_file)
    proxies = {"https": place.proxy.url(with_log_in=True)} if place.proxy else {}
    try:
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        told = 'botocore is not installed: pip install "ccmm-plugin-telephony[amazon_connect]"'
        raise SourceUnavailable(Reason.BAD_OPTION, told) from error
    session = botocore.session.Session(session_vars=_NOTHING_OF_THIS_MACHINE)
    config = Config(
        connect_timeout=min(10.0, place.timeout_s),
        read_timeout=place.timeout_s,
        retries={"mode": "standard", "total_max_attempts": 3},
        parameter_validation=False,
        proxies=proxies,
    )
    client = session.create_client(
        "connect",
        region_name=account.region,
        endpoint_url=place.url,
        verify=str(place.ca_file) if place.ca_file else None,
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=secret,
        config=config,
    )
    client.meta.events.register("before-parse.connect", _refuse_unsound)
    try:
        yield Api(client, account, (BotoCoreError, ClientError, OSError, ValueError))
    except Malformed as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{account.where} sent {error}") from error
    finally:
        client.close()


_NOTHING_OF_THIS_MACHINE: Final[dict[str, tuple[str | None, str | None, object, object]]] = {
    "config_file": (None, None, "/dev/null", None),
    "credentials_file": (None, None, "/dev/null", None),
    "profile": (None, None, None, None),
    "ca_bundle": (None, None, None, None),
    "data_path": (None, None, None, None),
}


def _refuse_unsound(response_dict: Mapping[str, Any], **_: object) -> None:
    """botocore takes a body that is cut or no JSON for an empty answer. Raises ConnectionError and Malformed."""
    body, headers = response_dict["body"], response_dict["headers"]
    if response_dict["status_code"] >= 300:
        return
    if headers.get("Content-Length", str(len(body))) != str(len(body)) and not headers.get("Content-Encoding"):
        raise ConnectionError("the answer was cut")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("an answer that is no JSON: a proxy or a log-in page between") from error
    if not isinstance(found, dict):
        raise Malformed("JSON of another shape")


def _add(sums: dict[str, dict[str, float]], result: Part, group: str) -> None:
    dimensions = result.get("Dimensions")
    id = dimensions.get(group) if isinstance(dimensions, dict) else None
    for collection in parts_of(result, "Collections"):
        metric, value = collection.get("Metric"), collection.get("Value")
        name = metric.get("Name") if isinstance(metric, dict) else None
        if not isinstance(id, str) or not isinstance(name, str):
            raise Malformed("a metric without dimension or name")
        if value is not None and not isinstance(value, int | float):
            raise Malformed("a metric that is no number")
        of = sums.setdefault(id, {})
        of[name] = of.get(name, 0.0) + float(value or 0.0)


def _word(options: Options, key: str, expected: str) -> str:
    word = options.text(key)
    if not word.isascii() or not word.replace("-", "").isalnum() or len(word) > 128:
        raise BadOption(key, expected)
    return word
