"""Bedrock's streams in tests/vectors and what is in them: recorded ones, and ones generated for this project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_VECTORS = Path(__file__).parent.parent / "vectors"

OFFICIAL = _VECTORS / "aws-eventstream" / "aws-sdk-go"
RECORDED = sorted((_VECTORS / "bedrock-recorded").glob("*.response.bin"))
GENERATED = sorted((_VECTORS / "aws-eventstream" / "generated-bedrock").glob("*.bin"))


def recorded_frames(file: Path) -> list[dict[str, Any]]:
    """`{"headers", "payload"}` of each frame, the payload as a value; `chunk` is that in the `bytes` of invoke's."""
    lines = file.with_name(file.name.replace("response.bin", "frames.jsonl")).read_text().split("\n")
    return [json.loads(line) for line in lines if line]


def generated_frames(file: Path) -> list[dict[str, Any]]:
    """`{"headers", "body"}` of each frame, the body as text."""
    frames: list[dict[str, Any]] = json.loads(file.with_suffix(".botocore.json").read_text())
    return frames
