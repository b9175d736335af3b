import { describe, expect, it, onTestFinished } from "vitest";
import { eventually, rawPeer } from "../support/raw-socket.ts";
import {
  AUTH,
  openConnections,
  overlay,
  SECRET,
  type WireDaemon,
  type WireOptions,
  wireDaemon,
} from "../support/wire-daemon.ts";

/** A daemon whose whole status is larger than what socket buffers hold, and its open snapshots. */
async function bigDaemon(
  http: NonNullable<WireOptions["http"]>,
): Promise<{ daemon: WireDaemon; open: () => number }> {
  let open = 0;
  const daemon = await wireDaemon({
    http,
    wrap: (engine) =>
      overlay(engine, {
        async snapshot() {
          const snapshot = await engine.snapshot();
          open += 1;
          const close = (): Promise<void> => {
            open -= 1;
            return snapshot.close();
          };
          return { ...snapshot, close };
        },
      }),
  });
  onTestFinished(() => daemon.close());
  const jobs = Array.from({ length: 50 }, () => ({
    job_type: "rpi.run",
    payload: { text: "x".repeat(20_000) },
  }));
  for (let i = 0; i < 20; i += 1) await daemon.post("/v1/jobs:batch", { jobs });
  return { daemon, open: () => open };
}

const STATUS = "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

describe("a reader that does not take a whole-queue answer", () => {
  it("is closed after a while, so that it cannot pin the store's past", async () => {
    const { daemon, open } = await bigDaemon({ stallMsMax: 100 });
    const peer = await rawPeer(await daemon.listen());
    peer.socket.pause();
    peer.send(STATUS);
    await eventually(() => open() === 1);
    await eventually(() => open() === 0);
    await eventually(() => openConnections(daemon) === 0);
  });

  it("lets only so many others hold a view, and the next are told to come back", async () => {
    const { daemon, open } = await bigDaemon({ snapshotsMax: 1 });
    const peer = await rawPeer(await daemon.listen());
    peer.socket.pause();
    peer.send(STATUS);
    await eventually(() => open() === 1);
    for (const path of ["/v1/status", "/openclaw/v1/jobs"]) {
      const refused = await daemon.ask(path);
      expect(refused.status).toBe(503);
      expect(refused.body.code).toBe("overloaded");
      expect(refused.headers["retry-after"]).toBe("1");
    }
    peer.end();
    await eventually(() => open() === 0);
    expect((await daemon.ask("/v1/status")).status).toBe(200);
  });
});

describe("closing", () => {
  it("does not wait for a peer that never finishes its request", async () => {
    const daemon = await wireDaemon({ http: { closeMsMax: 50 } });
    const base = await daemon.listen();
    const silent = await rawPeer(base);
    const stalled = await rawPeer(base);
    stalled.send(
      `POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-AgentOps-Daemon-Token: ${SECRET}\r\n` +
        "Content-Length: 10\r\n\r\n{",
    );
    await eventually(() => openConnections(daemon) === 2);
    await daemon.close();
    await Promise.all([silent.closed(), stalled.closed()]);
  });
});

describe("a worker that goes away in the middle of an artifact", () => {
  it("leaves nothing behind and raises no alarm", async () => {
    const alarms: unknown[] = [];
    const puts: Promise<unknown>[] = [];
    const daemon = await wireDaemon({
      onUnexpected: (thrown) => alarms.push(thrown),
      wrap: (engine) =>
        overlay(engine, {
          putBlob(body, bytesMax) {
            const put = engine.putBlob(body, bytesMax);
            puts.push(put.catch((thrown: unknown) => thrown));
            return put;
          },
        }),
    });
    onTestFinished(() => daemon.close());
    await daemon.post("/v1/jobs", { job_type: "rpi.run", job_id: "j" });
    const { body } = await daemon.post("/v1/jobs/claim", { types: ["rpi.run"] });
    const [{ claim_token }] = body.jobs;
    const peer = await rawPeer(await daemon.listen());
    peer.send(
      "PUT /v1/jobs/j/artifacts/log HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
        `X-AgentOps-Daemon-Token: ${AUTH["x-agentops-daemon-token"]}\r\n` +
        `Keelson-Claim-Token: ${claim_token}\r\nKeelson-Lease-Epoch: 1\r\n` +
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    );
    await eventually(() => puts.length === 1);
    peer.end();
    expect(await puts[0]).toBeInstanceOf(Error);
    await eventually(() => openConnections(daemon) === 0);
    expect(alarms).toEqual([]);
  });
});
