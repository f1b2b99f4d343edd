"""A guess at the tokens of a text: Claude's tokenizer is not public, and each model has its own."""

from __future__ import annotations

import re

_PER_TOKEN = 3.7  # letters of English text, code and JSON, on average
_WIDE = re.compile(
    r"[\u0e00-\u0eff\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_PER_WIDE = 1.1  # tokens of a Chinese, Japanese or Korean letter
_PER_OTHER = 0.5  # tokens of a letter of another script, such as Cyrillic
_PICTURE = 1500  # tokens: Claude's largest; what is larger is made smaller


def estimated_tokens(text: str) -> int:
    """Linear, within a fifth or so for ordinary text."""
    if text.isascii():
        return round(len(text) / _PER_TOKEN)
    wide = len(_WIDE.findall(text))
    ascii_letters = len(text.encode("ascii", "ignore"))
    return round(ascii_letters / _PER_TOKEN + wide * _PER_WIDE + (len(text) - ascii_letters - wide) * _PER_OTHER)


def picture_tokens() -> int:
    """What a picture of unknown measures takes at most."""
    return _PICTURE
