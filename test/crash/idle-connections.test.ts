/** Ten thousand peers that connect and say nothing, and one that asks. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connectionsMax, HTTP_LIMITS } from "../../src/http/limits.ts";
import { DaemonProcess, eventually, removeRoot, temporaryRoot } from "../support/daemon-process.ts";

const PEERS = 10_000;
const AT_ONCE = 500;

let root = "";
beforeEach(() => {
  root = temporaryRoot();
});
afterEach(() => removeRoot(root));

async function idle(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

// Both sides need a descriptor for each connection; the child inherits our limit.
it.skipIf(HTTP_LIMITS.connectionsMax < connectionsMax(PEERS + 512))(
  "ten thousand idle connections keep nobody from submitting, and are closed in time",
  async () => {
    const daemon = new DaemonProcess(root);
    const peers: Socket[] = [];
    try {
      const { url } = await daemon.start();
      const port = Number(new URL(url).port);
      while (peers.length < PEERS) {
        peers.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => idle(port)))));
      }
      expect(peers.filter(({ destroyed }) => destroyed)).toEqual([]);
      const submitted = await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run" });
      expect(submitted.status).toBe(202);
      // Whoever says nothing is not waited for for ever.
      for (const peer of peers) peer.resume();
      await eventually(async () => peers.every(({ destroyed }) => destroyed) || undefined);
      expect((await daemon.ask("GET", "/v1/ready")).body).toMatchObject({ ready: true });
    } finally {
      for (const peer of peers) peer.destroy();
      await daemon.kill();
    }
  },
);
