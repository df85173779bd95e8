"""What is measured, and what came of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.figures import Round
from loadtests.peers.pipeline import Page, Query
from loadtests.peers.registry import Peer


@dataclass
class Case:
    """One server asked by so many callers, and what came of it so far."""

    callers: int
    rounds: list[Round] = field(default_factory=list)
    probed: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Subject:
    """One server, and what came of it so far."""

    peer: Peer
    python: Path
    cases: list[Case]
    start_s: list[float] = field(default_factory=list)
    pss_mib: list[float] = field(default_factory=list)
    processes: int = 0
    failure: str = ""
    """Why it is measured no more."""


@dataclass(frozen=True, slots=True)
class World:
    """folder: the pipeline's. work: for the servers' logs. queries: asked in turn. pages: the right answers."""

    folder: Path
    work: Path
    queries: Sequence[Query]
    pages: Sequence[Page]
