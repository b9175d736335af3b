/** One daemon whose ledger is in a database: what it says while the database is away, and afterwards. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DaemonProcess, eventually, removeRoot, temporaryRoot } from "../support/daemon-process.ts";
import { type Database, type OwnServer, ownServer } from "../support/postgres.ts";

let server: OwnServer;
let database: Database;
let password: string;
let root: string;
let daemon: DaemonProcess;

beforeAll(async () => {
  server = await ownServer();
  database = await server.freshDatabase();
  ({ password } = new URL(database.url));
  root = temporaryRoot();
  daemon = new DaemonProcess(root, { KEELSON_STORE: database.url });
  await daemon.start();
});
afterAll(async () => {
  await daemon.kill();
  await server.close();
  removeRoot(root);
});

const submit = (name: string): Promise<Awaited<ReturnType<DaemonProcess["ask"]>>> =>
  daemon.ask("POST", "/v1/jobs", { job_type: "wiki.build", job_id: name });

describe("a daemon on a database", () => {
  it("keeps its token, its lock and its activation in the root, and no password", async () => {
    expect((await submit("first")).status).toBe(202);
    const activation = readFileSync(join(root, ".agents/daemon/activation.json"), "utf8");
    expect(JSON.parse(activation)).toMatchObject({ ready: true, root });
    expect(activation).not.toContain(password);
    expect((await daemon.ask("GET", "/v1/ready")).body).toMatchObject({ ready: true });
  });

  it("redacts the password where a payload brings it", async () => {
    const payload = { text: `connect with ${password}` };
    await daemon.ask("POST", "/v1/jobs", { job_type: "wiki.build", job_id: "leaky", payload });
    const { body } = await daemon.ask("GET", "/v1/jobs/leaky");
    expect(JSON.stringify(body)).not.toContain(password);
    expect(JSON.stringify(body)).toContain("[redacted]");
  });

  it("answers 503 with Retry-After on every route that needs the ledger, and comes back", async () => {
    await server.stop();
    try {
      const asked = await Promise.all([
        submit("second"),
        daemon.ask("POST", "/v1/jobs/cancel", { job_id: "first" }),
        daemon.ask("POST", "/v1/jobs/claim", { types: ["wiki.build"], wait_ms: 0 }),
        daemon.ask("POST", "/v1/verify"),
        daemon.ask("POST", "/v1/rebuild"),
        ...[
          "/v1/ready",
          "/v1/status",
          "/v1/jobs",
          "/v1/jobs/first",
          "/v1/events",
          "/openclaw/v1/snapshot/latest",
        ].map((path) => daemon.ask("GET", path)),
      ]);
      for (const { status, headers, body } of asked) {
        expect([status, body.code, Number(headers["retry-after"])]).toEqual([
          503,
          "store_unavailable",
          1,
        ]);
        expect(JSON.stringify(body)).not.toContain(password);
      }
      expect((await daemon.ask("GET", "/v1/health")).status).toBe(200);
      expect((await daemon.ask("GET", "/v1/openapi.json")).status).toBe(200);
    } finally {
      await server.start();
    }
    await eventually(async () => {
      const { status } = await daemon.ask("GET", "/v1/ready");
      return status === 200 ? status : undefined;
    });
    expect((await submit("second")).body).toMatchObject({ job_id: "second" });
    expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
    const { body } = await daemon.ask("GET", "/v1/jobs");
    const ids = (body as { jobs: { job_id: string }[] }).jobs.map((job) => job.job_id);
    expect(ids).toEqual(["first", "leaky", "second"]);
  });

  it("loses no submit that was answered while the database restarts under load", async () => {
    const taken: string[] = [];
    let stopping = false;
    const client = async (number: number): Promise<void> => {
      for (let count = 0; !stopping; count += 1) {
        const id = `load-${number}-${count}`;
        // What is not answered with 202 is sent again, as a client does.
        for (;;) {
          const { status } = await submit(id);
          if (status === 202) break;
          expect(status).toBe(503);
        }
        taken.push(id);
      }
    };
    const clients = Array.from({ length: 8 }, (_, number) => client(number));
    for (const how of ["fast", "immediate", "fast"] as const) {
      const enough = taken.length + 50;
      await eventually(async () => (taken.length >= enough ? true : undefined));
      await server.stop(how);
      await server.start();
    }
    const enough = taken.length + 50;
    await eventually(async () => (taken.length >= enough ? true : undefined));
    stopping = true;
    await Promise.all(clients);
    const { body } = await daemon.ask("GET", "/v1/events");
    const accepted = (body as { events: { event_type: string; job_id: string }[] }).events
      .filter((event) => event.event_type === "job.accepted")
      .map((event) => event.job_id);
    expect(new Set(accepted).size).toBe(accepted.length);
    for (const id of taken) expect(accepted).toContain(id);
    expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
  });
});

describe("a daemon whose database is not there", () => {
  it("does not start, says why and where, and not the password", async () => {
    const other = temporaryRoot();
    const url = new URL(database.url);
    url.port = "1";
    const lost = new DaemonProcess(other, { KEELSON_STORE: url.href });
    await expect(lost.start()).rejects.toThrow("no connection to the database");
    const { stderr } = await lost.kill();
    expect(stderr).not.toContain(password);
    removeRoot(other);
  });
});
