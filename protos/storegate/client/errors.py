"""Why a call failed."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2, status_pb2


def reason(error: grpc.RpcError) -> str:
    """The gateway's word for what went wrong (ErrorInfo.reason); "" when the error is not the gateway's."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            info = error_details_pb2.ErrorInfo()
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info):
                    return str(info.reason)
    return ""
