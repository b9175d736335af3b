import { expect, it } from "vitest";
import { err, ok } from "../lib/result.ts";
import { type PromptFacts, renderPrompt, unknownPlaceholders } from "./prompt.ts";

const facts: PromptFacts = {
  job_id: "job-1",
  job_type: "rpi.run",
  attempt: 1,
  max_attempts: 3,
  payload: { goal: "ship it", where: { dir: "src" }, count: 3, money: "$& $1" },
  artifacts_dir: "/a",
};
const previous = { attempt: 1, failure: "killed by SIGKILL", session_id: "s-1" };

it("is the payload's prompt, else its goal, else nothing", () => {
  const both = { ...facts, payload: { prompt: "do", goal: "g" } };
  expect(renderPrompt(undefined, both)).toEqual(ok("do"));
  expect(renderPrompt(undefined, facts)).toEqual(ok("ship it"));
  expect(renderPrompt(undefined, { ...facts, payload: { goal: "  " } })).toEqual(ok(undefined));
});

it("tells a later attempt about the one before", () => {
  const prompt = renderPrompt(undefined, { ...facts, attempt: 2, previous });
  expect(prompt.ok && prompt.value).toMatch(
    /^ship it\n\nAttempt 1 of this job ended early: killed/,
  );
  expect(prompt.ok && prompt.value).toContain("session id: s-1");
});

it("fills in placeholders, payload fields and braces", () => {
  const template =
    "{job_id}/{attempt}: {goal} in {payload.where.dir} x{payload.count} {{x}} {previous}.";
  expect(renderPrompt(template, facts)).toEqual(ok("job-1/1: ship it in src x3 {x} ."));
  expect(renderPrompt("{payload.where}", facts)).toEqual(ok('{"dir":"src"}'));
  expect(renderPrompt("{payload.money}", facts)).toEqual(ok("$& $1"));
});

it("says what a payload lacks", () => {
  const prompt = renderPrompt("{goal} {payload.a.b} {payload.__proto__}", {
    ...facts,
    payload: {},
  });
  const names = "payload.goal, payload.a.b, payload.__proto__";
  expect(prompt).toEqual(
    err(`the prompt template asks for ${names}, which this job does not have`),
  );
});

it("knows placeholders that mean nothing, and leaves JSON alone", () => {
  expect(unknownPlaceholders('{goal} {payload.x} {"a": 1} {{gaol}}')).toEqual([]);
  expect(unknownPlaceholders("{gaol}")).toEqual([{ name: "gaol", help: "; did you mean {goal}?" }]);
});
