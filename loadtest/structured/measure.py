"""Answers of a given form, from a running server: are they valid, and what do they cost?

    pip install jsonschema
    python loadtest/structured/measure.py http://127.0.0.1:8000 smollm2-135m-instruct

Asks for each schema of schemas.json with 20 seeds at temperature 1, once in one piece and once streamed, and
validates each answer. Then keeps 8 requests going for a while, with none, half and all of them held to a form
that hardly binds (text within quotes), in turns, and compares tokens a second.
"""

import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

import jsonschema

URL, MODEL = sys.argv[1].rstrip("/"), sys.argv[2]
SEEDS = 20
CASES = json.loads((Path(__file__).parent / "schemas.json").read_text())


def post(body):
    request = Request(
        f"{URL}/v1/chat/completions",
        data=json.dumps({"model": MODEL, **body}).encode(),
        headers={"content-type": "application/json"},
    )
    return urlopen(request)


def whole(body):
    answer = json.load(post(body))
    choice = answer["choices"][0]
    return choice["message"]["content"], choice["finish_reason"], answer["usage"]["completion_tokens"]


def streamed(body):
    text, reason = "", None
    with post({**body, "stream": True}) as lines:
        for line in lines:
            line = line.strip()
            if line.startswith(b"data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    text += choice["delta"].get("content") or ""
                    reason = choice["finish_reason"] or reason
    return text, reason, 0


def body_of(case, seed):
    schema = {"name": "answer", "strict": True, "schema": case["schema"]}
    return {
        "messages": [{"role": "user", "content": case["ask"]}],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "temperature": 1,
        "top_p": 1,
        "seed": seed,
        "max_tokens": 400,
    }


def validity(ask):
    jobs = [(case, seed) for case in CASES for seed in range(SEEDS)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: ask(body_of(*job)), jobs))
    valid, cut = 0, 0
    for (case, seed), (text, reason, _) in zip(jobs, answers):
        if reason == "length":
            cut += 1
            continue
        try:
            jsonschema.validate(json.loads(text), case["schema"])
            valid += 1
        except (ValueError, jsonschema.ValidationError) as error:
            print(f"seed {seed}, {case['ask']}: {error}\n{text}")
    print(f"{ask.__name__}: {len(jobs)} requests, {valid} valid, {cut} cut by max_tokens")
    return [text for text, _, _ in answers]


def throughput(constrained):
    def one(index):
        body = {
            "messages": [{"role": "user", "content": f"Tell me a story, number {index}."}],
            "temperature": 1,
            "seed": index,
            "max_tokens": 200,
        }
        if index % 8 < constrained:
            body["structured_outputs"] = {"regex": "(?s:.*)"}
        else:
            body["ignore_eos"] = True
        if index % 8 < constrained:
            body["min_tokens"] = 200
        return whole(body)[2]

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        tokens = sum(pool.map(one, range(32)))
    return tokens / (time.monotonic() - began)


def main():
    assert validity(whole) == validity(streamed), "a stream says something else"
    rates = {0: [], 4: [], 8: []}
    for _ in range(3):
        for constrained, rate in rates.items():
            rate.append(throughput(constrained))
    free = statistics.median(rates[0])
    for constrained, rate in rates.items():
        median = statistics.median(rate)
        print(f"{constrained} of 8 with a form: {median:.0f} tokens/s, {median / free:.3f} of none")


main()
