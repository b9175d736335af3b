import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { holds } from "../../../test/support/property.ts";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { createEgress, type Egress } from "../../egress/client.ts";
import { createPolicy } from "../../egress/policy.ts";
import type { Clock } from "../../lib/clock.ts";
import { systemClock } from "../../lib/clock.ts";
import type { RunEvent } from "../events/run-event.ts";
import { attempt, type Delivery, deliveryRequest, webhookPolicy } from "./delivery.ts";
import { NO_RETRIES, nextAttemptAt, RETRY_POLICY } from "./retry.ts";
import { isSignedBy, signatureOf } from "./signature.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const SECRET = "5e".repeat(32);
const event: RunEvent = {
  eventId: "evt-1",
  runId: "run-1",
  type: "run.completed",
  payload: { outputs: { text: "é🐤", n: 1.5 } },
  timestamp: "2026-01-02T03:04:05.000Z",
  sequence: 7,
};

function delivery(url: string): Delivery {
  const subscription = {
    webhookId: "wh_1",
    tenant: "acme",
    url,
    events: ["*"],
    tags: [],
    secretFingerprint: "00000000",
  };
  return { subscription, secret: SECRET, workspaceId: "main", event, version: "1.2.3" };
}

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function egress(options: { allowPrivate?: boolean; clock?: Clock } = {}): Egress {
  const made = createEgress({
    policy: createPolicy(webhookPolicy(options.allowPrivate ?? true)),
    clock: options.clock ?? systemClock,
    resolve: async () => ["127.0.0.1"],
  });
  open.push(made);
  return made;
}

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function receiver(answer: (response: ServerResponse) => void) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(pieces) });
      answer(response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://hooks.test:${port}/in?a=b`, received };
}

describe("a delivery", () => {
  it("arrives with the event as it is in the log, under the names of both eras", async () => {
    const { url, received } = await receiver((response) => response.writeHead(204).end());
    const outcome = await attempt(egress(), deliveryRequest(delivery(url), NOW));
    expect(outcome).toEqual({ delivered: true, status: 204 });
    const [{ headers, body } = expect.fail("nothing arrived")] = received;
    expect(JSON.parse(body.toString())).toEqual({ runId: "run-1", workspaceId: "main", event });
    const timestamp = String(Math.floor(NOW / 1_000));
    const hmac = createHmac("sha256", SECRET).update(`${timestamp}.${body.toString()}`);
    const signature = `sha256=${hmac.digest("hex")}`;
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "openwop-webhook-dispatcher/1.2.3",
    });
    for (const era of ["x-openwop", "x-wop"]) {
      expect(headers).toMatchObject({
        [`${era}-webhook-id`]: "wh_1",
        [`${era}-event-type`]: "run.completed",
        [`${era}-timestamp`]: timestamp,
        [`${era}-signature`]: signature,
        [`${era}-signature-algorithm`]: "v1",
      });
    }
    expect(isSignedBy(SECRET, { timestamp, signature, body }, NOW / 1_000)).toBe(true);
  });

  it.each([
    [500, { delivered: false, status: 500, reason: "status 500", retryable: true }],
    [404, { delivered: false, status: 404, reason: "status 404", retryable: true }],
    [410, { delivered: false, status: 410, reason: "status 410", retryable: false }],
    [302, { delivered: false, status: 302, reason: "status 302", retryable: true }],
  ])(
    "that is answered with %d has failed, and no redirect is followed",
    async (status, outcome) => {
      const { url, received } = await receiver((response) => {
        response.writeHead(status, { location: "/elsewhere" }).end("canary");
      });
      expect(await attempt(egress(), deliveryRequest(delivery(url), NOW))).toEqual(outcome);
      expect(received).toHaveLength(1);
    },
  );

  it.each([
    ["120", 120_000],
    ["99999999", 86_400_000],
    ["-1", undefined],
    ["soon", undefined],
  ])("that is asked to come again after %s is told so", async (header, retryAfterMs) => {
    const { url } = await receiver((response) => {
      response.writeHead(429, { "retry-after": header }).end();
    });
    const outcome = await attempt(egress(), deliveryRequest(delivery(url), NOW));
    expect("retryAfterMs" in outcome ? outcome.retryAfterMs : undefined).toBe(retryAfterMs);
  });

  it("has failed when nobody answers within five seconds", async () => {
    const clock = new VirtualClock(NOW);
    const { url } = await receiver(() => clock.advance(5_000));
    const outcome = await attempt(egress({ clock }), deliveryRequest(delivery(url), NOW));
    expect(outcome).toEqual({ delivered: false, reason: "egress_timed_out", retryable: true });
  });

  it("is refused when its name has come to resolve to the machine itself", async () => {
    const request = deliveryRequest(delivery("https://hooks.test/"), NOW);
    const outcome = await attempt(egress({ allowPrivate: false }), request);
    expect(outcome).toEqual({ delivered: false, reason: "egress_refused", retryable: false });
  });

  it("says nothing of the secret or of what the receiver wrote", async () => {
    const { url } = await receiver((response) => response.writeHead(500).end("canary"));
    const request = deliveryRequest(delivery(url), NOW);
    const outcome = await attempt(egress(), request);
    expect(JSON.stringify([outcome, request.headers, String(request.body)])).not.toMatch(
      new RegExp(`canary|${SECRET}`),
    );
  });
});

describe("a signature", () => {
  const body = Buffer.from('{"a": 1}');
  const timestamp = "1767323045";
  const signature = signatureOf(SECRET, Number(timestamp), body);
  const at = Number(timestamp);

  it("is the published form", () => {
    const expected = createHmac("sha256", SECRET).update(`${timestamp}.{"a": 1}`).digest("hex");
    expect(signature).toBe(`sha256=${expected}`);
  });

  it.each<[string, Partial<{ timestamp: string; signature: string; body: Buffer }>, number]>([
    ["another body", { body: Buffer.from('{"a":1}') }, at],
    ["another time", { timestamp: "1767323046" }, at],
    ["another signature", { signature: `${signature.slice(0, -1)}z` }, at],
    ["no prefix", { signature: signature.slice(7) }, at],
    ["a shorter signature", { signature: "sha256=" }, at],
    ["a time that is no number", { timestamp: "x" }, at],
    ["a clock too far ahead", {}, at + 301],
    ["a clock too far behind", {}, at - 301],
  ])("does not hold with %s", (_, changed, now) => {
    expect(isSignedBy(SECRET, { timestamp, signature, body, ...changed }, now)).toBe(false);
    expect(isSignedBy(SECRET, { timestamp, signature, body }, at + 300)).toBe(true);
    expect(isSignedBy("other", { timestamp, signature, body }, at)).toBe(false);
  });
});

describe("the next attempt", () => {
  it("comes later each time, and at last not at all", () => {
    const delays: (number | undefined)[] = [];
    for (let n = 1; n <= RETRY_POLICY.attemptsMax; n += 1) {
      delays.push(nextAttemptAt({ attempt: n, at: 0, chance: 1 }, RETRY_POLICY));
    }
    expect(delays).toEqual([
      5_000,
      30_000,
      180_000,
      1_080_000,
      6_480_000,
      21_600_000,
      21_600_000,
      undefined,
    ]);
    expect(nextAttemptAt({ attempt: 1, at: 0, chance: 0 }, NO_RETRIES)).toBeUndefined();
  });

  it("waits for the receiver's own wish and for the breaker", () => {
    const failed = { attempt: 1, at: 1_000, chance: 0 };
    expect(nextAttemptAt(failed, RETRY_POLICY)).toBe(5_000);
    expect(nextAttemptAt({ ...failed, retryAfterMs: 60_000 }, RETRY_POLICY)).toBe(61_000);
    expect(nextAttemptAt({ ...failed, notBefore: 99_000 }, RETRY_POLICY)).toBe(99_000);
  });

  it("is in the future and within the bounds, whatever chance decides", () => {
    const property = fc.property(
      fc.integer({ min: 1, max: RETRY_POLICY.attemptsMax - 1 }),
      fc.nat(),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (n, at, chance) => {
        const next = nextAttemptAt({ attempt: n, at, chance }, RETRY_POLICY) ?? 0;
        expect(next - at).toBeGreaterThanOrEqual(RETRY_POLICY.firstDelayMs * 0.8);
        expect(next - at).toBeLessThanOrEqual(RETRY_POLICY.delayMsMax);
      },
    );
    holds(property, { runs: 200 });
  });
});
