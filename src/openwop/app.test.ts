import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { HTTP_LIMITS } from "../http/limits.ts";
import { createServer } from "../http/server.ts";
import { Admission } from "./admission.ts";
import { mountOpenWop } from "./app.ts";
import { type Authenticate, json, refuse, type Scope } from "./call.ts";
import { presentProblem, TRANSPORT_CODES } from "./problem.ts";
import { RateLimiter } from "./rate-limiter.ts";
import type { Route } from "./route.ts";

const KEYS: Readonly<Record<string, readonly Scope[]>> = {
  reader: ["runs:read"],
  maker: ["runs:create", "runs:read"],
};

const authenticate: Authenticate = async (secret) => {
  const scopes = KEYS[secret];
  if (secret === "old") return { known: false, reason: "expired" };
  if (scopes === undefined) return { known: false, reason: "unknown" };
  return {
    known: true,
    caller: {
      tenant: "local",
      workspace: "default",
      principal: secret,
      keyId: secret,
      isTestKey: false,
      may: (scope) => scopes.includes(scope),
    },
  };
};

const OK = { status: 200 } as const;
const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/.well-known/openwop",
    operationId: "discover",
    summary: "What this host can do",
    needs: "public",
    exempt: true,
    success: OK,
    handle: () => json(200, { protocolVersion: "1.0" }),
  },
  {
    method: "GET",
    path: "/v1/runs/{runId}",
    operationId: "getRun",
    summary: "A run",
    needs: ["runs:read"],
    success: OK,
    handle: ({ params }) =>
      params["runId"] === "run-1"
        ? json(200, { runId: "run-1" })
        : refuse({ code: "not_found", message: "no such run" }),
  },
  {
    method: "POST",
    path: "/v1/runs/{runId}:fork",
    operationId: "forkRun",
    summary: "Fork",
    needs: ["runs:create", "runs:read"],
    body: Type.Object(
      {
        mode: Type.Optional(Type.Unsafe({ enum: ["replay", "branch"] })),
        fromSeq: Type.Optional(Type.Integer({ minimum: 0 })),
      },
      { additionalProperties: false },
    ),
    success: { status: 201 },
    handle: ({ params, body, caller }) => json(201, { ...params, body, by: caller.principal }),
  },
  {
    method: "POST",
    path: "/v1/runs:bulk-cancel",
    operationId: "bulkCancel",
    summary: "Cancel many",
    needs: ["runs:cancel"],
    body: Type.Object({}),
    success: OK,
    handle: () => json(200, {}),
  },
  {
    method: "GET",
    path: "/v1/broken",
    operationId: "broken",
    summary: "Fails",
    needs: "public",
    success: OK,
    handle() {
      throw new TypeError("undefined is not a function: hk_secret");
    },
  },
];

interface Rig {
  readonly app: FastifyInstance;
  readonly unexpected: unknown[];
  readonly clock: VirtualClock;
  readonly admission: Admission;
}

function rig(options: { readonly burst?: number; readonly inFlightMax?: number } = {}): Rig {
  const clock = new VirtualClock(Date.parse("2026-11-21T12:00:00Z"));
  const admission = new Admission({
    authenticate,
    limiter: new RateLimiter(clock, { perSecond: 10, burst: options.burst ?? 1000 }),
    inFlightMax: options.inFlightMax ?? 100,
    retryAfterSeconds: 3,
  });
  const unexpected: unknown[] = [];
  const app = createServer({
    limits: HTTP_LIMITS,
    present: (code, message) => presentProblem({ code: TRANSPORT_CODES[code], message }),
  });
  mountOpenWop(app, {
    routes: ROUTES,
    admission,
    http: HTTP_LIMITS,
    isOwnHost: (host) => host?.startsWith("localhost") === true,
    onUnexpected: (thrown) => unexpected.push(thrown),
  });
  return { app, unexpected, clock, admission };
}

async function ask(
  { app }: Rig,
  method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD",
  url: string,
  options: { readonly key?: string; readonly body?: string; readonly host?: string } = {},
): Promise<{ readonly status: number; readonly body: unknown; readonly headers: object }> {
  const answer = await app.inject({
    method,
    url,
    headers: {
      host: options.host ?? "localhost:8765",
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
    },
    ...(options.body === undefined ? {} : { payload: options.body }),
  });
  const body: unknown = answer.body === "" ? undefined : JSON.parse(answer.body);
  return { status: answer.statusCode, body, headers: answer.headers };
}

describe("admission", () => {
  it.each([
    ["GET", "/v1/runs/run-1"],
    ["GET", "/v1/runs/nobody-knows"],
    ["HEAD", "/v1/runs/run-1"],
    ["PUT", "/v1/runs/run-1"],
    ["DELETE", "/v1/runs/nobody-knows"],
    ["POST", "/v1/runs/run-1:fork"],
  ] as const)("asks for a key before anything else: %s %s", async (method, url) => {
    const { status, headers } = await ask(rig(), method, url);
    expect(status).toBe(401);
    expect(headers).toMatchObject({ "www-authenticate": "Bearer" });
  });

  it("tells an unknown key, an expired one and one without the scope apart", async () => {
    const at = "/v1/runs/run-1:fork";
    expect(await ask(rig(), "POST", at, { key: "nobody" })).toMatchObject({
      status: 401,
      body: { error: "unauthenticated" },
    });
    expect(await ask(rig(), "POST", at, { key: "old" })).toMatchObject({
      status: 401,
      body: { error: "key_expired" },
    });
    expect(await ask(rig(), "POST", at, { key: "reader" })).toMatchObject({
      status: 403,
      body: { error: "forbidden", details: { scopeRequired: "runs:create" } },
    });
  });

  it("comes before existence and before the body is looked at", async () => {
    const forbidden = await ask(rig(), "POST", "/v1/runs/none:fork", { key: "reader", body: "{" });
    expect(forbidden.status).toBe(403);
    const missing = await ask(rig(), "GET", "/v1/runs/none", { key: "reader" });
    expect(missing).toMatchObject({ status: 404, body: { error: "not_found" } });
  });

  it("says 405 to those with a key, and what the path takes", async () => {
    const wrong = await ask(rig(), "PUT", "/v1/runs/run-1", { key: "reader" });
    expect(wrong).toMatchObject({ status: 405, headers: { allow: "GET" } });
  });

  it("limits how often one key comes, and says when to come again", async () => {
    const desk = rig({ burst: 2 });
    const get = () => ask(desk, "GET", "/v1/runs/run-1", { key: "reader" });
    expect([(await get()).status, (await get()).status]).toEqual([200, 200]);
    expect(await get()).toMatchObject({
      status: 429,
      headers: { "retry-after": "1" },
      body: { error: "rate_limited", details: { scope: "key", retryAfterMs: 100 } },
    });
    expect((await ask(desk, "GET", "/v1/runs/run-1", { key: "maker" })).status).toBe(200);
    desk.clock.advance(100);
    expect((await get()).status).toBe(200);
  });

  it("limits how many are inside, except where one finds out what the host can do", async () => {
    const desk = rig({ inFlightMax: 1 });
    expect(desk.admission.enter()).toBeUndefined();
    expect(await ask(desk, "GET", "/v1/runs/run-1", { key: "reader" })).toMatchObject({
      status: 503,
      headers: { "retry-after": "3" },
      body: { error: "service_unavailable", details: { retryAfter: 3 } },
    });
    expect((await ask(desk, "GET", "/.well-known/openwop")).status).toBe(200);
    desk.admission.leave();
    expect((await ask(desk, "GET", "/v1/runs/run-1", { key: "reader" })).status).toBe(200);
  });

  it("refuses a page that rebinds its own name", async () => {
    const rebound = await ask(rig(), "GET", "/.well-known/openwop", { host: "evil.example" });
    expect(rebound).toMatchObject({ status: 403, body: { error: "host_denied" } });
  });
});

describe("routes", () => {
  it("keep a verb after a colon apart from the parameter before it", async () => {
    const forked = await ask(rig(), "POST", "/v1/runs/run-1:fork", {
      key: "maker",
      body: '{"mode":"replay"}',
    });
    expect(forked).toMatchObject({
      status: 201,
      body: { runId: "run-1", body: { mode: "replay" }, by: "maker" },
    });
    expect((await ask(rig(), "POST", "/v1/runs:bulk-cancel", { key: "maker" })).status).toBe(403);
  });

  it("answer HEAD as they answer GET, without a body", async () => {
    const head = await ask(rig(), "HEAD", "/v1/runs/run-1", { key: "reader" });
    expect(head).toMatchObject({ status: 200, body: undefined });
  });

  it.each([
    ["{", 400, "validation_error"],
    ["[]", 400, "validation_error"],
    [`{"a":${"[".repeat(2000)}${"]".repeat(2000)}}`, 400, "validation_error"],
    [`{"a":"${"x".repeat(1024 * 1024)}"}`, 413, "payload_too_large"],
  ])("refuse a body that cannot be used: %#", async (body, status, error) => {
    const answer = await ask(rig(), "POST", "/v1/runs/run-1:fork", { key: "maker", body });
    expect(answer).toMatchObject({ status, body: { error } });
  });

  it.each([
    [{ mode: "rewind" }, "mode", 'mode must be one of "replay", "branch"'],
    [{ fromSeq: -1 }, "fromSeq", "fromSeq must be >= 0"],
    [{ fromSeq: "1" }, "fromSeq", "fromSeq must be integer"],
    [{ speed: 2 }, "speed", "speed is not a field of this request"],
  ])("name the field of a body that does not fit: %j", async (body, field, message) => {
    const answer = await ask(rig(), "POST", "/v1/runs/run-1:fork", {
      key: "maker",
      body: JSON.stringify(body),
    });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: "validation_error", message, details: { field } },
    });
  });

  it("never show what a mistake of ours says", async () => {
    const desk = rig();
    const answer = await ask(desk, "GET", "/v1/broken");
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({
      error: "internal_error",
      message: "a mistake of the daemon itself",
    });
    expect(desk.unexpected).toHaveLength(1);
  });
});
