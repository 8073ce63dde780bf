"""Regular expressions from strangers: RE2, as the service has it, in time linear in the text.

The syntax is that of https://github.com/google/re2/wiki/Syntax: POSIX classes, ``\\Q…\\E``, ``(?P<name>…)``,
``\\p{Greek}``; no back references, look-arounds or possessive quantifiers. Replacements and splitting follow
the rules of ``java.util.regex``, which RE2's port to Java keeps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import re2

from ecumene.core.errors import EvaluationError, LimitExceeded

LONGEST_PATTERN = 10_000
LONGEST_TEXT = 10_000_000
MEMORY = 8 * 2**20
"""Bytes of a compiled pattern and its automaton."""

Pattern = Any
"""A compiled pattern, with the methods of the standard library's."""


def _valid(text: str, name: str) -> str:
    """The text, if it can be encoded: halves of surrogate pairs cannot."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EvaluationError(f"{name}: The text is not valid Unicode.") from None
    return text


@lru_cache(maxsize=512)
def _compiled(pattern: str, fold: bool) -> Pattern:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    options.case_sensitive = not fold
    return re2.compile(pattern, options)


def compiled(pattern: str, flags: str, name: str) -> Pattern:
    """The pattern; EvaluationError if it is malformed or uses what RE2 does not have."""
    if len(pattern) > LONGEST_PATTERN:
        raise LimitExceeded(
            f"{name}: The regular expression is longer than {LONGEST_PATTERN} characters."
        )
    unknown = set(flags) - set("gi")
    if unknown:
        raise EvaluationError(f"{name}: Unknown flag '{min(unknown)}'.")
    try:
        return _compiled(_valid(pattern, name), "i" in flags)
    except re2.error as error:
        words = error.args[0] if error.args else "malformed"
        words = words.decode(errors="replace") if isinstance(words, bytes) else words
        raise EvaluationError(
            f"{name}: Invalid regular expression '{pattern[:100]}': {words}."
        ) from None


def checked(text: str, name: str) -> str:
    """The text, if it is not too long."""
    if len(text) > LONGEST_TEXT:
        raise LimitExceeded(f"{name}: The text is longer than {LONGEST_TEXT} characters.")
    return _valid(text, name)


def chosen(names: Iterable[str], selector: str, name: str) -> list[str]:
    """Names that are the selector, or else those that it matches as a whole."""
    known = list(names)
    if selector in known:
        return [selector]
    pattern = compiled(selector, "", name)
    return [n for n in known if pattern.fullmatch(_valid(n, name))]


_GROUP = re.compile(r"\\(.)|\$(?:\{(\w+)\}|(\d+)|([$&]))|([\\$])", re.DOTALL)


def _expander(template: str, pattern: Pattern, name: str) -> Callable[[Any], str]:
    """How a match is replaced: ``$1`` and ``${name}`` are groups, ``$&`` the match, ``\\`` quotes.

    As in Java the longest number that is a group counts, so ``$12`` may be group 1 and the digit 2.
    """
    parts: list[str | int] = []
    last = 0
    for found in _GROUP.finditer(template):
        parts.append(template[last : found.start()])
        last = found.end()
        quoted, named, digits, special, bad = found.groups()
        if quoted is not None:
            parts.append(quoted)
        elif special is not None:
            parts.append("$" if special == "$" else 0)
        elif named is not None and named in pattern.groupindex:
            parts.append(pattern.groupindex[named])
        elif digits is not None and int(digits[0]) <= pattern.groups:
            end = 1
            while end < len(digits) and int(digits[: end + 1]) <= pattern.groups:
                end += 1
            parts += [int(digits[:end]), digits[end:]]
        else:
            raise EvaluationError(
                f"{name}: Invalid replacement '{template[:100]}': no group '{bad or found.group()}'."
            )
    parts.append(template[last:])
    return lambda m: "".join(p if isinstance(p, str) else (m.group(p) or "") for p in parts)


def replaced(
    pattern: Pattern, text: str, template: str, everywhere: bool, name: str, longest: int
) -> str:
    """The text with its first match, or all of them, replaced; at most ``longest`` characters."""
    expand = _expander(_valid(template, name), pattern, name)
    out: list[str] = []
    last = size = 0
    for found in pattern.finditer(checked(text, name)):
        part = text[last : found.start()] + expand(found)
        last = found.end()
        size += len(part)
        if size > longest:
            raise LimitExceeded(f"{name}: The text would be longer than {longest} characters.")
        out.append(part)
        if not everywhere:
            break
    out.append(text[last:])
    return "".join(out)


def split(pattern: Pattern, text: str, name: str) -> list[str]:
    """Parts between matches; without empty parts at the end, and none before an empty first match."""
    parts: list[str] = []
    last = 0
    for found in pattern.finditer(checked(text, name)):
        if found.end() == 0 or found.start() == found.end() == len(text):
            continue
        parts.append(text[last : found.start()])
        last = found.end()
    if not parts:
        return [text]
    parts.append(text[last:])
    while parts and parts[-1] == "":
        parts.pop()
    return parts
