"""Nearest vectors by inner product, on FAISS alone; knows nothing of serving."""

from retrieval.build import build
from retrieval.exact import exact_search
from retrieval.recall import RecallReport, recall_report
from retrieval.rule import KINDS, Kind, Params
from retrieval.search import search, tune
from retrieval.snapshot import SnapshotDamaged, dumps, load, loads, save

__all__ = [
    "KINDS",
    "Kind",
    "Params",
    "RecallReport",
    "SnapshotDamaged",
    "build",
    "dumps",
    "exact_search",
    "load",
    "loads",
    "recall_report",
    "save",
    "search",
    "tune",
]
