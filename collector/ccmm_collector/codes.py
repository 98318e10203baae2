"""How our errors travel as gRPC status: the code, `name: message` as details, the name again in `ccmm-error`."""

from typing import NoReturn

import grpc
from grpc import StatusCode

from ccmm_proto import errors
from ccmm_proto.errors import CcmmError

ERROR_KEY = "ccmm-error"

CODES: dict[type[CcmmError], StatusCode] = {
    errors.Retryable: StatusCode.UNAVAILABLE,
    errors.Unreachable: StatusCode.UNAVAILABLE,
    errors.StoreFull: StatusCode.UNAVAILABLE,
    errors.Permanent: StatusCode.FAILED_PRECONDITION,
    errors.Malformed: StatusCode.INVALID_ARGUMENT,
    errors.BadSignature: StatusCode.UNAUTHENTICATED,
    errors.WrongKey: StatusCode.UNAUTHENTICATED,
    errors.ForeignCenter: StatusCode.PERMISSION_DENIED,
    errors.Revoked: StatusCode.PERMISSION_DENIED,
    errors.Oversize: StatusCode.OUT_OF_RANGE,  # RESOURCE_EXHAUSTED is grpc's own word for a message above its limit
    errors.UnknownAgent: StatusCode.NOT_FOUND,
    errors.BadCertificate: StatusCode.UNAUTHENTICATED,
    errors.TokenRefused: StatusCode.PERMISSION_DENIED,
    errors.BadConfig: StatusCode.FAILED_PRECONDITION,
}


async def abort(context: grpc.aio.ServicerContext[bytes, bytes], error: CcmmError) -> NoReturn:
    """End the call with this error."""
    code = CODES.get(type(error), StatusCode.INTERNAL)
    await context.abort(code, f"{error.name}: {error}", trailing_metadata=((ERROR_KEY, error.name),))
    raise AssertionError("abort always raises")
