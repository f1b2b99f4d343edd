"""Log lines as JSON, one object a line, for programs that collect logs."""

from __future__ import annotations

import json
import logging
from datetime import datetime

from .request_lines import FIELDS


class JsonLines(logging.Formatter):
    """Everything is ASCII: no letter can break a line, steer a terminal or be one that it can't show."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if peer := getattr(record, "client", None):  # mitmproxy's word for the address that a connection comes from
            line["peer"] = "{}:{}".format(*peer[:2]) if isinstance(peer, tuple) else str(peer)
        line |= getattr(record, FIELDS, {})
        return json.dumps(line, default=str)
