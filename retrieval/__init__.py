"""Nearest vectors by inner product, on FAISS alone; knows nothing of serving."""

from retrieval.build import Params, build
from retrieval.exact import exact_search
from retrieval.recall import RecallReport, recall_report
from retrieval.search import search
from retrieval.snapshot import SnapshotDamaged, dumps, load, loads, save

__all__ = [
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
]
