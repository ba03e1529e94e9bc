#!/usr/bin/env python3
"""What a pipeline of four stages that do nothing adds to a request, here and in Ray Serve.

    python3 -m venv /tmp/ray && /tmp/ray/bin/pip install "ray[serve]==2.60.0"
    cargo build --release -p gateway --example nothing
    loadtest/pipeline_overhead/measure.py --server target/release/examples/nothing --ray /tmp/ray/bin/python

Both servers run at the same time, and are asked in turn on connections that stay open, one request at a
time: `/bare` has no stage, `/nothing` has four. What is added is the difference of the two medians. The
rounds take turns, so that what else the machine does falls on all alike.
"""

import argparse
import http.client
import statistics
import subprocess
import time
from pathlib import Path

BODY = '"How are you?"'


class Client:
    def __init__(self, port, path):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.path = path

    def ask(self):
        """Microseconds from sending a request to having its answer."""
        began = time.perf_counter_ns()
        self.connection.request("POST", self.path, BODY, {"content-type": "application/json"})
        response = self.connection.getresponse()
        text = response.read().decode()
        took = (time.perf_counter_ns() - began) / 1000
        assert response.status == 200 and "How are you?" in text, (response.status, text)
        return took


def until_ready(port, path):
    for _ in range(600):
        try:
            return Client(port, path).ask()
        except (OSError, AssertionError, http.client.HTTPException):
            time.sleep(0.2)
    raise SystemExit(f"nobody answers on port {port}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="the example `nothing`")
    parser.add_argument("--ray", required=True, help="a Python that has ray[serve]")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=100, help="of each kind in a round")
    options = parser.parse_args()
    script = str(Path(__file__).with_name("ray_nothing.py"))
    ours = subprocess.Popen([options.server, "127.0.0.1:8101"])
    rays = subprocess.Popen([options.ray, script, "8102"], stdin=subprocess.PIPE)
    try:
        kinds = {}
        for name, port in (("penstock", 8101), ("ray serve", 8102)):
            for path in ("/bare", "/nothing"):
                until_ready(port, path)
                kinds[name, path] = (Client(port, path), [])
        for client, _ in kinds.values():
            for _ in range(200):
                client.ask()
        for _ in range(options.rounds):
            for client, times in kinds.values():
                times.extend(client.ask() for _ in range(options.requests))
        for name in ("penstock", "ray serve"):
            bare, four = (statistics.median(kinds[name, path][1]) for path in ("/bare", "/nothing"))
            print(f"{name:10}  no stage {bare:7.0f} us  four {four:7.0f} us  added {four - bare:7.0f} us")
    finally:
        ours.terminate()
        rays.stdin.close()
        rays.wait(60)


if __name__ == "__main__":
    main()
