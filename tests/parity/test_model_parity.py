"""ModelService: the same over both faces; see parity_laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused

from serving.core.errors import ModelRefused, NotFound
from serving.core.rollout import (
    Deal,
    GetRelease,
    Listed,
    ListReleases,
    Promote,
    RollBack,
    Rollout,
    Shade,
    Shadowing,
    Split,
    listed,
)

ROLLOUT = Rollout(
    (Listed("r1", "LIVE", {"ranker": "7"}, 0.75), Listed("r2", "CANDIDATE", {"ranker": "8"}, 0.25, 0.05)),
    Split((("r2", 0.25),), 7),
    Shadowing("r2", 0.05),
    "r1",
    ("release r3: ranker: purchase.onnx: the checksum does not match",),
)


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case GetRelease(name=name):
            return listed(ROLLOUT, name) or NotFound("model", name)
        case Promote(name="bad"):
            return ModelRefused("ranker: purchase.onnx", "golden-rows", "3 of 64 golden rows come out otherwise")
        case ListReleases() | Promote() | RollBack():
            return ROLLOUT
        case Shade(shadow=shadow):
            return replace(ROLLOUT, shadow=shadow)
        case Deal(split=split):
            return replace(ROLLOUT, split=split)


ANSWERED: Answered = [
    ("ListModels", {}),
    ("GetModel", {"name": "r2"}),
    ("PromoteModel", {"name": "r2", "validateOnly": True}),
    ("RollbackModel", {"expectedLive": "r1"}),
    ("SetShadow", {"name": "r2"}),
    ("SetShadow", {}),
    ("SetTrafficSplit", {"split": {"arms": [{"name": "r2", "share": 0.25}], "seed": "9007199254740993"}}),
]


REFUSED: Refused = [
    ("GetModel", {"name": "absent"}, "NOT_FOUND"),
    ("PromoteModel", {"name": "bad"}, "MODEL_REFUSED"),
    ("RollbackModel", {"expectedLive": "a\nb"}, "INVALID_FIELD"),
    ("SetShadow", {"name": "r2", "share": "NaN"}, "INVALID_FIELD"),
    ("SetTrafficSplit", {"split": {"arms": [{"name": "r2", "share": 1.5}]}}, "INVALID_FIELD"),
    ("SetTrafficSplit", {"split": {"seed": "-1"}}, "INVALID_FIELD"),
]


class TestModels(EqualAnswers, EqualErrors):
    service = "storegate.v1.ModelService"
    computed = staticmethod(computed)
    answered = ANSWERED
    refused = REFUSED
