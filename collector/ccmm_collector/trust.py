"""Which rule packs are let in: the product's own, those that a trusted key signed, and by an explicit setting others.

A pack is looked at when it is brought in: put in force, or named for one answer. What was put in force stays in the
log with the reason why it was let in, so that every older verdict can be derived again, whoever is trusted today.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ccmm_collector.config import PackSettings
from ccmm_collector.pack_signing import SIGNATURE_FILE, load_signature, signer_of, verify_manifest
from ccmm_collector.transition import Activation
from ccmm_proto.errors import BadConfig, BadSignature, Malformed
from ccmm_proto.v1.service_pb2 import PackActivated
from ccmm_rules.model import Pack

NOTICES: Mapping[str, Mapping[str, str]] = {
    "unsigned": {
        "en": "unsigned pack: nobody answers for its rules",
        "zh": "未签名的规则包：其规则无人负责",
    },
    "distrusted": {
        "en": "distrusted pack: the key that signed it is no longer in the trust list",
        "zh": "不再受信任的规则包：其签名密钥已不在信任列表中",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Why a pack is let in: built_in, signed, unsigned; distrusted where its key has left the trust list since."""

    word: str
    signer: str = ""  # as the trust list names them
    key: bytes = b""

    @property
    def notice(self) -> Mapping[str, str] | None:
        """What every answer by this pack says beside it, in both languages."""
        return NOTICES.get(self.word)

    @property
    def act(self) -> PackActivated.Trust.ValueType:
        """As the log says it."""
        return _ACTS[self.word]


BUILT_IN = Trust(word="built_in")
UNSIGNED = Trust(word="unsigned")
_ACTS = {
    "built_in": PackActivated.BUILT_IN,
    "signed": PackActivated.SIGNED,
    "unsigned": PackActivated.UNSIGNED,
    "distrusted": PackActivated.SIGNED,
}


def admit(folder: Path, pack: Pack, settings: PackSettings) -> Trust:
    """Why a pack from outside the product is let in; raises BadConfig where it is not."""
    try:
        opened = load_signature(folder)
        if opened is None:
            if settings.allow_unsigned:
                return UNSIGNED
            raise BadConfig(
                f"{folder}: nobody signed this pack. Sign it (ccmm-collector rules sign) and add the key to "
                "[packs.trusted_keys] of collector.toml, or set allow_unsigned = true there"
            )
        name, key = signer_of(opened, settings.trusted_keys)
        verify_manifest(opened, folder, pack)
    except (BadSignature, Malformed) as error:
        raise BadConfig(f"{folder / SIGNATURE_FILE}: {error}") from error
    return Trust(word="signed", signer=name, key=key)


def trust_of(activation: Activation, settings: PackSettings) -> Trust:
    """How a pack that is in force stands today. Acts of before packs were signed only named the product's own."""
    if activation.trust == PackActivated.UNSIGNED:
        return UNSIGNED
    if activation.trust != PackActivated.SIGNED:
        return BUILT_IN
    names = [name for name, key in settings.trusted_keys.items() if key == activation.signed_by]
    if not names:
        return Trust(word="distrusted", key=activation.signed_by)
    return Trust(word="signed", signer=names[0], key=activation.signed_by)
