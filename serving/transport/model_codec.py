"""ModelService: request bytes to checked queries, what is live to bytes."""

from __future__ import annotations

from typing import Any, Final

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
)
from serving.transport import checks
from storegate.v1 import model_pb2 as pb

SHADOW_SHARE_DEFAULT: Final = 0.05
_STATES: Final = {
    "LIVE": pb.MODEL_STATE_LIVE,
    "PREVIOUS": pb.MODEL_STATE_PREVIOUS,
    "CANDIDATE": pb.MODEL_STATE_CANDIDATE,
}


def decode_list(payload: bytes) -> ListReleases:
    checks.parsed(pb.ListModelsRequest.FromString, "ListModelsRequest", payload)
    return ListReleases()


def decode_get(payload: bytes) -> GetRelease:
    request = checks.parsed(pb.GetModelRequest.FromString, "GetModelRequest", payload)
    return GetRelease(checks.needed_id("name", request.name))


def decode_promote(payload: bytes) -> Promote:
    request = checks.parsed(pb.PromoteModelRequest.FromString, "PromoteModelRequest", payload)
    return Promote(checks.needed_id("name", request.name), request.validate_only)


def decode_rollback(payload: bytes) -> RollBack:
    request = checks.parsed(pb.RollbackModelRequest.FromString, "RollbackModelRequest", payload)
    return RollBack(checks.ids("expected_live", [request.expected_live], 1)[0] if request.expected_live else "")


def decode_shadow(payload: bytes) -> Shade:
    """Raises InvalidInput for a share that is none."""
    request = checks.parsed(pb.SetShadowRequest.FromString, "SetShadowRequest", payload)
    if not request.name:
        return Shade(None)
    return Shade(Shadowing(checks.needed_id("name", request.name), request.share or SHADOW_SHARE_DEFAULT))


def decode_split(payload: bytes) -> Deal:
    """Raises InvalidInput for shares that are none, or add up to more than 1."""
    split = checks.parsed(pb.SetTrafficSplitRequest.FromString, "SetTrafficSplitRequest", payload).split
    arms = tuple(
        (checks.needed_id(f"split.arms[{place}].name", arm.name), arm.share) for place, arm in enumerate(split.arms)
    )
    return Deal(Split(arms, split.seed))


def encode_list(rollout: Rollout) -> bytes:
    return checks.wire(pb.ListModelsResponse(models=map(_model, rollout.releases), rollout=_rollout(rollout)))


def encode_model(found: Listed) -> bytes:
    return checks.wire(_model(found))


def encode_rollout(rollout: Rollout) -> bytes:
    return checks.wire(_rollout(rollout))


def _model(found: Listed) -> Any:
    return pb.Model(
        name=found.name,
        state=_STATES[found.state],
        versions=found.versions,
        traffic_share=found.share,
        shadow_share=found.shadow_share,
    )


def _rollout(rollout: Rollout) -> Any:
    arms = [pb.TrafficArm(name=name, share=share) for name, share in rollout.split.shares]
    return pb.Rollout(
        live=rollout.releases[0].name,
        split=pb.TrafficSplit(arms=arms, seed=rollout.split.seed),
        shadow=rollout.shadow.release if rollout.shadow else "",
        shadow_share=rollout.shadow.share if rollout.shadow else 0.0,
        served=rollout.served,
        refused=rollout.refused,
    )
