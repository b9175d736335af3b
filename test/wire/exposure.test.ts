import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Fault } from "../../src/errors/fault.ts";
import { parseExposure } from "../../src/http/exposure.ts";
import { ROUTES } from "../../src/jobspec/routes.ts";
import { AUTH, overlay, SECRET, type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

const NAME = "keelson.example";
const TOKENS = [
  { name: "all", secret: SECRET, capabilities: ["admin"], localOnly: false },
  { name: "reader", secret: "reads", capabilities: ["read"], localOnly: false },
  { name: "here", secret: "here", capabilities: ["admin"], localOnly: true },
] as const;
const READS = ROUTES.filter(({ method, needs }) => method === "GET" && needs === undefined);
const PROBED = new Set(["/v1/health", "/v1/ready"]);

interface Peer {
  readonly path: string;
  readonly method?: string;
  /** An address of 127.0.0.0/8: all of them are this machine. */
  readonly to?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Said {
  readonly status: number | undefined;
  readonly body: string;
}

let daemon: WireDaemon;
let port: number;
beforeAll(async () => {
  daemon = await wireDaemon({ tokens: TOKENS, exposure: parseExposure(NAME) });
  await daemon.app.listen({ host: "0.0.0.0", port: 0 });
  port = (daemon.app.server.address() as AddressInfo).port;
});
afterAll(() => daemon.close());

function say({ path, method = "GET", to = "127.0.0.2", headers = {} }: Peer): Promise<Said> {
  return new Promise((resolve, reject) => {
    const asked = { host: to, port, path, method, agent: false };
    request({ ...asked, headers: { host: NAME, ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (body += piece));
      response.on("end", () => resolve({ status: response.statusCode, body }));
    })
      .on("error", reject)
      .end();
  });
}

function pathOf(path: string): string {
  return path.replace("{job_id}", "no-such-job").replace("{name}", "log");
}

describe("reads of an exposed daemon", () => {
  it("are many, and include everything that needs no capability", () => {
    expect(READS.length).toBeGreaterThan(10);
  });

  it.each(READS.filter(({ path }) => !PROBED.has(path)))("$path wants a token", async (route) => {
    for (const path of [route.path, route.alias ?? route.path].map(pathOf)) {
      const without = await say({ path });
      expect(without.status).toBe(403);
      expect(JSON.parse(without.body)).toMatchObject({
        code: "read_denied",
        error: "daemon read denied: token mismatch",
      });
      const wrong = await say({ path, headers: { authorization: "Bearer no" } });
      expect(wrong.status).toBe(403);
      const headers = { authorization: "Bearer reads" };
      const answered = await say({ path: `${path}?limit=1`, headers });
      expect([200, 404]).toContain(answered.status);
    }
  });

  it("want it from this machine too, because a proxy may sit on it", async () => {
    const headers = { host: `127.0.0.1:${port}` };
    expect((await say({ path: "/v1/jobs", to: "127.0.0.1", headers })).status).toBe(403);
    const known = { ...headers, ...AUTH };
    expect((await say({ path: "/v1/jobs", to: "127.0.0.1", headers: known })).status).toBe(200);
  });

  it("want it of a live stream before a single event is sent", async () => {
    const stream = await say({ path: "/v1/events", headers: { accept: "text/event-stream" } });
    expect(stream.status).toBe(403);
  });
});

describe("whoever has no token", () => {
  it.each(["/health", "/v1/health"])("learns at %s that the daemon runs", async (path) => {
    expect(await say({ path })).toEqual({ status: 200, body: '{"status":"ok"}\n' });
    const known = await say({ path, headers: AUTH });
    expect(JSON.parse(known.body)).toMatchObject({ status: "ok", daemon: "agentopsd" });
  });

  it.each(["/ready", "/v1/ready"])("learns at %s that it is ready, and no more", async (path) => {
    expect(await say({ path })).toEqual({ status: 200, body: '{"ready":true}\n' });
    const known = await say({ path, headers: AUTH });
    expect(JSON.parse(known.body)).toHaveProperty("projection_lag");
  });

  it("may ask that under any name, as load balancers do", async () => {
    for (const host of ["10.1.2.3:8765", "whatever"]) {
      expect((await say({ path: "/ready", headers: { host } })).status).toBe(200);
      expect((await say({ path: "/v1/jobs", headers: { host } })).status).toBe(403);
      expect((await say({ path: "/v1/jobs", headers: { host, ...AUTH } })).status).toBe(403);
    }
  });

  it("gets no answer to a HEAD that has one", async () => {
    expect(await say({ path: "/ready", method: "HEAD" })).toEqual({ status: 200, body: "" });
  });
});

describe("the readiness that a load balancer sees", () => {
  const readyOf = async (bad: Parameters<typeof overlay>[1]): Promise<Said> => {
    const sick = await wireDaemon({
      exposure: parseExposure(NAME),
      wrap: (engine) => overlay(engine, bad),
    });
    const { statusCode, body } = await sick.app.inject({ url: "/ready", headers: { host: NAME } });
    await sick.close();
    return { status: statusCode, body };
  };
  const NOT_READY = { status: 503, body: '{"ready":false}\n' };

  it("is none while the daemon drains", async () => {
    expect(await readyOf({ isDraining: () => true })).toEqual(NOT_READY);
  });

  it("is none while the ledger cannot be asked, and says nothing of why", async () => {
    const refresh = (): Promise<void> =>
      Promise.reject(new Fault("ledger_unavailable", "the disk at /secret is gone"));
    expect(await readyOf({ refresh })).toEqual(NOT_READY);
  });

  it("is none while the ledger is degraded", async () => {
    const broken = await wireDaemon({ exposure: parseExposure(NAME), ledger: ["{not json"] });
    const { statusCode } = await broken.app.inject({ url: "/ready", headers: { host: NAME } });
    expect(statusCode).toBe(503);
    await broken.close();
  });
});

describe("the names of an exposed daemon", () => {
  it.each([NAME, `${NAME}:1`, "KEELSON.example:8765", "127.9.9.9", "localhost:80"])(
    "let %s pass",
    async (host) => {
      expect((await say({ path: "/v1/jobs", headers: { host, ...AUTH } })).status).toBe(200);
    },
  );

  it.each(["evil.example", `x.${NAME}`, `${NAME}.evil.example`, "0.0.0.0"])(
    "do not let %s pass, with whatever token",
    async (host) => {
      const answer = await say({ path: "/v1/jobs", headers: { host, ...AUTH } });
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.body)).toMatchObject({ code: "host_denied" });
      expect((await say({ path: "/nowhere", headers: { host } })).status).toBe(403);
    },
  );

  it("leave the rules about web pages as they are", async () => {
    const headers = { ...AUTH, origin: `https://${NAME}` };
    expect((await say({ path: "/v1/jobs", headers })).status).toBe(403);
    const page = { ...AUTH, "sec-fetch-site": "cross-site" };
    expect((await say({ path: "/v1/jobs", headers: page })).status).toBe(403);
  });
});

describe("a peer on another machine", () => {
  const from = (secret: string, exposed: WireDaemon, method: "GET" | "POST" = "GET") =>
    exposed.app.inject({
      method,
      url: "/v1/jobs",
      remoteAddress: "192.0.2.7",
      headers: { host: NAME, authorization: `Bearer ${secret}` },
      ...(method === "POST" ? { payload: { job_type: "rpi.run" } } : {}),
    });

  it("reads and changes with a token that counts everywhere", async () => {
    expect((await from(SECRET, daemon)).statusCode).toBe(200);
    expect((await from(SECRET, daemon, "POST")).statusCode).toBe(202);
    expect((await from("reads", daemon, "POST")).statusCode).toBe(403);
  });

  it("gets nowhere with one that counts on the daemon's machine alone, and is told so", async () => {
    const answer = await from("here", daemon);
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({
      error: "daemon read denied: token requires local remote",
    });
    expect(answer.json().fix).toContain("own machine only");
  });
});
