// The AI SDK of Vercel against a running server: node vercel_ai.mjs BASE_URL MODEL ENCODER
//
// Three ways lead to it: the provider for compatible servers, OpenAI's own on chats, and OpenAI's own on responses.

import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError, Output, embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool,
} from "ai";
import { z } from "zod";

const [baseURL, id, encoder] = process.argv.slice(2);
const compatible = createOpenAICompatible({
  name: "penstock", baseURL, apiKey: "none", includeUsage: true, supportsStructuredOutputs: true,
});
const openai = createOpenAI({ baseURL, apiKey: "none" });

const Person = z.object({
  name: z.string().max(20),
  age: z.number().int().min(0).max(120),
  city: z.enum(["Paris", "Oslo", "Rome"]),
  hobbies: z.array(z.string().max(12)).max(2),
});
const weather = {
  description: "The weather of a city.",
  inputSchema: z.object({
    city: z.string().max(20), days: z.number().int().min(1).max(9), unit: z.enum(["celsius", "fahrenheit"]),
  }),
};
const question = "What is the capital of France?";

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

function counted(usage) {
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0, JSON.stringify(usage));
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
}

async function text(model) {
  const greedy = { model, temperature: 0, maxRetries: 0, system: "You are helpful.", prompt: question };
  const whole = await generateText({ ...greedy, maxOutputTokens: 40 });
  assert.match(whole.text, /Paris/);
  assert.equal(whole.finishReason, "stop");
  counted(whole.usage);

  const streamed = streamText({ ...greedy, maxOutputTokens: 40, onError({ error }) { throw error; } });
  const deltas = await all(streamed.textStream);
  assert.ok(deltas.length > 1);
  assert.equal(deltas.join(""), whole.text);
  assert.equal(await streamed.finishReason, "stop");
  assert.deepEqual((await streamed.usage).outputTokens, whole.usage.outputTokens);
  counted(await streamed.usage);

  const cut = await generateText({ ...greedy, maxOutputTokens: 2 });
  assert.equal(cut.finishReason, "length");
  assert.equal(cut.usage.outputTokens, 2);
}

async function objects(model) {
  const asked = { model, temperature: 0, maxRetries: 0, prompt: "Describe a person." };
  const whole = await generateObject({ ...asked, schema: Person });
  Person.parse(whole.object);
  assert.equal(whole.finishReason, "stop");
  counted(whole.usage);

  const streamed = streamObject({ ...asked, schema: Person, onError({ error }) { throw error; } });
  const partial = await all(streamed.partialObjectStream);
  assert.ok(partial.length > 3, `${partial.length} partial objects`);
  assert.deepEqual(await streamed.object, whole.object);
  counted(await streamed.usage);

  const output = await generateText({ ...asked, output: Output.object({ schema: Person }) });
  assert.deepEqual(output.output, whole.object);

  const list = await generateObject({ ...asked, output: "array", schema: Person.pick({ age: true, city: true }),
    prompt: "Name two people.", maxOutputTokens: 400 }).catch(cutOff);
  if (list) for (const item of list.object) Person.pick({ age: true, city: true }).parse(item);
  const one = await generateObject({ ...asked, output: "enum", enum: ["sunny", "rainy"], prompt: "Weather?" });
  assert.ok(["sunny", "rainy"].includes(one.object));
}

// A list without end may meet its limit; everything else is a failure.
function cutOff(error) {
  assert.equal(error.finishReason, "length", error);
}

async function tools(model) {
  const get_weather = tool(weather);
  const send_mail = tool({ inputSchema: z.object({ to: z.enum(["ann", "bob"]), urgent: z.boolean() }) });
  const asked = { model, maxRetries: 0, prompt: "The weather in Paris tomorrow?", tools: { get_weather, send_mail } };
  const schemas = { get_weather: weather.inputSchema, send_mail: send_mail.inputSchema };
  for (const toolChoice of ["required", { type: "tool", toolName: "send_mail" }]) {
    const sampled = { ...asked, toolChoice, temperature: 0 };
    const whole = await generateText(sampled);
    assert.equal(whole.finishReason, "tool-calls");
    assert.ok(whole.toolCalls.length > 0);
    for (const call of whole.toolCalls) {
      assert.ok(call.toolCallId && !call.invalid, JSON.stringify(call));
      schemas[call.toolName].parse(call.input);
      if (toolChoice !== "required") assert.equal(call.toolName, "send_mail");
    }

    const streamed = streamText({ ...sampled, onError({ error }) { throw error; } });
    const parts = await all(streamed.fullStream);
    const calls = parts.filter((part) => part.type === "tool-call");
    const plain = (all) => all.map(({ toolName, input }) => ({ toolName, input }));
    assert.deepEqual(plain(calls), plain(whole.toolCalls));
    for (const call of calls) {
      const pieces = parts.filter((part) => part.type === "tool-input-delta" && part.id === call.toolCallId);
      assert.deepEqual(JSON.parse(pieces.map((piece) => piece.delta).join("")), call.input);
      assert.ok(pieces.length > 1, "the arguments came in one piece");
    }
    assert.equal(await streamed.finishReason, "tool-calls");
    counted(await streamed.usage);
  }
}

// The loop of an agent: it must call first, its tool runs here, and the result goes back for an answer.
async function loop(model) {
  const seen = [];
  const get_weather = tool({ ...weather, execute: (input) => { seen.push(input); return { sky: "sunny" }; } });
  const options = {
    model, tools: { get_weather }, prompt: "Is it sunny in Paris?", temperature: 0, maxOutputTokens: 400, maxRetries: 0,
    stopWhen: stepCountIs(2), prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
  };
  const { steps, text } = await generateText(options);
  assert.equal(steps.length, 2);
  assert.equal(steps[0].finishReason, "tool-calls");
  assert.ok(seen.length > 0 && seen.length === steps[0].toolResults.length);
  assert.ok(text.length > 0 && ["stop", "length"].includes(steps[1].finishReason));
  const streamed = streamText({ ...options, onError({ error }) { throw error; } });
  assert.equal((await all(streamed.textStream)).join(""), text);
}

async function errors(provider) {
  const asked = { prompt: question, maxRetries: 0 };
  await assert.rejects(generateText({ ...asked, model: provider("nope") }), (error) =>
    APICallError.isInstance(error) && error.statusCode === 404 && /nope/.test(error.message));
  await assert.rejects(generateText({ ...asked, model: provider(id), topP: 7 }), (error) =>
    APICallError.isInstance(error) && error.statusCode === 400 && /top_p/.test(error.responseBody));

  // A reader who leaves, and the server goes on for others.
  const controller = new AbortController();
  const left = streamText({ ...asked, model: provider(id), abortSignal: controller.signal });
  for await (const _ of left.textStream) controller.abort();
  assert.ok((await generateText({ ...asked, model: provider(id), maxOutputTokens: 2 })).text);
}

const providers = { compatible: compatible.chatModel, chat: openai.chat, responses: openai.responses };
for (const [name, provider] of Object.entries(providers)) {
  // The server's responses take no tools yet.
  for (const check of name === "responses" ? [text, objects] : [text, objects, tools, loop]) {
    console.log(name, check.name);
    await check(provider(id));
  }
  console.log(name, "errors");
  await errors(provider);
}

const completed = await generateText({
  model: openai.completion(id), prompt: "1, 2, 3, 4,", temperature: 0, maxOutputTokens: 8,
});
assert.match(completed.text, /\d, \d/);
assert.equal(completed.finishReason, "length");
for (const model of [compatible.textEmbeddingModel(encoder), openai.embedding(encoder)]) {
  const { embeddings, usage } = await embedMany({ model, values: ["A parcel is on its way.", "1, 2, 3"] });
  assert.deepEqual(embeddings.map((vector) => vector.length), [384, 384]);
  assert.ok(usage.tokens > 0);
}
console.log("Vercel AI SDK: all checks passed");
