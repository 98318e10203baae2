import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_proto.errors import Malformed
from ccmm_proto.join_code import format_join_code, parse_join_code
from ccmm_proto.v1.service_pb2 import JoinCode

CODE = JoinCode(host="collector.example", port=7443, certificate_sha256=bytes(32), token="t" * 43)


def test_parsing_undoes_formatting_even_broken_over_lines() -> None:
    text = format_join_code(CODE)
    assert parse_join_code(f"  {text[:20]}\n{text[20:]}\n") == CODE


@pytest.mark.parametrize(
    "text", ["", "ccmm1-", "ccmm1-%%%", "ccmm2-abc", format_join_code(CODE)[:-9], "ccmm1-" + "A" * 2000]
)
def test_a_damaged_code_says_what_to_do(text: str) -> None:
    with pytest.raises(Malformed, match="join code"):
        parse_join_code(text)


@given(st.text(max_size=80))
def test_only_malformed_escapes(noise: str) -> None:
    for text in (noise, "ccmm1-" + noise):
        with pytest.raises(Malformed):
            parse_join_code(text)
