#!/usr/bin/env python3
"""Kills a server twice in the middle of a batch, and counts how often each line was answered.

    PENSTOCK_HOME=$(mktemp -d) loadtest/kill-batch.py 1000 MODEL -- penstock run config.yaml --port 8123

The server's home must be its own and empty; the port must be given. Standard library only.
"""

import json
import signal
import subprocess
import sys
import time
import urllib.request

LINES, MODEL, COMMAND = int(sys.argv[1]), sys.argv[2], sys.argv[4:]
URL = "http://127.0.0.1:" + COMMAND[COMMAND.index("--port") + 1]
PATH = "/v1/completions"


def ask(path, body=None, kind="application/json"):
    request = urllib.request.Request(URL + path, data=body, headers={"content-type": kind} if body else {})
    with urllib.request.urlopen(request) as response:
        return response.read()


def tell(path, value):
    return json.loads(ask(path, json.dumps(value).encode()))


def body(line):
    return {"model": MODEL, "max_tokens": 1, "temperature": 0, "prompt": f"Line {line}:"}


def start():
    server = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL)
    while True:
        try:
            ask("/readyz")
            return server
        except OSError:
            if server.poll() is not None:
                sys.exit("the server ended")
            time.sleep(0.02)


def upload():
    lines = "".join(
        json.dumps({"custom_id": f"line-{i}", "method": "POST", "url": PATH, "body": body(i)}) + "\n"
        for i in range(LINES)
    )
    part = '--b\r\nContent-Disposition: form-data; name="'
    form = f'{part}purpose"\r\n\r\nbatch\r\n{part}file"; filename="in.jsonl"\r\n\r\n{lines}\r\n--b--\r\n'
    return json.loads(ask("/v1/files", form.encode(), "multipart/form-data; boundary=b"))["id"]


def until(batch, done):
    while True:
        now = json.loads(ask(f"/v1/batches/{batch}"))
        if now["request_counts"]["completed"] >= done and (done < LINES or now["status"] == "completed"):
            return now
        assert now["status"] in ("validating", "in_progress", "finalizing"), now
        time.sleep(0.01)


began = time.monotonic()
server = start()
new = {"input_file_id": upload(), "endpoint": PATH, "completion_window": "24h"}
batch = tell("/v1/batches", new)["id"]
killed_at = []
for part in (LINES // 3, 2 * LINES // 3):
    killed_at.append(until(batch, part)["request_counts"]["completed"])
    server.send_signal(signal.SIGKILL)
    server.wait()
    server = start()
ended = until(batch, LINES)
took = time.monotonic() - began
answers = [json.loads(line) for line in ask(f"/v1/files/{ended['output_file_id']}/content").splitlines()]
by_id = {answer["custom_id"]: answer["response"]["body"]["choices"] for answer in answers}
assert len(answers) == len(by_id) == LINES, (len(answers), len(by_id))
assert ended["error_file_id"] is None and ended["request_counts"]["failed"] == 0, ended
differing = sum(by_id[f"line-{i}"] != tell(PATH, body(i))["choices"] for i in range(0, LINES, 50))
server.terminate()
server.wait()
assert differing == 0, differing
print(f"{LINES} lines, killed after {killed_at[0]} and {killed_at[1]} were recorded, done in {took:.1f} s: "
      f"each answered exactly once, every fiftieth as when asked alone")
