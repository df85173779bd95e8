"""What both faces say of the contract as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from parity_laws import Faces

from serving.transport.contract import FILES, services, streams


class TestContract:
    @staticmethod
    def computed(query: object) -> object:
        """Nothing is asked."""
        raise NotImplementedError

    @staticmethod
    def warm() -> None:
        """Nothing is computed."""

    @pytest.mark.parametrize("service", services())
    def test_reflection_and_openapi_know_the_same_methods(self, faces: Faces, service: str) -> None:
        """A tool that knows only the address can describe and call every method on either face; streams are gRPC's
        own."""
        asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
        stub = reflection_pb2_grpc.ServerReflectionStub(faces.channel)
        answer = next(stub.ServerReflectionInfo(iter([asked]), timeout=10.0))
        found = set()
        for encoded in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(encoded)
            found |= {
                f"/{file.package}.{one.name}/{method.name}"
                for one in file.service
                for method in one.method
                if f"{file.package}.{one.name}" == service
            }
        paths = faces.http.get("/openapi.json").json()["paths"]
        named = {operation["x-grpc-method"] for verbs in paths.values() for operation in verbs.values()}
        assert found
        assert found == {name for name in {*named, *streams()} if name.startswith(f"/{service}/")}


def test_every_service_is_asked() -> None:
    """test_NAME_parity.py for the services of NAME.proto."""
    for file in FILES:
        asked = Path(__file__).with_name(f"test_{Path(file.name).stem}_parity.py").read_text()
        for service in file.services_by_name.values():
            assert f'service = "{service.full_name}"' in asked
