import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createPolicy } from "../../egress/policy.ts";
import { Fault } from "../../errors/fault.ts";
import type { JsonObject } from "../../lib/json.ts";
import { systemRandom } from "../../lib/system-random.ts";
import { bodyProblem } from "../body-problem.ts";
import { type Problem, presentProblem } from "../problem.ts";
import { webhookPolicy } from "./delivery.ts";
import {
  isFor,
  newSubscription,
  presentRegistration,
  REGISTER_WEBHOOK,
  readRegistration,
  urlProblem,
} from "./subscription.ts";

const strict = createPolicy(webhookPolicy(false));
const relaxed = createPolicy(webhookPolicy(true));
const good = { url: "https://hooks.test/in", events: ["run.completed"] };

function problemOf(body: JsonObject, policy = strict): Problem | undefined {
  const shape = bodyProblem(REGISTER_WEBHOOK, body);
  if (shape !== undefined) return shape;
  const read = readRegistration(body, { tenant: "acme", policy });
  return read.ok ? undefined : read.error;
}

describe("a registration", () => {
  it("belongs to the key's tenant, said or not", () => {
    for (const body of [good, { ...good, tenantId: "acme" }]) {
      const read = readRegistration(body, { tenant: "acme", policy: strict });
      expect(read).toEqual({ ok: true, value: { tenant: "acme", tags: [], ...good } });
    }
  });

  it.each<[string, JsonObject, string, number]>([
    ["no url", { events: ["x"] }, "validation_error", 400],
    ["a url that is none", { ...good, url: "hooks" }, "validation_error", 400],
    ["a url that is no text", { ...good, url: 1 }, "validation_error", 400],
    ["no events", { url: good.url }, "validation_error", 400],
    ["an empty list of events", { ...good, events: [] }, "validation_error", 400],
    ["an event that is no text", { ...good, events: [1] }, "validation_error", 400],
    ["tags that are no list", { ...good, tags: "a" }, "validation_error", 400],
    ["a secret of the caller's", { ...good, secret: "mine" }, "validation_error", 400],
    ["another tenant", { ...good, tenantId: "other" }, "tenant_membership_required", 403],
    ["plain http", { ...good, url: "http://hooks.test/" }, "webhook_url_rejected", 400],
    ["another scheme", { ...good, url: "ftp://hooks.test/" }, "webhook_url_rejected", 400],
    ["the machine itself", { ...good, url: "https://127.0.0.1/" }, "webhook_url_rejected", 400],
    ["a private address", { ...good, url: "https://10.0.0.1/" }, "webhook_url_rejected", 400],
    ["metadata", { ...good, url: "https://169.254.169.254/" }, "webhook_url_rejected", 400],
    ["IPv6 of the machine", { ...good, url: "https://[::1]/" }, "webhook_url_rejected", 400],
    ["a user name", { ...good, url: "https://u:p@hooks.test/" }, "webhook_url_rejected", 400],
  ])("is refused with %s", (_, body, code, status) => {
    const problem = problemOf(body);
    expect(problem).toMatchObject({ code });
    if (problem !== undefined) expect(presentProblem(problem).status).toBe(status);
  });

  it("may name a private target where the operator allows it, but never metadata", () => {
    for (const url of ["http://127.0.0.1:9999/", "https://10.0.0.1/", "http://[::1]:8080/"]) {
      expect(problemOf({ ...good, url }, relaxed)).toBeUndefined();
    }
    const url = "http://169.254.169.254/latest";
    expect(problemOf({ ...good, url }, relaxed)).toMatchObject({ code: "webhook_url_rejected" });
  });

  it("is refused in the same words when the name resolves to what is not allowed", () => {
    const refused = new Fault("egress_refused", "x resolves to ::1", {
      details: { reason: "address" },
    });
    expect(urlProblem(refused)).toEqual({
      code: "webhook_url_rejected",
      message: "x resolves to ::1",
      details: { field: "url", reason: "address" },
    });
    expect(() => urlProblem(new Error("ours"))).toThrow("ours");
  });
});

describe("a secret", () => {
  it("is 64 hexadecimal characters, new each time, and known by its fingerprint", () => {
    const registration = { tenant: "acme", tags: [], ...good };
    const first = newSubscription(registration, "wh_1", systemRandom);
    const second = newSubscription(registration, "wh_2", systemRandom);
    expect(first.secret).toMatch(/^[0-9a-f]{64}$/);
    expect(second.secret).not.toBe(first.secret);
    const hash = createHash("sha256").update(first.secret).digest("hex");
    expect(presentRegistration(first.subscription, first.secret)).toEqual({
      webhookId: "wh_1",
      subscriptionId: "wh_1",
      secret: first.secret,
      secretFingerprint: hash.slice(0, 8),
    });
    expect(JSON.stringify(first.subscription)).not.toContain(first.secret);
  });
});

describe("an event", () => {
  const { subscription } = newSubscription(
    {
      tenant: "acme",
      url: good.url,
      events: ["run.completed", "run.failed"],
      tags: ["prod", "eu"],
    },
    "wh_1",
    systemRandom,
  );
  const event = { tenant: "acme", type: "run.failed", tags: ["eu", "x"] };

  it("is for those of its tenant who asked for its type and one of its run's tags", () => {
    expect(isFor(subscription, event)).toBe(true);
    expect(isFor(subscription, { ...event, tenant: "other" })).toBe(false);
    expect(isFor(subscription, { ...event, type: "run.started" })).toBe(false);
    expect(isFor(subscription, { ...event, tags: ["x"] })).toBe(false);
    expect(isFor({ ...subscription, tags: [] }, { ...event, tags: [] })).toBe(true);
    const all = { ...subscription, events: ["*"], tags: [] };
    expect(isFor(all, { ...event, type: "run.started" })).toBe(true);
    expect(isFor(all, { ...event, tenant: "other" })).toBe(false);
  });
});
