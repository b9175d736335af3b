import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { buildConnector } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { certificateFor } from "../../test/support/certificate.ts";
import { systemClock } from "../lib/clock.ts";
import { createEgress, type Egress } from "./client.ts";
import { createPolicy } from "./policy.ts";

const { key, cert } = certificateFor("hooks.test");
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function secureServer(): Promise<{ port: number; names: unknown[] }> {
  const names: unknown[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    names.push("servername" in request.socket ? request.socket.servername : undefined);
    response.end("safe");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { port: (server.address() as AddressInfo).port, names };
}

/** Everything resolves to the machine itself; `trusted` is believed beside the public authorities. */
function egress(trusted?: string): Egress {
  const made = createEgress({
    policy: createPolicy({ allow: ["127.0.0.1"] }),
    clock: systemClock,
    resolve: async () => ["127.0.0.1"],
    ...(trusted === undefined ? {} : { connect: buildConnector({ ca: trusted }) }),
  });
  open.push(made);
  return made;
}

describe("a connection to a checked address", () => {
  it("asks for the name and is held against it, although only the address was connected to", async () => {
    const { port, names } = await secureServer();
    const answer = await egress(cert).send({ url: `https://hooks.test:${port}/`, method: "GET" });
    expect(Buffer.from(answer.body).toString()).toBe("safe");
    expect(names).toEqual(["hooks.test"]);
  });

  it.each([
    ["for another name", "https://other.test", cert, "ERR_TLS_CERT_ALTNAME_INVALID"],
    [
      "for a name instead of this address",
      "https://127.0.0.1",
      cert,
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    ["that nobody vouches for", "https://hooks.test", undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ])("is given up with a certificate %s", async (_, origin, trusted, code) => {
    const { port, names } = await secureServer();
    const sent = egress(trusted).send({ url: `${origin}:${port}/`, method: "GET" });
    const fault: unknown = await sent.catch((error: unknown) => error);
    expect(fault).toMatchObject({ code: "egress_failed", outcome: "not-done" });
    expect(String(fault)).toContain(code);
    expect(names).toEqual([]);
  });
});
