import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CAPABILITIES, type Capability } from "../../src/identity/capability.ts";
import type { Token } from "../../src/identity/principals.ts";
import { ROUTES } from "../../src/jobspec/routes.ts";
import { AUTH, SECRET, type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

const JOB = { job_type: "rpi.run" };
const denied = (reason: string): string => `daemon mutation denied: ${reason}`;

function token(name: string, capabilities: readonly Capability[]): Token {
  return { name, secret: `secret-${name}`, capabilities, localOnly: false };
}

/** Every route that needs a capability, with a path that can be asked. */
const GUARDED = ROUTES.flatMap(({ method, path, alias, needs }) =>
  needs === undefined || needs === "any"
    ? []
    : [path, ...(alias === undefined ? [] : [alias])].map((each) => ({
        method,
        path: each.replace("{job_id}", "no-such-job").replace("{name}", "log"),
        needs,
      })),
);

describe("the mutation policy", () => {
  let daemon: WireDaemon;
  beforeAll(async () => {
    daemon = await wireDaemon({
      tokens: [
        ...CAPABILITIES.map((capability) => token(capability, [capability])),
        { name: "all", secret: SECRET, capabilities: CAPABILITIES, localOnly: true },
      ],
      trustedOrigins: ["http://trusted.example"],
    });
  });
  afterAll(() => daemon.close());

  const post = (headers: Readonly<Record<string, string>>): ReturnType<WireDaemon["ask"]> =>
    daemon.ask("/v1/jobs", { method: "POST", body: JOB, headers });

  it.each([
    ["the custom header", { "x-agentops-daemon-token": SECRET }],
    ["the custom header with spaces around", { "x-agentops-daemon-token": `  ${SECRET} ` }],
    ["a bearer", { authorization: `Bearer ${SECRET}` }],
    [
      "a bearer beside a blank custom header",
      {
        "x-agentops-daemon-token": " ",
        authorization: `Bearer ${SECRET}`,
      },
    ],
    ["a trusted origin", { ...AUTH, origin: "http://trusted.example" }],
    ["a same-site fetch", { ...AUTH, "sec-fetch-site": "same-site" }],
    ["a blank origin", { ...AUTH, origin: "" }],
  ])("accepts %s", async (_what, headers) => {
    expect((await post(headers)).status).toBe(202);
  });

  it.each([
    ["no token", {}, "mutation token mismatch"],
    ["a wrong token", { "x-agentops-daemon-token": "nope" }, "mutation token mismatch"],
    [
      "a wrong custom header beside a right bearer",
      {
        "x-agentops-daemon-token": "nope",
        authorization: `Bearer ${SECRET}`,
      },
      "mutation token mismatch",
    ],
    ["a lower-case scheme", { authorization: `bearer ${SECRET}` }, "mutation token mismatch"],
    [
      "a token that only starts right",
      { "x-agentops-daemon-token": `${SECRET}x` },
      "mutation token mismatch",
    ],
    [
      "a foreign origin",
      { ...AUTH, origin: "http://evil.example" },
      "browser origin is not trusted",
    ],
    ["the null origin", { ...AUTH, origin: "null" }, "browser origin is not trusted"],
    [
      "the daemon's own origin",
      { ...AUTH, origin: "http://127.0.0.1:8765" },
      "browser origin is not trusted",
    ],
    [
      "a cross-site fetch",
      { ...AUTH, "sec-fetch-site": "Cross-Site" },
      "browser fetch site is not trusted",
    ],
    ["origin before token", { origin: "http://evil.example" }, "browser origin is not trusted"],
    [
      "a token without the capability",
      { "x-agentops-daemon-token": "secret-cancel_job" },
      "token capability outside mutation scope",
    ],
  ])("denies %s and leaves no trace", async (_what, headers, reason) => {
    const before = daemon.ledger().length;
    const answer = await post(headers);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ error: denied(reason), code: "mutation_denied" });
    expect(daemon.ledger()).toHaveLength(before);
  });

  it.each(GUARDED)("asks $needs of $method $path", async ({ method, path, needs }) => {
    const status = async (name: string): Promise<number> =>
      (
        await daemon.ask(path, {
          method,
          body: "{",
          headers: { "x-agentops-daemon-token": `secret-${name}` },
        })
      ).status;
    for (const capability of CAPABILITIES) {
      const allowed = capability === needs || capability === "admin";
      expect(`${capability} ${(await status(capability)) === 403}`).toBe(
        `${capability} ${!allowed}`,
      );
    }
    expect((await daemon.ask(path, { method, body: "{" })).status).toBe(403);
  });

  it("judges before it says whether a job exists or a body can be read", async () => {
    expect((await daemon.ask("/v1/jobs/none/cancel", { method: "POST" })).status).toBe(403);
    expect((await daemon.ask("/v1/jobs/none/artifacts/log")).status).toBe(403);
    expect((await daemon.ask("/v1/jobs", { method: "POST", body: "{" })).status).toBe(403);
    expect((await daemon.ask("/v1/jobs", { method: "POST", body: "x".repeat(2e6) })).status).toBe(
      403,
    );
  });

  it("writes the token's sanitised name into the ledger", async () => {
    const named = await wireDaemon({ tokens: [{ ...token("ci.runner a/b:c", ["admin"]) }] });
    try {
      const headers = { authorization: "Bearer secret-ci.runner a/b:c" };
      await named.ask("/v1/jobs", { method: "POST", body: JOB, headers });
      await named.ask("/openclaw/v1/triggers/jobs", { method: "POST", body: JOB, headers });
      const actors = named.ledger().map((line) => (JSON.parse(line) as { actor: string }).actor);
      expect(actors).toEqual(["ao-http:ci_runner_a_b_c", "openclaw-trigger:ci_runner_a_b_c"]);
    } finally {
      await named.close();
    }
  });

  it("denies every mutation when no token is configured, and reads go on", async () => {
    const bare = await wireDaemon({ tokens: [] });
    try {
      const answer = await bare.post("/v1/jobs", JOB);
      expect(answer.status).toBe(403);
      expect(answer.body.error).toBe(denied("mutation token not configured"));
      expect((await bare.ask("/v1/status")).status).toBe(200);
    } finally {
      await bare.close();
    }
  });

  it("denies a peer that is not on this machine, before it looks at the token", async () => {
    const answer = await daemon.app.inject({
      method: "POST",
      url: "/v1/jobs",
      headers: AUTH,
      payload: JOB,
      remoteAddress: "192.0.2.7",
    });
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({ error: denied("remote address is not local") });
  });
});

describe("the Host check", () => {
  let daemon: WireDaemon;
  let port: number;
  beforeAll(async () => {
    daemon = await wireDaemon();
    port = Number(new URL(await daemon.listen()).port);
  });
  afterAll(() => daemon.close());

  const statusFor = (host: string, path: string, method = "GET"): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { host, ...AUTH };
      request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });

  it.each([
    "127.0.0.1",
    "127.0.0.1:1",
    "127.8.9.1:8765",
    "localhost",
    "LOCALHOST:8765",
    "[::1]:8765",
    "[::1]",
  ])("lets %s pass", async (host) => {
    expect(await statusFor(host, "/v1/health")).toBe(200);
  });

  it.each([
    "evil.example",
    "evil.example:8765",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.0.0.1:8765@evil.example",
    "10.0.0.1:8765",
    "[::2]:8765",
    "0.0.0.0:8765",
    "2130706433",
  ])("refuses %s on every kind of route", async (host) => {
    expect(await statusFor(host, "/v1/health")).toBe(403);
    expect(await statusFor(host, "/v1/events")).toBe(403);
    expect(await statusFor(host, "/openclaw/v1/runs")).toBe(403);
    expect(await statusFor(host, "/v1/jobs", "POST")).toBe(403);
    expect(await statusFor(host, "/no-such-route")).toBe(403);
    expect(await statusFor(host, "/v1/health", "PATCH")).toBe(403);
  });
});
