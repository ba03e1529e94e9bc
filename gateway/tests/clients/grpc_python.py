"""grpcio, which learns the service by reflection, asks a running server.

    python grpc_python.py HOST:PORT MODEL
"""

import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICE = "penstock.v1.Inference"


def main(address: str, model: str) -> None:
    channel = grpc.insecure_channel(address)
    described = ProtoReflectionDescriptorDatabase(channel)
    assert SERVICE in described.get_services(), described.get_services()
    service = DescriptorPool(described).FindServiceByName(SERVICE)

    def method(name, kind):
        found = service.FindMethodByName(name)
        request = GetMessageClass(found.input_type)
        answer = GetMessageClass(found.output_type)
        path = f"/{SERVICE}/{name}"
        return request, kind(
            path,
            request_serializer=request.SerializeToString,
            response_deserializer=answer.FromString,
        )

    request, call = method("Call", channel.unary_unary)
    question = request(
        model=model,
        question="What is the capital of France?",
        request_json='{"temperature": 0, "max_tokens": 16}',
    )
    whole = call(question, timeout=60)
    assert "Paris" in whole.text, whole
    assert whole.usage.completion_tokens > 0, whole

    _, stream = method("Stream", channel.unary_stream)
    pieces = list(stream(question, timeout=60))
    assert "".join(piece.text for piece in pieces) == whole.text, pieces
    assert len(pieces) > 2, pieces
    # The second time the prompt is found in the cache.
    usage, before = pieces[-1].end.usage, whole.usage
    assert usage.prompt_tokens == before.prompt_tokens, pieces[-1]
    assert usage.completion_tokens == before.completion_tokens, pieces[-1]

    try:
        call(request(model="none", question="Hi"), timeout=60)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
    else:
        raise AssertionError("a model that is not there answered")


if __name__ == "__main__":
    main(*sys.argv[1:])
