"""The chain of gateway/examples/nothing.rs in Ray Serve: an ingress that calls four deployments that do
nothing, one after the other, and one that calls none."""

import sys

from ray import serve
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=100, ray_actor_options={"num_cpus": 0})
class Nothing:
    async def __call__(self, text: str) -> str:
        return text


@serve.deployment(max_ongoing_requests=100, ray_actor_options={"num_cpus": 0})
class Ingress:
    def __init__(self, *stages):
        self.stages = stages

    async def __call__(self, request: Request) -> str:
        text = await request.json()
        for stage in self.stages:
            text = await stage.remote(text)
        return text


def main(port: int) -> None:
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Ingress.options(name="Bare").bind(), name="bare", route_prefix="/bare")
    stages = [Nothing.options(name=f"Nothing{n}").bind() for n in range(4)]
    serve.run(Ingress.bind(*stages), name="nothing", route_prefix="/nothing")
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
