"""ModelService: which model answers whom."""

from __future__ import annotations

from collections.abc import Mapping

from storegate.client.calls import Calls
from storegate.v1 import model_pb2


class ModelCalls(Calls):
    """See Client."""

    def list_models(self, *, timeout_s: float | None = None) -> model_pb2.ListModelsResponse:
        """All models and who answers whom."""
        return self._call("model", "ListModels", model_pb2.ListModelsRequest(), timeout_s)

    def get_model(self, name: str, *, timeout_s: float | None = None) -> model_pb2.Model:
        """One model."""
        return self._call("model", "GetModel", model_pb2.GetModelRequest(name=name), timeout_s)

    def promote_model(
        self, name: str, *, validate_only: bool = False, timeout_s: float | None = None
    ) -> model_pb2.Rollout:
        """Makes a model live. It is loaded and checked first, which takes seconds: allow for them."""
        request = model_pb2.PromoteModelRequest(name=name, validate_only=validate_only)
        return self._call("model", "PromoteModel", request, timeout_s)

    def rollback_model(self, *, expected_live: str = "", timeout_s: float | None = None) -> model_pb2.Rollout:
        """Makes the model before the live one live again; likewise."""
        request = model_pb2.RollbackModelRequest(expected_live=expected_live)
        return self._call("model", "RollbackModel", request, timeout_s)

    def set_shadow(self, name: str, share: float = 0.0, *, timeout_s: float | None = None) -> model_pb2.Rollout:
        """Compares a model with what is served; likewise. "" = none any more; share: of the requests, 0 = 0.05."""
        return self._call("model", "SetShadow", model_pb2.SetShadowRequest(name=name, share=share), timeout_s)

    def set_traffic_split(
        self, shares: Mapping[str, float], seed: int = 0, *, timeout_s: float | None = None
    ) -> model_pb2.Rollout:
        """Gives models their shares of the visitors, the live one what is left; likewise. {} = all of them."""
        arms = [model_pb2.TrafficArm(name=name, share=share) for name, share in shares.items()]
        request = model_pb2.SetTrafficSplitRequest(split=model_pb2.TrafficSplit(arms=arms, seed=seed))
        return self._call("model", "SetTrafficSplit", request, timeout_s)
