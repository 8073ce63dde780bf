"""Regular expressions from strangers: RE2-like syntax on Python's engine, bounded.

POSIX classes are translated. Backtracking is bounded by refusing nested unbounded repetitions (what makes it
explode) and by limiting pattern and text lengths.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ecumene.core.errors import EvaluationError, LimitExceeded

LONGEST_PATTERN = 1000
LONGEST_TEXT = 1_000_000
_POSIX = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "ascii": "\\x00-\\x7f", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\s",
    "upper": "A-Z", "word": "\\w", "xdigit": "0-9a-fA-F",
}  # fmt: skip
_CLASS = re.compile(r"\[:(\^?)(\w+):\]")
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)[+*{]")


@lru_cache(maxsize=512)
def compiled(pattern: str, flags: str, name: str) -> re.Pattern[str]:
    """The pattern; EvaluationError if it is malformed, LimitExceeded if it could run for ever."""
    if len(pattern) > LONGEST_PATTERN:
        raise LimitExceeded(
            f"{name}: The regular expression is longer than {LONGEST_PATTERN} characters."
        )
    if _NESTED.search(pattern):
        raise LimitExceeded(
            f"{name}: Nested repetitions such as (a+)+ are not allowed: '{pattern}'."
        )
    text = _CLASS.sub(lambda m: _POSIX.get(m.group(2), m.group(0)), pattern)
    options = 0
    for flag in flags:
        if flag == "i":
            options |= re.IGNORECASE
        elif flag != "g":
            raise EvaluationError(f"{name}: Unknown flag '{flag}'.")
    try:
        return re.compile(text, options)
    except (re.error, OverflowError, RecursionError) as error:
        raise EvaluationError(f"{name}: Invalid regular expression '{pattern}': {error}.") from None


def checked(text: str, name: str) -> str:
    """The text, if it is not too long."""
    if len(text) > LONGEST_TEXT:
        raise LimitExceeded(f"{name}: The text is longer than {LONGEST_TEXT} characters.")
    return text
