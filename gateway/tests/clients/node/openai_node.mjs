// The official JavaScript client against a running server: node openai_node.mjs BASE_URL MODEL

import assert from "node:assert/strict";
import OpenAI, { BadRequestError, NotFoundError } from "openai";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "What is the capital of France?" }];
const greedy = { model, messages, temperature: 0, max_completion_tokens: 24 };

const answer = await client.chat.completions.create(greedy);
const text = answer.choices[0].message.content;
assert.match(text, /Paris/);
assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);

let streamed = "";
let usage;
const options = { stream: true, stream_options: { include_usage: true } };
for await (const chunk of await client.chat.completions.create({ ...greedy, ...options })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.equal(streamed, text);
assert.deepEqual(usage.completion_tokens, answer.usage.completion_tokens);

const runner = client.chat.completions.stream(greedy);
assert.equal(await runner.finalContent(), text);

const { choices } = await client.chat.completions.create({
  ...greedy, n: 2, temperature: 1.1, seed: 3, logprobs: true, top_logprobs: 2,
});
assert.deepEqual(choices.map((c) => c.index).sort(), [0, 1]);
assert.ok(choices.every((c) => c.logprobs.content.every((t) => t.top_logprobs.length === 2)));

const done = await client.completions.create({ model, prompt: "1, 2, 3, 4,", temperature: 0, max_tokens: 8 });
assert.match(done.choices[0].text, /5/);
let completed = "";
for await (const chunk of await client.completions.create({
  model, prompt: "1, 2, 3, 4,", temperature: 0, max_tokens: 8, stream: true,
})) completed += chunk.choices[0].text;
assert.equal(completed, done.choices[0].text);

const ids = [];
for await (const entry of client.models.list()) ids.push(entry.id);
assert.ok(ids.includes(model));
assert.equal((await client.models.retrieve(model)).id, model);

await assert.rejects(client.chat.completions.create({ ...greedy, model: "nope" }), (e) =>
  e instanceof NotFoundError && e.code === "model_not_found");
await assert.rejects(client.chat.completions.create({ ...greedy, top_p: 7 }), (e) =>
  e instanceof BadRequestError && e.param === "top_p");

// A reader who leaves: the stream is aborted after the first chunk, the server goes on for others.
const leaving = await client.chat.completions.create({ ...greedy, max_completion_tokens: 200, stream: true });
for await (const _ of leaving) break;
assert.match((await client.chat.completions.create(greedy)).choices[0].message.content, /Paris/);

console.log("openai-node: all checks passed");
