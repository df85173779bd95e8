"""What is tried again, and how often; as gRPC's service config, which clients in all languages understand."""

from __future__ import annotations

import json

RETRIED = (
    {"service": "storegate.v1.RecommendationService"},
    {"service": "storegate.v1.PricingService"},
    {"service": "storegate.v1.GatewayService"},
    {"service": "storegate.v1.UserEventService", "method": "WriteUserEvent"},  # idempotent by event_id
    {"service": "storegate.v1.UserEventService", "method": "ExportUser"},
    {"service": "storegate.v1.UserEventService", "method": "EraseUser"},  # idempotent by request_id
    {"service": "storegate.v1.CatalogService", "method": "GetItem"},
    {"service": "storegate.v1.ForecastService"},
    {"service": "storegate.v1.InventoryService"},
    {"service": "storegate.v1.PlacementService"},
    {"service": "storegate.v1.RoutingService"},
    *(
        {"service": "storegate.v1.ModelService", "method": method}
        for method in ("ListModels", "GetModel", "PromoteModel", "SetShadow", "SetTrafficSplit")
    ),
    *(
        {"service": "storegate.v1.BatchService", "method": method}
        for method in ("GetOperation", "ListOperations", "CancelOperation", "ResumeOperation")
    ),
)
"""Methods that may be sent again without harm; a replica that goes away while it is asked answers UNAVAILABLE."""

RETRIES_LEFT = 400
"""Half of it is how many attempts may fail on a connection before nothing is retried there any more; every two answers
give one back. In an outage, retries must not multiply the load."""

SERVICE_CONFIG = json.dumps(
    {
        "retryThrottling": {"maxTokens": RETRIES_LEFT, "tokenRatio": 0.5},
        "methodConfig": [
            {
                "name": list(RETRIED),
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.01s",
                    "maxBackoff": "0.1s",
                    "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)

RECONNECT = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 1000))
"""A connection attempt that a dying replica resets is repeated before the retries of a call are used up; gRPC's default
waits a second, in which every call on that connection fails."""
