/**
 * Random batches through the kernel into two stores at once. Memory is the model: after every step,
 * and after opening again, each other store must show exactly what memory shows.
 */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { JobCommand } from "../../src/kernel/job/decide.ts";
import { seenAt } from "../../src/kernel/job/lease.ts";
import type { Store } from "../../src/storage/store.ts";
import { foreignHistory } from "../support/arbitraries.ts";
import { cancelJob, claimJob, commit, expireJob, heldBy, submitJob } from "../support/batch.ts";
import { LEASE_MS } from "../support/given.ts";
import { holdsAsync } from "../support/property.ts";
import { expectSame } from "../support/same.ts";
import { ALL_STORES, type OpenStore, STORES } from "./adapters.ts";
import { allLines, foldLines, readModels } from "./suite.ts";

const IDS = ["a", "b", "c", "__proto__", "line\nbreak"];
const TYPES = ["wiki.build", "rpi.run", "custom.type"];
const KEYS = ["k1", "k2"];
const QUESTION = { instants: [0, LEASE_MS / 2, 3 * LEASE_MS], types: TYPES, keys: KEYS };

/** What happens in one step: a batch, or a restart. */
type Step = readonly JobCommand[] | "reopen";

const jobId = fc.constantFrom(...IDS);
const at = fc.integer({ min: 0, max: 3 * LEASE_MS });
const command: fc.Arbitrary<JobCommand> = fc.oneof(
  fc
    .tuple(
      jobId,
      fc.record(
        {
          job_type: fc.constantFrom(...TYPES),
          idempotency_key: fc.constantFrom(...KEYS),
          payload: fc.constantFrom({ text: "x" }, { text: "y".repeat(3_000) }),
        },
        { requiredKeys: ["job_type"] },
      ),
    )
    .map(([id, over]) => submitJob(id, over)),
  fc
    .tuple(jobId, at, fc.constantFrom(1_000, LEASE_MS))
    .map(([id, ms, lease]) => claimJob(id, "t", ms, lease)),
  fc
    .tuple(
      fc.constantFrom("heartbeat" as const, "heartbeat" as const, "release" as const),
      jobId,
      fc.integer({ min: 1, max: 4 }),
      at,
    )
    .map(([kind, id, epoch, ms]) => heldBy(kind, id, { token: "t", epoch, at: ms })),
  fc
    .tuple(fc.constantFrom("complete" as const, "fail" as const), jobId, at)
    .map(([kind, id, ms]) => heldBy(kind, id, { token: "t", epoch: 1, at: ms })),
  fc.tuple(jobId, at).map(([id, ms]) => expireJob(id, ms)),
  jobId.map(cancelJob),
);
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.array(command, { minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constant("reopen" as const) },
  ),
  { minLength: 1, maxLength: 10 },
);

const [MODEL] = ALL_STORES;
const OTHERS = STORES.filter(({ folder }) => folder !== MODEL?.folder);

async function opened(
  adapter: (typeof ALL_STORES)[number] | undefined,
  lines: readonly string[],
): Promise<OpenStore> {
  if (adapter === undefined) throw new Error("the list of stores starts with the model");
  return adapter.open(lines);
}

async function comparedTo(model: Store, other: Store): Promise<void> {
  expectSame(await readModels(other, QUESTION), await readModels(model, QUESTION));
}

/** Opens both over the same lines, plays the steps into both, and compares after each. */
async function play(
  adapter: (typeof ALL_STORES)[number],
  lines: readonly string[],
  all: readonly Step[],
): Promise<void> {
  const model = await opened(MODEL, lines);
  const other = await opened(adapter, lines);
  try {
    let store = other.store;
    await comparedTo(model.store, store);
    for (const step of all) {
      if (step === "reopen") {
        store = await other.reopen();
      } else {
        await commit(model.store, ...step);
        await commit(store, ...step);
      }
      await comparedTo(model.store, store);
    }
    store = await other.reopen();
    await comparedTo(await model.reopen(), store);
    // A stranger's lease may end at no instant that can be read: then it has lapsed at any.
    const folded = foldLines(await allLines(store, 3)).map((job) => seenAt(job, 0));
    expectSame(folded, await store.jobs({ limit: 1_000, at: 0 }));
  } finally {
    await other.cleanup();
    await model.cleanup();
  }
}

describe.each(OTHERS)("$name beside the model", (adapter) => {
  it("shows the same after every batch and every restart", async () => {
    const property = fc.asyncProperty(steps, (all) => play(adapter, [], all));
    await holdsAsync(property, { runs: 25 });
  });

  it("shows the same over ledgers that strangers wrote", async () => {
    const history = foreignHistory(8).map((numbered) =>
      numbered.map(({ event }, index) =>
        JSON.stringify({ ...event, job_id: IDS[index % 3], event_id: `foreign-${index % 6}` }),
      ),
    );
    const property = fc.asyncProperty(history, steps, (lines, all) =>
      play(adapter, lines, all.slice(0, 3)),
    );
    await holdsAsync(property, { runs: 25 });
  });
});
