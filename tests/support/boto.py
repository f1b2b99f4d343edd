"""What boto3 would send to Bedrock, without sending it."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest
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


class _Prepared(Exception):
    """Stops a client of boto3's before it sends."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.request = request


@cache
def _client(region: str) -> Any:
    client = boto3.client(
        "bedrock-runtime", region_name=region, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
    )

    def stop(request: AWSPreparedRequest, **_: Any) -> None:
        raise _Prepared(request)

    client.meta.events.register("before-send", stop)
    return client


def prepared_by_boto(operation: str, region: str = "us-east-1", **params: Any) -> AWSPreparedRequest:
    """The whole request of a client's method, such as `converse`, signed and with its address."""
    try:
        getattr(_client(region), operation)(**params)
    except _Prepared as prepared:
        return prepared.request
    raise AssertionError("nothing was sent")
