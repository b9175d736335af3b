/** POST /v1/jobs:batch: many jobs in one commit, each judged on its own. */
import type { SubmitInput, Submitted } from "../engine/engine.ts";
import { invariant } from "../errors/invariant.ts";
import type { JsonObject } from "../lib/json.ts";
import { checkBody } from "./body-shapes.ts";
import { type Answer, actorOf, type Call, json } from "./call.ts";
import { type Problem, problemBody, problemOf, problemOfThrown } from "./errors.ts";
import { accepted, mismatchHeaders, readSubmit } from "./submit.ts";
import { projectionState } from "./views.ts";

export async function submitBatch(call: Call): Promise<Answer> {
  const { engine } = call.surface;
  const actor = actorOf(call);
  const readings = checkBody("submitMany", call.body).jobs.map((body) => tryRead(body, actor));
  const inputs = readings.flatMap((reading) => (reading.input === undefined ? [] : reading.input));
  const results = await engine.submitMany(inputs);
  invariant(results.length === inputs.length, "the engine answers every submit of a batch");
  const state = projectionState(engine.health());
  const created: Submitted[] = [];
  let next = 0;
  const answers = readings.map((reading) => {
    if (reading.problem !== undefined) return refusal(reading.problem);
    const result = results[next];
    next += 1;
    invariant(result !== undefined, "each submit of a batch has its result");
    if (!result.ok) return refusal(problemOf(result.error));
    created.push(result.value);
    return accepted(result.value, state);
  });
  return json(202, { results: answers }, mismatchHeaders(created));
}

type Reading =
  | { readonly input: SubmitInput; readonly problem?: never }
  | { readonly problem: Problem; readonly input?: never };

function tryRead(body: JsonObject, actor: string): Reading {
  try {
    return { input: readSubmit(body, actor) };
  } catch (thrown) {
    const problem = problemOfThrown(thrown);
    if (problem === undefined) throw thrown;
    return { problem };
  }
}

function refusal(problem: Problem): JsonObject {
  return { accepted: false, ...problemBody(problem) };
}
