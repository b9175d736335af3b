/** Three daemons on one database, each a process of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DaemonProcess, eventually, removeRoot, temporaryRoot } from "../support/daemon-process.ts";
import { freshDatabase } from "../support/postgres.ts";

const NODES = 3;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let nodes: DaemonProcess[] = [];
let schemas = 0;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(async () => database.drop());

beforeEach(async () => {
  schemas += 1;
  const store = `${database.url}?schema=cluster_${schemas}`;
  nodes = Array.from({ length: NODES }, () => {
    const root = temporaryRoot();
    return new DaemonProcess(root, { KEELSON_STORE: store, FAULTS_DIR: root });
  });
  await Promise.all(nodes.map((node) => node.start()));
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.kill()));
  for (const node of nodes) removeRoot(node.root);
});

function node(number: number): DaemonProcess {
  const found = nodes[number % NODES];
  if (found === undefined) throw new Error(`there is no node ${number}`);
  return found;
}

interface Claimed {
  readonly job_id: string;
  readonly claim_token: string;
  readonly lease_epoch: number;
}

async function claim(number: number, asked: object): Promise<readonly Claimed[]> {
  const { status, body } = await node(number).ask("POST", "/v1/jobs/claim", asked);
  expect(status).toBe(200);
  return (body as { jobs: Claimed[] }).jobs;
}

describe("nodes on one database", () => {
  it("answer reads with what was just written through another", async () => {
    for (let count = 0; count < 30; count += 1) {
      const job_id = `job-${count}`;
      await node(count).ask("POST", "/v1/jobs", { job_type: "wiki.build", job_id });
      const { status } = await node(count + 1).ask("GET", `/v1/jobs/${job_id}`);
      expect(status).toBe(200);
      const { body } = await node(count + 2).ask("GET", "/v1/events");
      expect((body as { events: unknown[] }).events).toHaveLength(count + 1);
    }
  });

  it("make one job of a key that is sent to all of them at once", async () => {
    const sent = Array.from({ length: 60 }, (_, count) =>
      node(count).ask("POST", "/v1/jobs", {
        job_type: "wiki.build",
        idempotency_key: `key-${Math.floor(count / 12)}`,
      }),
    );
    const ids = (await Promise.all(sent)).map(({ body }) => String(body.job_id));
    expect(new Set(ids).size).toBe(5);
    const { body } = await node(0).ask("GET", "/v1/jobs");
    expect((body as { jobs: unknown[] }).jobs).toHaveLength(5);
  });

  it("stream every event once and in order, whichever node it was appended through", async () => {
    const ended = new AbortController();
    const seen = nodes.map(async (each) => {
      const ids: string[] = [];
      for await (const event of each.stream("/v1/events", ended.signal)) {
        ids.push(String(event.event_id));
        if (ids.length === 90) break;
      }
      return ids;
    });
    await Promise.all(
      Array.from({ length: 90 }, (_, count) =>
        node(count).ask("POST", "/v1/jobs", { job_type: "wiki.build", job_id: `j${count}` }),
      ),
    );
    const [first, ...others] = await Promise.all(seen);
    ended.abort();
    expect(new Set(first).size).toBe(90);
    for (const other of others) expect(other).toEqual(first);
    const numbers = first?.map((id) => Number(id.slice(-6)));
    expect(numbers).toEqual(Array.from({ length: 90 }, (_, index) => index + 1));
  });

  it("wake a claim that waits at one for a job that comes through another", async () => {
    const waiting = claim(0, { types: ["rpi.run"], wait_ms: 20_000 });
    await eventually(async () => {
      // The waiting claim is what makes the type served, here and, a moment later, elsewhere.
      const { body } = await node(1).ask("GET", "/v1/ready");
      return body.ready === true ? true : undefined;
    });
    await node(1).ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: "woken" });
    expect((await waiting).map((job) => job.job_id)).toEqual(["woken"]);
  });

  it("go on with the work of a node that was killed, once its lease has lapsed", async () => {
    await node(0).ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: "inherited" });
    const [held] = await claim(0, { types: ["rpi.run"], wait_ms: 0, lease_ms: 1_000 });
    await node(0).kill();
    const [taken] = await claim(1, { types: ["rpi.run"], wait_ms: 20_000 });
    expect(taken).toMatchObject({ job_id: "inherited", lease_epoch: 2 });
    const stale = { claim_token: held?.claim_token, lease_epoch: held?.lease_epoch };
    const late = await node(2).ask("POST", "/v1/jobs/inherited/complete", stale);
    expect([late.status, late.body.code]).toEqual([409, "claim_mismatch"]);
    const fresh = { claim_token: taken?.claim_token, lease_epoch: taken?.lease_epoch };
    const done = await node(2).ask("POST", "/v1/jobs/inherited/complete", fresh);
    expect(done.status).toBe(200);
    expect((await node(1).ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
  });

  it("agree on when a lease lapses although their clocks are two minutes apart", async () => {
    writeFileSync(join(node(0).root, "clock"), "-60000");
    writeFileSync(join(node(1).root, "clock"), "60000");
    await node(0).ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: "timed" });
    const [held] = await claim(0, { types: ["rpi.run"], wait_ms: 0, lease_ms: 20_000 });
    const fence = { claim_token: held?.claim_token, lease_epoch: held?.lease_epoch };
    for (const number of [1, 2, 0]) {
      const beat = await node(number).ask("POST", "/v1/jobs/timed/heartbeat", fence);
      expect([number, beat.status]).toEqual([number, 200]);
      const { body } = await node(number).ask("GET", "/v1/jobs/timed");
      expect((body as { status: string }).status).toBe("running");
    }
  });

  it("share the work: every job is done once, and nobody is left out", async () => {
    const jobs = Array.from({ length: 120 }, (_, count) => ({
      job_type: "rpi.run",
      job_id: `w${count}`,
    }));
    const doneBy = [0, 0, 0];
    const worker = async (number: number): Promise<void> => {
      for (;;) {
        const [job] = await claim(number, { types: ["rpi.run"], max: 1, wait_ms: 1_500 });
        if (job === undefined) return;
        const { job_id: id, claim_token, lease_epoch } = job;
        const { status } = await node(number + 1).ask("POST", `/v1/jobs/${id}/complete`, {
          claim_token,
          lease_epoch,
        });
        expect(status).toBe(200);
        doneBy[number] = (doneBy[number] ?? 0) + 1;
      }
    };
    const workers = [0, 1, 2].map(worker);
    for (const [count, job] of jobs.entries()) await node(count).ask("POST", "/v1/jobs", job);
    await Promise.all(workers);
    expect(doneBy.reduce((sum, count) => sum + count, 0)).toBe(jobs.length);
    for (const count of doneBy) expect(count).toBeGreaterThan(10);
  });

  it("know of workers that ask at another, and forget them when it goes in peace", async () => {
    await node(0).ask("POST", "/v1/jobs", { job_type: "dream.run", job_id: "a" });
    const queued = async (number: number): Promise<unknown> =>
      (await node(number).ask("GET", "/v1/ready")).body.queued_without_worker;
    expect(await queued(1)).toEqual({ "dream.run": 1 });
    await claim(0, { types: ["dream.run"], wait_ms: 0 });
    await node(0).ask("POST", "/v1/jobs", { job_type: "dream.run", job_id: "b" });
    await eventually(async () => (JSON.stringify(await queued(1)) === "{}" ? true : undefined));
    node(0).signal("SIGTERM");
    await node(0).ended;
    await eventually(async () => (JSON.stringify(await queued(1)) === "{}" ? undefined : true));
  });
});
