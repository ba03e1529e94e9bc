"""The official Python client of Anthropic's against a running server: python anthropic_python.py BASE_URL MODEL"""

import sys

from anthropic import Anthropic, BadRequestError, NotFoundError

base_url, model = sys.argv[1].removesuffix("/v1"), sys.argv[2]
client = Anthropic(base_url=base_url, api_key="none")
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
# The client does not name sampling any more; the API's field is honoured all the same.
GREEDY = {"temperature": 0, "top_k": 1}
ASK = dict(model=model, max_tokens=24, messages=QUESTION, extra_body=GREEDY)


def answers():
    message = client.messages.create(**ASK)
    assert message.type == "message" and message.role == "assistant" and message.model == model
    assert "Paris" in message.content[0].text, message
    assert message.stop_reason in ("end_turn", "max_tokens") and message.stop_sequence is None
    assert message.usage.output_tokens > 0 and message._request_id
    return message


def streams_the_same(expected):
    with client.messages.stream(**ASK) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == expected.content[0].text == final.content[0].text, (text, expected)
    assert final.stop_reason == expected.stop_reason
    assert final.usage.output_tokens == expected.usage.output_tokens
    kinds = [event.type for event in client.messages.create(stream=True, **ASK)]
    kinds = [kind for kind in kinds if kind != "ping"]
    assert kinds[:2] == ["message_start", "content_block_start"], kinds
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"], kinds
    assert set(kinds[2:-3]) == {"content_block_delta"}, kinds


def counts(message):
    counted = client.messages.count_tokens(model=model, messages=QUESTION)
    usage = message.usage
    assert counted.input_tokens == usage.input_tokens + usage.cache_read_input_tokens
    longer = client.messages.count_tokens(model=model, messages=QUESTION, system="Answer in one word.")
    assert longer.input_tokens != counted.input_tokens


def system_blocks_and_stops():
    message = client.messages.create(
        model=model,
        max_tokens=48,
        extra_body=GREEDY,
        system=[{"type": "text", "text": "You count.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "Count: 1, 2, 3, 4, 5, 6, 7, 8"}]},
            {"role": "assistant", "content": "1, 2, 3,"},
        ],
        stop_sequences=["6"],
        metadata={"user_id": "somebody"},
    )
    assert message.stop_reason == "stop_sequence" and message.stop_sequence == "6", message
    assert "6" not in message.content[0].text


def errors_have_their_class():
    for kind, wrong in [
        (NotFoundError, {"model": "no-such-model"}),
        (BadRequestError, {"messages": []}),
        (BadRequestError, {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
    ]:
        try:
            client.messages.create(**{**ASK, **wrong})
        except kind as error:
            assert error.body["type"] == "error" and error.body["error"]["message"], error.body
        else:
            raise AssertionError(f"{wrong} was accepted")


message = answers()
streams_the_same(message)
counts(message)
system_blocks_and_stops()
errors_have_their_class()
print("anthropic: all checks passed")
