"""The methods of the protocol, each with its codec, its messages and its full name."""

from __future__ import annotations

from typing import Final

from serving.transport.codecs import Codec
from serving.transport.inference import codec

SERVICE: Final = "inference.GRPCInferenceService"
SERVER_LIVE: Final = f"/{SERVICE}/ServerLive"
SERVER_READY: Final = f"/{SERVICE}/ServerReady"
SERVER_METADATA: Final = f"/{SERVICE}/ServerMetadata"
MODEL_READY: Final = f"/{SERVICE}/ModelReady"
MODEL_METADATA: Final = f"/{SERVICE}/ModelMetadata"
MODEL_INFER: Final = f"/{SERVICE}/ModelInfer"
MODEL_STATISTICS: Final = f"/{SERVICE}/ModelStatistics"
REPOSITORY_INDEX: Final = f"/{SERVICE}/RepositoryIndex"
MODEL_LOAD: Final = f"/{SERVICE}/RepositoryModelLoad"
MODEL_UNLOAD: Final = f"/{SERVICE}/RepositoryModelUnload"

CODECS: Final = {
    SERVER_LIVE: Codec(codec.decode_nothing, codec.encode_live),
    SERVER_READY: Codec(codec.decode_nothing, codec.encode_ready),
    SERVER_METADATA: Codec(codec.decode_nothing, codec.encode_server),
    MODEL_READY: Codec(codec.decode_model, codec.encode_ready),
    MODEL_METADATA: Codec(codec.decode_model, codec.encode_metadata),
    MODEL_INFER: Codec(codec.decode_infer, codec.encode_infer),
    MODEL_STATISTICS: Codec(codec.decode_model, codec.encode_statistics),
    REPOSITORY_INDEX: Codec(codec.decode_index, codec.encode_index),
    MODEL_LOAD: Codec(codec.decode_load, codec.encode_done),
    MODEL_UNLOAD: Codec(codec.decode_unload, codec.encode_done),
}
"""Full gRPC method name -> Codec."""
