"""Responses and conversations by the official Python client: python openai_python_responses.py BASE_URL MODEL

Every check is what an application developer would write; the first that fails ends the script.
"""

import json
import sys
import time

from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, Field, TypeAdapter

base_url, model = sys.argv[1], sys.argv[2]
client = OpenAI(base_url=base_url, api_key="none")
QUESTION = "What is the capital of France?"


def strictly(kind, value):
    TypeAdapter(kind).validate_python(value.to_dict(), strict=True)


def a_response_is_answered_and_kept():
    response = client.responses.create(model=model, input=QUESTION, temperature=0, max_output_tokens=24)
    strictly(Response, response)
    assert "Paris" in response.output_text, response
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert client.responses.retrieve(response.id) == response
    items = list(client.responses.input_items.list(response.id))
    assert [item.content[0].text for item in items] == [QUESTION]
    return response


def it_streams_the_same(expected):
    stream = client.responses.create(
        model=model, input=QUESTION, temperature=0, max_output_tokens=24, stream=True
    )
    events = list(stream)
    for event in events:
        strictly(ResponseStreamEvent, event)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == expected, (text, expected)
    response = events[-1].response
    again = list(client.responses.retrieve(response.id, stream=True, starting_after=3))
    assert again == events[4:]
    with client.responses.stream(model=model, input=QUESTION, temperature=0) as helped:
        for _ in helped:
            pass
        final = helped.get_final_response()
    assert final.status == "completed" and "Paris" in final.output_text


def a_dialogue_goes_on(first):
    second = client.responses.create(
        model=model, input="Say that again.", previous_response_id=first.id, max_output_tokens=8
    )
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.total_tokens
    # And by hand: what came out goes in.
    by_hand = [{"role": "user", "content": QUESTION}]
    by_hand += [item.to_dict() for item in first.output]
    by_hand.append({"role": "user", "content": "Say that again."})
    same = client.responses.create(model=model, input=by_hand, store=False, max_output_tokens=8)
    assert same.usage.input_tokens == second.usage.input_tokens
    try:
        client.responses.retrieve(same.id)
    except NotFoundError:
        pass
    else:
        raise AssertionError("a response was kept that was not to be")


def answers_have_their_form():
    class Person(BaseModel):
        name: str = Field(max_length=20)
        age: int = Field(ge=0, le=120)

    response = client.responses.parse(
        model=model, input="Describe a person.", text_format=Person, max_output_tokens=100
    )
    assert response.status == "completed", response
    assert isinstance(response.output_parsed, Person), response
    assert json.loads(response.output_text)["age"] == response.output_parsed.age


def in_the_background():
    response = client.responses.create(model=model, input=QUESTION, background=True, max_output_tokens=24)
    assert response.status in ("queued", "in_progress")
    while response.status in ("queued", "in_progress"):
        time.sleep(0.05)
        response = client.responses.retrieve(response.id)
    assert response.status in ("completed", "incomplete") and response.output_text
    long = client.responses.create(
        model=model, input=QUESTION, background=True, stream=True, extra_body={"ignore_eos": True}
    )
    first = next(iter(long))
    assert first.type == "response.created" and first.response.status == "queued"
    cancelled = client.responses.cancel(first.response.id)
    assert cancelled.status == "cancelled", cancelled
    assert list(long)[-1].response.status == "cancelled"


def conversations_are_kept():
    conversation = client.conversations.create(
        items=[{"type": "message", "role": "user", "content": "My name is Ada."}], metadata={"a": "b"}
    )
    response = client.responses.create(
        model=model, input="Hello!", conversation=conversation.id, max_output_tokens=8
    )
    assert response.conversation.id == conversation.id
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    assert [item.role for item in items] == ["user", "user", "assistant"]
    assert items[2].content[0].text == response.output_text
    assert client.conversations.items.retrieve(items[0].id, conversation_id=conversation.id) == items[0]
    client.conversations.items.delete(items[0].id, conversation_id=conversation.id)
    client.conversations.items.create(
        conversation.id, items=[{"type": "message", "role": "user", "content": "Bye."}]
    )
    roles = [item.role for item in client.conversations.items.list(conversation.id, limit=1)]
    assert roles == ["user", "assistant", "user"]
    assert client.conversations.update(conversation.id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert client.conversations.delete(conversation.id).deleted
    try:
        client.conversations.retrieve(conversation.id)
    except NotFoundError:
        pass
    else:
        raise AssertionError("a deleted conversation was found")


def errors_have_their_class(first):
    def refused(param, **kwargs):
        try:
            client.responses.create(**{"model": model, "input": QUESTION, **kwargs})
        except BadRequestError as error:
            assert error.param == param, (error.param, param)
            return error.code
        raise AssertionError(f"{kwargs} was accepted")

    code = refused("previous_response_id", previous_response_id="resp_none")
    assert code == "previous_response_not_found", code
    refused("temperature", temperature=9)
    refused("background", background=True, store=False)
    refused("input", input="word " * 20_000)
    client.responses.delete(first.id)
    try:
        client.responses.retrieve(first.id)
    except NotFoundError:
        pass
    else:
        raise AssertionError("a deleted response was found")


def chunks_of_chats_are_strict():
    messages = [{"role": "user", "content": QUESTION}]
    stream = client.chat.completions.create(model=model, messages=messages, max_tokens=8, stream=True)
    for chunk in stream:
        strictly(ChatCompletionChunk, chunk)


first = a_response_is_answered_and_kept()
it_streams_the_same(first.output_text)
a_dialogue_goes_on(first)
answers_have_their_form()
in_the_background()
conversations_are_kept()
errors_have_their_class(first)
chunks_of_chats_are_strict()
print("openai-python, responses: all checks passed")
