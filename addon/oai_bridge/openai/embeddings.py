"""The body of an embeddings request, JSON in and a checked `EmbeddingRequest` out, and the answer to one.

Fields: OpenAI's API reference, "Create embeddings"; `input_type` is Cohere's word, `normalize` Amazon's.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from ..notes import Notes
from ..plain.jsontext import write
from .fields import NEUTRAL, boolean, number, text
from .request import model_of

_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
_MOST_INPUTS = 2048  # OpenAI's limit
_KNOWN = ("model", "input", "dimensions", "encoding_format", "input_type", "normalize", "user")


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """What a client wants vectors of. `inputs` are one or more texts, none of them empty; `dimensions` is the vectors'
    length, `None` for the model's own. `base64`: they are wanted as such, not as numbers. `input_type` is what they are
    for, in Cohere's words; `normalize` says whether their norm is to be 1."""

    model: str
    inputs: tuple[str, ...]
    dimensions: int | None = None
    base64: bool = False
    input_type: str | None = None
    normalize: bool = True


def parse_embeddings(body: dict[str, Any], notes: Notes) -> EmbeddingRequest:
    """The request in `body`; raises `InvalidRequest`. Fields that nobody knows are told to `notes`."""
    for field, value in body.items():
        if field not in _KNOWN and value not in NEUTRAL:
            notes.dropped(field[:64], f"The field {field[:64]!r} is unknown here.", code="unknown")
    return EmbeddingRequest(
        model=model_of(body),
        inputs=_inputs(body.get("input")),
        dimensions=_dimensions(body),
        base64=_wants_base64(body),
        input_type=_input_type(body),
        normalize=boolean(body, "normalize", default=True),
    )


def embeddings_answer(model: str, vectors: Sequence[Sequence[float]], prompt_tokens: int, base64: bool) -> bytes:
    """The whole body for `vectors`, which are in the order of the inputs. `model` is the client's own name for it. With
    `base64` each is little-endian float32s, as openai-python reads them; their values must fit in those."""
    encoded = _in_base64 if base64 else _in_numbers
    data = b",".join(
        b'{"object":"embedding","index":%d,"embedding":%s}' % (index, encoded(vector))
        for index, vector in enumerate(vectors)
    )
    usage = write({"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens})
    return b'{"object":"list","data":[%s],"model":%s,"usage":%s}' % (data, write(model), usage)


def _in_base64(vector: Sequence[float]) -> bytes:
    return b'"%s"' % base64.b64encode(struct.pack(f"<{len(vector)}f", *vector))


def _in_numbers(vector: Sequence[float]) -> bytes:
    return write(list(vector))


# -- fields -----------------------------------------------------------------------------------------------------------


def _inputs(value: Any) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    if value is None or not given:
        raise InvalidRequest("Put the text, or a list of texts, into the field `input`.", param="input")
    if _is_tokens(given[0]):
        raise InvalidRequest(
            "Send texts in `input`, not token ids, which only OpenAI's own models share "
            "(in LangChain: check_embedding_ctx_length=False).",
            param="input",
        )
    if len(given) > _MOST_INPUTS:
        raise InvalidRequest(
            f"`input` has {len(given)} texts; send at most {_MOST_INPUTS} in one request.", param="input"
        )
    for index, item in enumerate(given):
        place = f"input[{index}]" if given is value else "input"
        if not isinstance(item, str):
            raise InvalidRequest("`input` must be a text or a list of texts.", param=place)
        if not item:
            raise InvalidRequest("An empty text has no vector; leave it out.", param=place)
    return tuple(given)


def _is_tokens(value: Any) -> bool:
    """Whether it is a token's id, or a list of such."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, int) and not isinstance(first, bool)


def _dimensions(body: dict[str, Any]) -> int | None:
    found = number(body, "dimensions")
    if found is None or (found >= 1 and found.is_integer()):
        return None if found is None else int(found)
    raise InvalidRequest("`dimensions` must be a whole number above 0.", param="dimensions")


def _wants_base64(body: dict[str, Any]) -> bool:
    match text(body, "encoding_format"):
        case None | "float":
            return False
        case "base64":
            return True
    raise InvalidRequest('`encoding_format` must be "float" or "base64".', param="encoding_format")


def _input_type(body: dict[str, Any]) -> str | None:
    given = text(body, "input_type")
    if given is None or given in _INPUT_TYPES:
        return given
    raise InvalidRequest(f"`input_type` must be one of {', '.join(_INPUT_TYPES)}.", param="input_type")
