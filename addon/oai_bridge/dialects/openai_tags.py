"""Thoughts out of the text, where doors for OpenAI's language leave them.

gpt-oss's come as `<reasoning>…</reasoning>` on Bedrock. In a whole answer they stand before the text, in a stream each
piece of them is wrapped by itself (as recorded of `bedrock-runtime` by llama-stack's tests; for InvokeModel AWS says so
in "OpenAI models"). Gemini's are summaries, for a client that asked Google to include them: pieces of a stream that are
marked as such (Vertex AI's "Using OpenAI libraries").
"""

from __future__ import annotations

import re
from typing import Any

OPENING = "<reasoning>"
_THOUGHT = re.compile(r"<reasoning>(.*?)</reasoning>", re.DOTALL)


def untag(message: dict[str, Any]) -> None:
    """Moves the thoughts at the front of the `content` of a message, or of a delta, to `reasoning_content`. A tag
    further in is the model's text."""
    content = message.get("content")
    if not isinstance(content, str) or not content.startswith(OPENING):
        return
    thoughts, at = [], 0
    while thought := _THOUGHT.match(content, at):
        thoughts.append(thought[1])
        at = thought.end()
    if thoughts:
        message["content"] = content[at:]
        message["reasoning_content"] = "".join(thoughts)


def unmark(delta: dict[str, Any]) -> None:
    """Moves the `content` of a delta that Gemini marks as a thought to `reasoning_content`."""
    match delta:
        case {"content": str(thought), "extra_content": {"google": {"thought": True}}}:
            del delta["content"]
            delta["reasoning_content"] = thought
