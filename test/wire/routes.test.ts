import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pathsOf } from "../../src/jobspec/route.ts";
import { ROUTES } from "../../src/jobspec/routes.ts";
import { AUTH, type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE"];

/** Every path that is served, with the methods it has. */
const PATHS = new Map<string, string[]>();
for (const route of ROUTES) {
  for (const path of pathsOf(route)) {
    const filled = path.replace("{job_id}", "some-job").replace("{name}", "log");
    PATHS.set(filled, [...(PATHS.get(filled) ?? []), route.method]);
  }
}

describe("every path under every method", () => {
  let daemon: WireDaemon;
  beforeAll(async () => {
    daemon = await wireDaemon();
    await daemon.post("/v1/jobs", { job_type: "rpi.run", job_id: "some-job" });
  });
  afterAll(() => daemon.close());

  it("covers the contract's paths, their aliases and ours", () => {
    expect(PATHS.size).toBeGreaterThanOrEqual(30);
  });

  it.each([...PATHS.keys()])("%s", async (path) => {
    const methods = PATHS.get(path) ?? [];
    for (const method of METHODS) {
      const answer = await daemon.ask(path, { method, headers: AUTH });
      const served = methods.includes(method === "HEAD" ? "GET" : method);
      expect(`${method} ${answer.status === 405}`).toBe(`${method} ${!served}`);
      if (served) continue;
      if (method !== "HEAD") expect(answer.body).toMatchObject({ error: "method not allowed" });
      expect(String(answer.headers["allow"]).split(", ").sort()).toEqual([...methods].sort());
    }
  });

  it("judges a wrong mutating method on a mutation's path before it says 405", async () => {
    for (const method of ["PATCH", "DELETE"]) {
      expect((await daemon.ask("/v1/jobs", { method })).status).toBe(403);
      expect((await daemon.ask("/v1/jobs", { method, headers: AUTH })).status).toBe(405);
      expect((await daemon.ask("/v1/status", { method })).status).toBe(405);
    }
    expect((await daemon.ask("/v1/jobs/cancel", { method: "OPTIONS" })).status).toBe(405);
  });

  it("answers HEAD with the headers of GET and no body", async () => {
    for (const path of ["/v1/health", "/v1/jobs", "/v1/status", "/v1/events"]) {
      const answer = await daemon.ask(path, { method: "HEAD" });
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/json");
    }
    const headers = { accept: "text/event-stream" };
    const stream = await daemon.ask("/v1/events", { method: "HEAD", headers });
    expect(stream.headers["content-type"]).toBe("text/event-stream");
  });

  it.each(["/", "/v1", "/v1/nope", "/v1/health/", "//v1/health", "/V1/health", "/openclaw/v1"])(
    "says 404 for %s",
    async (path) => {
      const answer = await daemon.ask(path);
      expect(answer.status).toBe(404);
      expect(answer.body).toMatchObject({ code: "route_not_found" });
    },
  );

  it("serves each alias exactly as its versioned path", async () => {
    for (const route of ROUTES) {
      if (route.alias === undefined || route.method !== "GET") continue;
      const strip = (text: string): string => text.replaceAll(/\d{4}-[\dT:.-]+Z/g, "");
      const [versioned, alias] = [await daemon.ask(route.path), await daemon.ask(route.alias)];
      expect(strip(alias.text)).toBe(strip(versioned.text));
    }
  });
});
