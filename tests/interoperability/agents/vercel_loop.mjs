// An agent of the Vercel AI SDK: for each line `[BASE_URL, MODEL, "whole" or "streamed", PROMPT]` that it reads it prints
// one: `[TEXT, ROUNDS, THOUGHTS]`, what it said, the number of calls in each round and what it saw of the thinking, or the
// words of an error.

import { createInterface } from "node:readline";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const ask = (name) =>
  tool({
    description: "Asks.",
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => `${name} of ${city}`,
  });

async function loop(baseURL, model, how, prompt) {
  const request = {
    model: createOpenAICompatible({ name: "claude", baseURL, apiKey: "any" })(model),
    tools: { get_weather: ask("get_weather"), get_time: ask("get_time") },
    prompt,
    stopWhen: stepCountIs(9),
    maxRetries: 0,
    providerOptions: { claude: { reasoningEffort: "medium" } },
  };
  let failure;
  const answer = how === "whole" ? await generateText(request) : streamText({ ...request, onError: ({ error }) => (failure = error) });
  const [text, steps] = await Promise.all([answer.text, answer.steps]).catch((error) => {
    throw failure ?? error;
  });
  if (failure) throw failure;
  return [text, steps.map((step) => step.toolCalls.length), steps.map((step) => step.reasoningText ?? "")];
}

for await (const line of createInterface({ input: process.stdin })) {
  const told = await loop(...JSON.parse(line)).catch((error) => String(error.stack ?? error));
  console.log(JSON.stringify(told));
}
