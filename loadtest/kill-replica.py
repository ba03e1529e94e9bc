#!/usr/bin/env python3
"""Kills the process that computes an answer after each of its pieces, and compares what was read.

    PENSTOCK_HOME=$(mktemp -d) loadtest/kill-replica.py MODEL -- penstock run config.yaml --port 8123 --admin-port 8124

The model has `isolation: process` and two replicas or more; both ports must be given. Prints a line for each kind of
answer: how many were the same as the undisturbed one, and the pauses in them. Standard library only.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

MODEL, COMMAND = sys.argv[1], sys.argv[3:]
URL = "http://127.0.0.1:" + COMMAND[COMMAND.index("--port") + 1]
ADMIN = "http://127.0.0.1:" + COMMAND[COMMAND.index("--admin-port") + 1]
TOKENS = 64
SCHEMA = {
    "type": "object",
    "properties": {"rivers": {"type": "array", "items": {"type": "string", "minLength": 8}, "minItems": 6}},
    "required": ["rivers"],
    "additionalProperties": False,
}
KINDS = {
    "greedy": {"temperature": 0},
    "seeded": {"temperature": 1, "seed": 11},
    "logprobs": {"temperature": 1, "seed": 12, "logprobs": True, "top_logprobs": 3},
    "json_schema": {
        "temperature": 1,
        "seed": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA, "strict": True}},
    },
    "regex": {"temperature": 1, "seed": 4, "guided_regex": "([A-Z][a-z]{3,8} ){16}end"},
    "n=2": {"temperature": 1, "seed": 9, "n": 2},
}


def replicas():
    with urllib.request.urlopen(ADMIN + "/api/serve/applications/") as response:
        return json.load(response)["replicas"][MODEL]["replicas"]


def until_all_run():
    while any(replica["phase"] != "RUNNING" for replica in replicas()):
        time.sleep(0.02)


def answer(wishes, kill_after=None):
    """The frames by choice, the usage, and the longest pause after the kill."""
    body = {
        "model": MODEL,
        "stream": True,
        "max_tokens": TOKENS,
        "ignore_eos": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Tell me a story about a river."}],
        **wishes,
    }
    request = urllib.request.Request(
        URL + "/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    choices, usage, count, pid, pause, last = {}, None, 0, None, 0.0, None
    with urllib.request.urlopen(request) as response:
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            now = time.monotonic()
            if last is not None and kill_after is not None and count > kill_after:
                pause = max(pause, now - last)
            last = now
            frame = json.loads(line[6:])
            del frame["id"], frame["created"]
            if frame.get("usage"):
                usage = frame["usage"]
                usage.pop("prompt_tokens_details", None)
            for choice in frame["choices"]:
                choices.setdefault(choice["index"], []).append(frame)
            if kill_after is None:
                continue
            if pid is None:
                pid = next((r["pid"] for r in replicas() if r["ongoing_requests"]), None)
            if count == kill_after and pid is not None:
                os.kill(pid, signal.SIGKILL)
            count += 1
    return choices, usage, pause


def main():
    server = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(URL + "/readyz")
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit("the server ended")
                time.sleep(0.1)
        failed = False
        for kind, wishes in KINDS.items():
            expected = answer(wishes)
            places = sum(len(frames) for frames in expected[0].values())
            same, pauses = 0, []
            for place in range(places):
                until_all_run()
                # A process that ends a moment after each start is started later and later.
                time.sleep(1)
                *found, pause = answer(wishes, place)
                same += found == list(expected[:2])
                pauses.append(pause)
            failed |= same != places
            median, most = statistics.median(pauses), max(pauses)
            print(f"{kind:<12} same {same}/{places}  pause median {median:.2f} s, longest {most:.2f} s", flush=True)
        sys.exit(failed)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
