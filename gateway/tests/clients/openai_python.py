"""The official Python client against a running server: python openai_python.py BASE_URL MODEL

Every check is what an application developer would write; the first that fails ends the script.
"""

import asyncio
import json
import sys
import time

from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI

base_url, model = sys.argv[1], sys.argv[2]
client = OpenAI(base_url=base_url, api_key="none")
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def chat_answers():
    answer = client.chat.completions.create(
        model=model, messages=QUESTION, temperature=0, max_completion_tokens=24
    )
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and answer.model == model
    assert "Paris" in choice.message.content, choice.message.content
    assert choice.message.role == "assistant" and choice.finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return choice.message.content


def chat_streams_the_same(expected):
    stream = client.chat.completions.create(
        model=model,
        messages=QUESTION,
        temperature=0,
        max_completion_tokens=24,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == expected, (text, expected)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert reasons[-1] in ("stop", "length") and set(reasons[:-1]) == {None}
    assert len({c.id for c in chunks}) == 1


def stream_helper_accumulates():
    with client.chat.completions.stream(
        model=model, messages=QUESTION, temperature=0, max_completion_tokens=8
    ) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content


def several_choices_with_seed():
    def ask():
        answer = client.chat.completions.create(
            model=model, messages=QUESTION, n=3, seed=7, temperature=1.2, max_completion_tokens=12
        )
        return [c.message.content for c in answer.choices]

    first, second = ask(), ask()
    assert first == second and len(set(first)) > 1, first


def logprobs_of_chat():
    answer = client.chat.completions.create(
        model=model,
        messages=QUESTION,
        temperature=0,
        max_completion_tokens=4,
        logprobs=True,
        top_logprobs=3,
    )
    content = answer.choices[0].logprobs.content
    text = b"".join(bytes(t.bytes) for t in content).decode()
    assert text == answer.choices[0].message.content
    for token in content:
        assert len(token.top_logprobs) == 3 and token.top_logprobs[0].logprob >= token.logprob
        assert token.logprob <= 0


def completions_and_scoring():
    done = client.completions.create(model=model, prompt="1, 2, 3, 4,", temperature=0, max_tokens=8)
    assert "5" in done.choices[0].text, done.choices[0].text
    text = "The sun rises in the east."
    score = client.completions.create(model=model, prompt=text, max_tokens=0, echo=True, logprobs=1)
    logprobs = score.choices[0].logprobs
    assert score.choices[0].text == text
    assert logprobs.token_logprobs[0] is None and all(p <= 0 for p in logprobs.token_logprobs[1:])
    assert "".join(logprobs.tokens) == text
    assert [text[o : o + len(t)] for o, t in zip(logprobs.text_offset, logprobs.tokens)] == logprobs.tokens
    stream = client.completions.create(
        model=model, prompt="1, 2, 3, 4,", temperature=0, max_tokens=8, stream=True
    )
    assert "".join(c.choices[0].text for c in stream) == done.choices[0].text


def stop_strings_never_leak():
    kwargs = dict(model=model, prompt="1, 2, 3, 4,", temperature=0, max_tokens=24, stop=[" 7,"])
    whole = client.completions.create(**kwargs)
    assert whole.choices[0].finish_reason == "stop" and " 7" not in whole.choices[0].text
    pieces = [c.choices[0].text for c in client.completions.create(stream=True, **kwargs)]
    assert "".join(pieces) == whole.choices[0].text


def models_are_listed():
    assert model in [m.id for m in client.models.list()]
    assert client.models.retrieve(model).id == model


def errors_have_their_class():
    def refused(kind, code, param, **kwargs):
        try:
            client.chat.completions.create(**{"model": model, "messages": QUESTION, **kwargs})
        except kind as error:
            assert error.code == code, (error.code, code)
            assert error.param == param, (error.param, param)
        else:
            raise AssertionError(f"{kwargs} was accepted")

    refused(NotFoundError, "model_not_found", "model", model="no-such-model")
    refused(BadRequestError, "context_length_exceeded", "messages",
            messages=[{"role": "user", "content": "word " * 20_000}])
    try:
        client.chat.completions.create(model=model, messages=QUESTION, temperature=9)
    except BadRequestError as error:
        assert error.param == "temperature" and "9" in str(error), error
    else:
        raise AssertionError("temperature 9 was accepted")


def batches_are_answered():
    lines = [
        {
            "custom_id": f"line-{i}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": model, "messages": QUESTION, "temperature": 0, "max_tokens": 4, "seed": i},
        }
        for i in range(5)
    ]
    text = "\n".join(json.dumps(line) for line in lines).encode()
    file = client.files.create(file=("in.jsonl", text), purpose="batch")
    assert file.bytes == len(text) and file.status == "processed", file
    assert client.files.content(file.id).read() == text
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"job": "test"},
    )
    while batch.status in ("validating", "in_progress", "finalizing"):
        time.sleep(0.1)
        batch = client.batches.retrieve(batch.id)
    assert batch.status == "completed" and batch.request_counts.completed == 5, batch
    assert batch.id in [b.id for b in client.batches.list(limit=1)] and batch.metadata["job"] == "test"
    answers = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    direct = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=4)
    assert [a["custom_id"] for a in answers] == [line["custom_id"] for line in lines]
    for answer in answers:
        said = answer["response"]["body"]["choices"][0]["message"]["content"]
        assert said == direct.choices[0].message.content
    assert client.files.delete(file.id).deleted
    try:
        client.files.retrieve(file.id)
    except NotFoundError:
        pass
    else:
        raise AssertionError("a deleted file was found")
    try:
        client.files.create(file=("in.jsonl", b"{}\nno"), purpose="batch")
    except BadRequestError as error:
        assert error.param == "file" and "line 2" in str(error), error
    else:
        raise AssertionError("a file that is not JSONL was accepted")


def decisions_have_probabilities():
    decision = client.decisions.create(
        model=model,
        input="I love this mill. It grinds well and never stops.",
        questions=[
            {"type": "predicate", "name": "glad", "instructions": "The writer is pleased."},
            {
                "type": "choice",
                "instructions": "What is it about?",
                "choices": [{"value": "a mill"}, {"value": "a ship", "description": "that sails"}],
            },
            {
                "type": "score",
                "instructions": "How content is the writer?",
                "levels": [{"label": "not at all"}, {"label": "somewhat"}, {"label": "very"}],
            },
        ],
    )
    predicate, choice, score = decision.answers
    assert predicate.type == "predicate" and predicate.name == "glad" and 0 < predicate.probability < 1
    assert choice.choice in ("a mill", "a ship") and choice.name is None
    best = max(choice.probabilities, key=lambda p: p.probability)
    assert best.value == choice.choice and 0 < choice.confidence <= best.probability + 1e-9
    assert abs(sum(p.probability for p in score.probabilities) - 1) < 1e-6
    mean = sum(p.value * p.probability for p in score.probabilities)
    assert abs(mean - score.score) < 1e-6 and score.probabilities[2].label == "very"
    usage = decision.usage
    assert usage.output_tokens == 3 and usage.total_tokens == usage.input_tokens + 3
    again = client.decisions.create(
        model=model,
        input="I love this mill. It grinds well and never stops.",
        questions=[{"type": "predicate", "instructions": "The writer is pleased."}],
    )
    assert again.answers[0].probability == predicate.probability, "alone as among others"
    try:
        client.decisions.create(model=model, input="x", questions=[{"type": "choice", "instructions": "?"}])
    except BadRequestError as error:
        assert error.param == "questions[0].choices", error
    else:
        raise AssertionError("a choice without choices was accepted")


async def many_at_once():
    aclient = AsyncOpenAI(base_url=base_url, api_key="none")

    async def one(i):
        stream = await aclient.chat.completions.create(
            model=model, messages=QUESTION, seed=i, max_completion_tokens=8, stream=True
        )
        return [chunk async for chunk in stream]

    answers = await asyncio.gather(*(one(i) for i in range(16)))
    assert all(a[-1].choices[0].finish_reason for a in answers)
    await aclient.close()


chat_streams_the_same(chat_answers())
stream_helper_accumulates()
several_choices_with_seed()
logprobs_of_chat()
completions_and_scoring()
stop_strings_never_leak()
models_are_listed()
errors_have_their_class()
batches_are_answered()
decisions_have_probabilities()
asyncio.run(many_at_once())
print("openai-python: all checks passed")
