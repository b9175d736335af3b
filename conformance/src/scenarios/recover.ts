/** Level 2: the same submit again. */
import { at, canonical, text } from "../json.ts";
import type { RequirementId } from "../requirements.ts";
import type { Scenario } from "../scenario.ts";
import type { Exchange } from "../target/http.ts";
import type { Trial } from "../trial.ts";
import { eventsOf, ofType, rowOf, submit } from "./wording.ts";

async function again(trial: Trial): Promise<void> {
  const key = trial.fresh("key");
  const payload = { round: "first" };
  const first = await submit(trial, {
    job_id: trial.fresh("job"),
    request_id: trial.fresh("request"),
    idempotency_key: key,
    payload,
  });
  const jobId = text(first.json, "job_id");
  const byId = await submit(trial, { job_id: jobId, request_id: trial.fresh("request") });
  isFirst(trial, "enqueue:recover:by-job-id", "the same job id", [first, byId]);
  const byKey = await submit(trial, { idempotency_key: key, payload });
  isFirst(trial, "enqueue:recover:by-key", "the same key", [first, byKey]);
  const other = await submit(trial, { idempotency_key: key, payload: { round: "other" } });
  isFirst(trial, "enqueue:recover:other-payload", "the same key, another payload", [first, other]);
  const row = await rowOf(trial, jobId);
  const [accepted, ...more] = ofType(await eventsOf(trial, jobId), "job.accepted");
  const kept = [at(row, "payload"), at(accepted, "payload", "job_payload")];
  trial.holds(
    "enqueue:recover:other-payload",
    kept.some((each) => canonical(each) === canonical(payload)),
    "the first payload stays",
    { seen: kept },
  );
  trial.holds(
    "enqueue:recover:one-event",
    accepted !== undefined && more.length === 0,
    "four submits of one job are one job.accepted",
    { seen: [accepted, ...more] },
  );
}

function isFirst(
  trial: Trial,
  requirement: RequirementId,
  what: string,
  [first, second]: readonly [Exchange, Exchange],
): void {
  const same =
    second.status === 202 &&
    text(second.json, "job_id") !== "" &&
    text(second.json, "job_id") === text(first.json, "job_id") &&
    text(second.json, "request_id") === text(first.json, "request_id");
  trial.holds(requirement, same, `${what} answers 202 with the first job and request id`, second);
}

async function requestIdAlone(trial: Trial): Promise<void> {
  const request_id = trial.fresh("request");
  const [first, second] = [
    await submit(trial, { request_id }),
    await submit(trial, { request_id }),
  ];
  trial.holds(
    "enqueue:recover:request-id-is-no-key",
    second.status === 202 && text(first.json, "job_id") !== text(second.json, "job_id"),
    "two submits that share only a request id are two jobs",
    second,
  );
}

export const RECOVER_SCENARIOS: readonly Scenario[] = [
  {
    id: "recover/again",
    title: "One submit is sent four times: by id, by key, and with another payload",
    cites: [
      "enqueue:recover:by-job-id",
      "enqueue:recover:by-key",
      "enqueue:recover:other-payload",
      "enqueue:recover:one-event",
    ],
    needs: "url",
    run: again,
  },
  {
    id: "recover/request-id",
    title: "Two submits share a request id and nothing else",
    cites: ["enqueue:recover:request-id-is-no-key"],
    needs: "url",
    run: requestIdAlone,
  },
];
