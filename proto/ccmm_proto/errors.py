"""Every error that crosses a boundary says what the caller must do.

CcmmError
├── Retryable                keep the bytes, back off, try again
│   ├── Unreachable          no connection, or it broke
│   └── StoreFull            the disk is full or the store is locked
└── Permanent                set aside, tell a human
    ├── Malformed            not parsable, or not of the declared shape
    ├── BadSignature         the signature does not verify
    ├── WrongKey             signed by a key that is not this agent's
    ├── ForeignCenter        a statement of another center or agent than the certificate's
    ├── Revoked              the agent was revoked
    ├── Oversize             above 4 MiB
    ├── UnknownAgent         no such agent is enrolled
    ├── BadCertificate       expired, not yet valid, or of another issuer
    ├── TokenRefused         join token unknown, expired, or spent by another key
    └── BadConfig            a configuration file is wrong; says file, key and what was expected
"""

from typing import ClassVar


class CcmmError(Exception):
    """Base of all errors that are part of the contract. `name` is what is counted and sent on the wire."""

    name: ClassVar[str] = "error"


class Retryable(CcmmError):
    """Keep the bytes and try again later."""

    name = "retryable"


class Unreachable(Retryable):
    """The other side cannot be reached, or the connection broke."""

    name = "unreachable"


class StoreFull(Retryable):
    """The store cannot take more now."""

    name = "store_full"


class Permanent(CcmmError):
    """Trying again cannot help."""

    name = "permanent"


class Malformed(Permanent):
    """Not parsable, or not of the declared shape."""

    name = "malformed"


class BadSignature(Permanent):
    """The signature does not verify."""

    name = "bad_signature"


class WrongKey(Permanent):
    """Signed by a key that is not the one enrolled for this certificate."""

    name = "wrong_key"


class ForeignCenter(Permanent):
    """A statement of another center or agent than the certificate names."""

    name = "foreign_center"


class Revoked(Permanent):
    """The agent was revoked."""

    name = "revoked"


class Oversize(Permanent):
    """Larger than ingest accepts."""

    name = "oversize"


class UnknownAgent(Permanent):
    """No such agent is enrolled."""

    name = "unknown_agent"


class BadCertificate(Permanent):
    """Expired, not yet valid, or of another issuer."""

    name = "bad_certificate"


class TokenRefused(Permanent):
    """The join token is unknown, expired, or was spent by another key."""

    name = "token_refused"


class BadConfig(Permanent):
    """A configuration file is wrong."""

    name = "bad_config"


def _tree(root: type[CcmmError]) -> list[type[CcmmError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _tree(child))]


BY_NAME: dict[str, type[CcmmError]] = {error.name: error for error in _tree(CcmmError)}
