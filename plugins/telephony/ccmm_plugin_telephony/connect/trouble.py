"""What went wrong with a question to Amazon Connect, as a Reason and a sentence that names the mend; pure.

By the names of botocore's classes, so that it needs no botocore. No sentence holds what the service wrote.
"""

from ccmm_agent.plugin import Reason

_ACTIONS = {
    "search_contacts": "connect:SearchContacts",
    "describe_contact": "connect:DescribeContact",
    "list_queues": "connect:ListQueues",
    "search_users": "connect:SearchUsers (and connect:DescribeUser)",
    "list_security_profiles": "connect:ListSecurityProfiles",
    "get_metric_data_v2": "connect:GetMetricDataV2",
}
_CODES = {
    "ThrottlingException": (Reason.LIMITED, "the account's quota of questions is used up: ask less often (every)"),
    "TooManyRequestsException": (Reason.LIMITED, "the account's quota of questions is used up: ask less often (every)"),
    "UnrecognizedClientException": (Reason.REFUSED, "the access key is not known: wrong, deactivated or deleted"),
    "InvalidClientTokenId": (Reason.REFUSED, "the access key is not known: wrong, deactivated or deleted"),
    "SignatureDoesNotMatch": (
        Reason.REFUSED,
        "the secret does not fit the access key, or this machine's clock is wrong",
    ),
    "InvalidSignatureException": (
        Reason.REFUSED,
        "the secret does not fit the access key, or this machine's clock is wrong",
    ),
    "RequestExpired": (Reason.REFUSED, "this machine's clock is wrong: set it"),
    "ExpiredTokenException": (Reason.REFUSED, "the access key has expired"),
    "ResourceNotFoundException": (Reason.NOT_FOUND, "no such instance in this region: correct instance_id and region"),
    "InternalServiceException": (Reason.UNREACHABLE, "the service fails: the next run asks again"),
}
_CLASSES = {
    "EndpointConnectionError": (Reason.UNREACHABLE, "no connection: a firewall, DNS, or no such region"),
    "ConnectTimeoutError": (Reason.TIMEOUT, "no connection in time: a firewall"),
    "ReadTimeoutError": (Reason.TIMEOUT, "no whole answer in time (call_timeout)"),
    "ConnectionClosedError": (Reason.UNREACHABLE, "the connection was lost before the answer was whole"),
    "IncompleteReadError": (Reason.UNREACHABLE, "the connection was lost before the answer was whole"),
    "ResponseStreamingError": (Reason.UNREACHABLE, "the connection was lost before the answer was whole"),
    "SSLError": (Reason.UNREACHABLE, "TLS failed: set ca_file to what signed the proxy's certificate"),
    "ResponseParserError": (Reason.UNREADABLE, "the answer is none of the service: a proxy or a log-in page between"),
    "HTTPClientError": (Reason.UNREACHABLE, "the question could not be asked"),
}


def trouble_of(error: Exception, operation: str) -> tuple[Reason, str]:
    """`operation` says which right an answer of 403 names."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):
        return _of_code(str(response["Error"].get("Code", "")), _status(response), operation)
    for kind in type(error).__mro__:
        if kind.__name__ in _CLASSES and kind.__module__.startswith("botocore"):
            return _CLASSES[kind.__name__]
    if isinstance(error, PermissionError):
        return Reason.REFUSED, f"this machine does not let us connect ({error.strerror or error})"[:300]
    if isinstance(error, OSError):
        return Reason.UNREACHABLE, "the connection was lost"
    return Reason.UNREADABLE, "the answer is no sound JSON, or of another shape"


def _of_code(code: str, status: int, operation: str) -> tuple[Reason, str]:
    word = code.rpartition("#")[2].partition(":")[0]
    if word.startswith("AccessDenied") or (status == 403 and word not in _CODES):
        action = _ACTIONS.get(operation, operation)
        return Reason.REFUSED, f"the user of the access key may not do this: its policy lacks {action}"
    if word in _CODES:
        return _CODES[word]
    if status >= 500:
        return Reason.UNREACHABLE, f"the service fails (HTTP {status}): the next run asks again"
    if status == 429:
        return _CODES["ThrottlingException"]
    told = word if word.isascii() and word.isalnum() and len(word) < 60 else "an error"
    return Reason.UNREADABLE, f"the service does not take the question ({told}, HTTP {status})"


def _status(response: dict[str, object]) -> int:
    meta = response.get("ResponseMetadata")
    status = meta.get("HTTPStatusCode", 0) if isinstance(meta, dict) else 0
    return status if isinstance(status, int) else 0
