"""The blocks of README.md, and the commands and links that stand in its text."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
STOREGATE = ".venv/bin/storegate"


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def console() -> list[list[str]]:
    """Every command after a `$`, as words; a line that ends in a backslash goes on."""
    joined = "\n".join(blocks("console")).replace("\\\n", " ")
    return [shlex.split(line[2:], comments=True) for line in joined.splitlines() if line.startswith("$ ")]


def commands() -> list[list[str]]:
    """Every `storegate ...` of the README, in its blocks and in its text."""
    inline = [shlex.split(found) for found in re.findall(rf"`({re.escape(STOREGATE)} [^`]+)`", TEXT)]
    return [words[1:] for words in [*console(), *inline] if words[0] == STOREGATE]


def make_targets() -> set[str]:
    return set(re.findall(r"\bmake ([a-z]+)", TEXT))


def links() -> list[str]:
    """Where its relative links lead."""
    return [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
