"""What others wrote, such as a cloud's error message, made fit to be shown: no secrets, and ids that are ids."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|\beyJ[\w-]{8,2000}+\.[\w-]+(?:\.[\w-]*)?"  # a JSON web token; the bound keeps long texts linear
    r"|\bya29\.[\w.-]+"  # a Google access token
    r"|\b1//[\w-]{20,}"  # a Google refresh token
    r"|\b(?-i:A[KS]IA[A-Z0-9]{16})\b"  # AWS's name of an access key: no secret by itself, but nobody else's business
    r"|\b(?-i:IQoJ|FwoG|FQoG|AQoD)[\w/+%=-]{40,}"  # a session token of AWS
    r"|\b(?-i:ABSK)[\w/+=]{20,}|\bbedrock-api-key-[\w/+%=.-]+"  # a Bedrock API key
    r"|\b(?-i:[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9]{26,})(?:==)?"  # a key of Azure, as Microsoft makes them identifiable
    r"|(?P<name>(?:(?:security|session)[-_ ]?token|secret[-_ ]?access[-_ ]?key|client[-_ ]?secret"
    r"|(?:api|subscription)[-_ ]?key)[\\\"']*\s*[:=]\s*[\\\"']*"
    r"|(?:Credential|Signature)=)[^\s\\\"',;&]{8,}"  # what is named so: keys without a shape, and AWS's signatures
    r"|(?<=Bearer )\S+"
    r"|(?<=://)[^/\s@]+(?=@)",  # the password of a proxy
    re.DOTALL | re.IGNORECASE,
)

_SHORT = 12  # letters of base64 that may well stand for something else
_REQUEST_IDS = ("request-id", "x-amzn-requestid", "apim-request-id", "x-request-id", "x-ms-request-id")
_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


def redact(text: str, *known: str) -> str:
    """`text` without what looks like a secret and without the `known` ones."""
    for secret in known:
        if secret:
            text = text.replace(secret, "***")
    return _SECRET.sub(r"\g<name>***", text)


def forms_of(secret: str) -> list[bytes]:
    """A secret as it may stand in bytes: as it is, and inside of longer text in base64, as which Bedrock wraps events:
    that has three forms, by where in the text it begins."""
    plain = secret.encode()
    if not plain:
        return []
    packed = [base64.b64encode(b"\0" * before + plain) for before in range(3)]
    # The first letters also hold bits of what stands before it, the last ones of what comes after.
    inner = [form[(0, 2, 3)[before] :].rstrip(b"=")[:-1] for before, form in enumerate(packed)]
    return [plain, *(form for form in inner if len(form) > _SHORT)]


def plain_id(value: object) -> str | None:
    """An id that a cloud gave, fit for headers and files; `None` for anything else."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The cloud's own id of the request, by whichever of its names; header names are lower case."""
    return next((found for name in _REQUEST_IDS if (found := plain_id(headers.get(name)))), None)
