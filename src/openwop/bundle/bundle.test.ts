import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../lib/json.ts";
import type { RunEvent } from "../events/run-event.ts";
import { debugBundle } from "./bundle.ts";

const SCHEMA = fileURLToPath(
  new URL("../../../../shared/openwop/schemas/debug-bundle.schema.json", import.meta.url),
);
const AT = "2026-11-21T12:00:00.000Z";

function log(length: number, text = ""): readonly RunEvent[] {
  return Array.from({ length }, (_, sequence) => ({
    eventId: `evt-${sequence}`,
    runId: "run-1",
    type: "log.appended",
    payload: { level: "info", message: text },
    timestamp: AT,
    sequence,
  }));
}

function bundle(more: Partial<Parameters<typeof debugBundle>[0]> = {}): JsonObject {
  return debugBundle({
    version: "0.1.0",
    generatedAt: AT,
    snapshot: {
      runId: "run-1",
      workflowId: "w",
      status: "completed",
      nodeStates: { a: {}, b: {} },
    },
    events: log(3),
    annotations: [],
    redactionMode: "mask",
    ...more,
  });
}

describe("a debug bundle", () => {
  it("holds the log as readers get it, and says that it is whole", () => {
    const whole = bundle();
    expect(whole["events"]).toEqual(log(3));
    expect(whole["metrics"]).toEqual({ nodeCount: 2, eventCount: 3 });
    expect(whole).not.toHaveProperty("truncated");
  });

  it("is cut to what its reader wants, and tells the true total", () => {
    const cut = bundle({ maxEvents: 2 });
    expect(cut["events"]).toEqual(log(3).slice(0, 2));
    expect(cut).toMatchObject({
      truncated: true,
      truncatedReason: "events_truncated_to_max_events",
      metrics: { eventCount: 3 },
    });
    expect(bundle({ maxEvents: 3 })).not.toHaveProperty("truncated");
  });

  it("stays under 8 MiB, whatever the log", () => {
    const big = bundle({ events: log(200, "é".repeat(50_000)) });
    expect(Buffer.byteLength(JSON.stringify(big))).toBeLessThanOrEqual(8 * 1024 * 1024);
    const events = big["events"] as readonly RunEvent[];
    expect(events.map(({ sequence }) => sequence)).toEqual([...events.keys()]);
    expect(events.length).toBeGreaterThan(50);
    expect(big).toMatchObject({ truncatedReason: "events_truncated_to_size_cap" });
  });

  it("hands on nothing that people passed in, nor a token that answers for them", () => {
    const canary = "hand-me-not-on";
    const text = JSON.stringify(
      bundle({
        snapshot: {
          runId: "run-1",
          workflowId: "w",
          status: "waiting-input",
          inputs: { secret: canary },
          variables: { secret: canary, made: 1 },
          configurable: { key: canary },
          interrupt: { interruptToken: canary },
        },
      }),
    );
    expect(text).not.toContain(canary);
    expect(text).toContain('"made":1');
  });

  it("says plainly when nothing was masked", () => {
    expect(bundle({ redactionMode: "passthrough" })).toMatchObject({ redactionApplied: false });
    expect(bundle()).toMatchObject({ redactionApplied: true, redactionMode: "mask" });
  });
});

describe.skipIf(!existsSync(SCHEMA))("its schema (needs ../shared/openwop)", () => {
  it.each([
    "pending",
    "running",
    "paused",
    "waiting-approval",
    "waiting-input",
    "waiting-external",
    "cancelling",
    "completed",
    "failed",
    "cancelled",
  ])("takes one of a run that is %s", (status) => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile(JSON.parse(readFileSync(SCHEMA, "utf8")));
    const snapshot = { runId: "run-1", workflowId: "w", status };
    expect(validate(bundle({ snapshot })), JSON.stringify(validate.errors)).toBe(true);
  });
});
