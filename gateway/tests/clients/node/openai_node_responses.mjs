// Responses and conversations by the official JavaScript client: node openai_node_responses.mjs BASE_URL MODEL

import assert from "node:assert/strict";
import OpenAI, { BadRequestError, NotFoundError } from "openai";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const input = "What is the capital of France?";
const greedy = { model, input, temperature: 0, max_output_tokens: 24 };

const response = await client.responses.create(greedy);
assert.match(response.output_text, /Paris/);
assert.deepEqual((await client.responses.retrieve(response.id)).output, response.output);

const events = [];
for await (const event of await client.responses.create({ ...greedy, stream: true })) events.push(event);
assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
const deltas = events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta);
assert.equal(deltas.join(""), response.output_text);
const id = events.at(-1).response.id;
const again = [];
for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: 5 })) again.push(event);
assert.deepEqual(again, events.slice(6));

const runner = client.responses.stream(greedy);
assert.equal((await runner.finalResponse()).output_text, response.output_text);

const next = await client.responses.create({ ...greedy, input: "And of Italy?", previous_response_id: response.id });
assert.ok(next.usage.input_tokens > response.usage.total_tokens);

let background = await client.responses.create({ ...greedy, background: true });
while (["queued", "in_progress"].includes(background.status)) {
  background = await client.responses.retrieve(background.id);
}
assert.equal(background.output_text, response.output_text);

const conversation = await client.conversations.create({ metadata: { a: "b" } });
await client.responses.create({ ...greedy, conversation: conversation.id });
const items = [];
for await (const item of client.conversations.items.list(conversation.id)) items.push(item.role);
assert.deepEqual(items, ["assistant", "user"]);

await assert.rejects(client.responses.create({ ...greedy, previous_response_id: "resp_none" }), (e) =>
  e instanceof BadRequestError && e.code === "previous_response_not_found");
await client.responses.delete(response.id);
await assert.rejects(client.responses.retrieve(response.id), NotFoundError);

console.log("openai-node, responses: all checks passed");
