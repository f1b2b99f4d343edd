// An agent of the Vercel AI SDK: `node vercel_loop.mjs BASE_URL MODEL whole|streamed PROMPT` prints what it said.
// Its second line is the number of calls in each round, its third what it saw of the thinking.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [baseURL, model, how, prompt] = process.argv.slice(2);
const ask = (name) =>
  tool({
    description: "Asks.",
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => `${name} of ${city}`,
  });
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
const text = await answer.text;
const steps = await answer.steps;
if (failure) throw failure;
console.log(JSON.stringify(text));
console.log(JSON.stringify(steps.map((step) => step.toolCalls.length)));
console.log(JSON.stringify(steps.map((step) => step.reasoningText ?? "")));
