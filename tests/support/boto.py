"""What boto3 would send to Bedrock, without sending it."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

_BLOBS = ("bytes", "redactedContent")


@cache
def _service() -> ServiceModel:
    return botocore.session.Session().get_service_model("bedrock-runtime")


def sent_by_boto(operation: str = "Converse", **params: Any) -> dict[str, Any]:
    """The JSON body of a call with these parameters, which botocore has to find valid. Blobs are given in base64 here,
    for the reader's sake; boto3 takes bytes."""
    service = _service()
    model = service.operation_model(operation)
    given = {"modelId": "amazon.nova-pro-v1:0", **_with_bytes(params)}
    report = ParamValidator().validate(given, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    request = create_serializer(service.protocol).serialize_to_request(given, model)
    body: dict[str, Any] = json.loads(request["body"])
    return body


def _with_bytes(value: Any) -> Any:

    if isinstance(value, list):
        return [_with_bytes(item) for item in value]
    if isinstance(value, dict):
        return {key: base64.b64decode(item) if key in _BLOBS else _with_bytes(item) for key, item in value.items()}
    return value
