import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createSocketServer } from "node:net";
import { buildConnector } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { systemClock } from "../lib/clock.ts";
import { createEgress, type Egress, type EgressOptions } from "./client.ts";
import { createPolicy } from "./policy.ts";

/** Whatever name a test uses, the machine itself answers. */
const LOOPBACK = "127.0.0.1";
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function server(handler: Handler): Promise<number> {
  const listening: Server = createServer(handler);
  listening.listen(0, LOOPBACK);
  await once(listening, "listening");
  open.push({
    close: () => {
      listening.closeAllConnections();
      listening.close();
    },
  });
  return (listening.address() as AddressInfo).port;
}

function egress(options: Partial<EgressOptions> = {}): Egress {
  const made = createEgress({
    policy: createPolicy({ allow: ["127.0.0.0/8"], plainHttp: true }),
    clock: systemClock,
    resolve: async () => [LOOPBACK],
    ...options,
  });
  open.push(made);
  return made;
}

async function faultOf(sent: Promise<unknown>): Promise<unknown> {
  return sent.then(
    () => expect.fail("an answer came"),
    (error: unknown) => error,
  );
}

const echo: Handler = (request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces).toString();
    const { method, url, headers } = request;
    response.setHeader("x-two", ["a", "b"]).end(JSON.stringify({ method, url, headers, body }));
  });
};

describe("a request", () => {
  it("arrives as it was given, and the answer comes back whole", async () => {
    const port = await server(echo);
    const answer = await egress().send({
      url: `http://hooks.test:${port}/a?b=c`,
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"a":1}',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers["x-two"]).toBe("a, b");
    expect(JSON.parse(Buffer.from(answer.body).toString())).toMatchObject({
      method: "POST",
      url: "/a?b=c",
      body: '{"a":1}',
      headers: { host: `hooks.test:${port}`, "content-type": "application/json" },
    });
  });

  it("takes any status for an answer", async () => {
    const port = await server((_, response) => response.writeHead(503).end());
    const answer = await egress().send({ url: `http://a.test:${port}/`, method: "GET" });
    expect(answer.status).toBe(503);
  });

  it("can be read piece by piece, and left in the middle", async () => {
    const port = await server((_, response) => {
      response.write("one");
      setTimeout(() => response.write("two"), 20).unref();
    });
    const stream = await egress().open({ url: `http://a.test:${port}/`, method: "GET" });
    const pieces: string[] = [];
    for await (const piece of stream.body) {
      pieces.push(Buffer.from(piece).toString());
      if (pieces.join("") === "onetwo") break;
    }
    expect(pieces.join("")).toBe("onetwo");
    const other = await egress().open({ url: `http://a.test:${port}/`, method: "GET" });
    other.cancel();
  });
});

describe("a body that nobody reads", () => {
  it("may be given up, or break, without harm to anybody else", async () => {
    const port = await server((request, response) => {
      if (request.url === "/whole") return void response.end("whole");
      response.write("some");
      if (request.url === "/break") setImmediate(() => response.destroy());
    });
    const guarded = egress();
    const url = `http://a.test:${port}`;
    (await guarded.open({ url: `${url}/`, method: "GET" })).cancel();
    const broken = await guarded.open({ url: `${url}/break`, method: "GET" });
    for (let i = 0; i < 3; i += 1) {
      expect((await guarded.send({ url: `${url}/whole`, method: "GET" })).body).toHaveLength(5);
    }
    const read = async (): Promise<void> => {
      for await (const _ of broken.body);
    };
    expect(await faultOf(read())).toMatchObject({ code: "egress_failed" });
  });
});

describe("a name", () => {
  const strict = { policy: createPolicy({ plainHttp: true }) };

  it.each([
    [["10.0.0.1"]],
    [["169.254.169.254"]],
    [["::1"]],
    [["93.184.216.34", "192.168.0.1"]],
    [["::ffff:127.0.0.1"]],
  ])("that resolves to %j is refused before anything connects", async (addresses) => {
    let connected = 0;
    const guarded = egress({
      ...strict,
      resolve: async () => addresses,
      connect: (_, done) => {
        connected += 1;
        done(new Error("never"), null);
      },
    });
    const fault = await faultOf(guarded.send({ url: "http://rebind.test/", method: "GET" }));
    expect(fault).toMatchObject({ code: "egress_refused", outcome: "not-done" });
    expect(fault).toMatchObject({ details: { reason: "address" } });
    expect(String(fault)).toContain("rebind.test resolves to");
    expect(connected).toBe(0);
    expect(await guarded.check("http://rebind.test/")).toMatchObject({ code: "egress_refused" });
  });

  it("is looked up once for each connection, and only what was checked is connected to", async () => {
    const answers = [["93.184.216.34"], [LOOPBACK]];
    const connections: [string, string | undefined][] = [];
    const port = await server((_, response) => response.setHeader("connection", "close").end());
    const toLoopback = buildConnector({});
    const guarded = egress({
      ...strict,
      resolve: async () => answers.shift() ?? [],
      connect: (target, done) => {
        connections.push([target.hostname, target.servername]);
        toLoopback({ ...target, hostname: LOOPBACK, protocol: "http:" }, done);
      },
    });
    const url = `https://rebind.test:${port}/`;
    await guarded.send({ url, method: "GET" });
    // The name server has changed its mind since: the next connection is refused.
    expect(await faultOf(guarded.send({ url, method: "GET" }))).toMatchObject({
      code: "egress_refused",
    });
    expect(connections).toEqual([["93.184.216.34", "rebind.test"]]);
  });

  it("with several addresses is tried at the next when one does not answer", async () => {
    const port = await server(echo);
    const guarded = egress({ resolve: async () => ["127.0.0.2", LOOPBACK] });
    expect((await guarded.send({ url: `http://a.test:${port}/`, method: "GET" })).status).toBe(200);
  });

  it("that does not exist is a fault of its own, and no reason against registering it", async () => {
    const guarded = egress({
      resolve: async () => {
        throw Object.assign(new Error("queryA ENOTFOUND"), { code: "ENOTFOUND" });
      },
    });
    const fault = await faultOf(guarded.send({ url: "http://nowhere.test/", method: "GET" }));
    expect(fault).toMatchObject({ code: "egress_failed", outcome: "not-done" });
    expect(String(fault)).toContain("nowhere.test could not be connected to: ENOTFOUND");
    expect(await guarded.check("http://nowhere.test/")).toBeUndefined();
    expect(await guarded.check("ftp://nowhere.test/")).toMatchObject({ code: "egress_refused" });
  });
});

describe("a redirect", () => {
  const to = (location: string, status = 302): Handler => {
    return (request, response) => {
      if (request.url !== "/start") return echo(request, response);
      response.writeHead(status, { location }).end("gone");
      return undefined;
    };
  };

  it("is the answer where none is followed", async () => {
    const port = await server(to("/next"));
    const answer = await egress().send({ url: `http://a.test:${port}/start`, method: "POST" });
    expect(answer).toMatchObject({ status: 302, headers: { location: "/next" } });
  });

  it.each([
    [302, "GET", ""],
    [303, "GET", ""],
    [307, "POST", "body"],
    [308, "POST", "body"],
  ])("with %d makes a %s of a POST", async (status, method, body) => {
    const port = await server(to("/next", status));
    const answer = await egress().send({
      url: `http://a.test:${port}/start`,
      method: "POST",
      body: "body",
      redirectsMax: 1,
    });
    expect(JSON.parse(Buffer.from(answer.body).toString())).toMatchObject({ method, body });
  });

  it.each([
    ["to a private address", "http://10.0.0.1/"],
    ["to metadata", "http://169.254.169.254/latest"],
    ["to another scheme", "file:///etc/passwd"],
    ["to a port of another protocol", "http://a.test:25/"],
    ["to no URL", "http://["],
  ])("%s is refused", async (_, location) => {
    const port = await server(to(location));
    const url = `http://a.test:${port}/start`;
    const fault = await faultOf(egress().send({ url, method: "GET", redirectsMax: 3 }));
    expect(fault).toMatchObject({ code: "egress_refused" });
  });

  it("to a name that resolves inside is refused, although the first name was fine", async () => {
    const port = await server(to("http://inside.test/"));
    const resolve = async (name: string) => [name === "inside.test" ? "10.0.0.1" : LOOPBACK];
    const url = `http://a.test:${port}/start`;
    const fault = await faultOf(egress({ resolve }).send({ url, method: "GET", redirectsMax: 3 }));
    expect(fault).toMatchObject({ code: "egress_refused", details: { reason: "address" } });
  });

  it("in a circle ends", async () => {
    let requests = 0;
    const port = await server((_, response) => {
      requests += 1;
      response.writeHead(307, { location: "/again" }).end();
    });
    const url = `http://a.test:${port}/`;
    const fault = await faultOf(egress().send({ url, method: "GET", redirectsMax: 3 }));
    expect(fault).toMatchObject({ code: "egress_refused", details: { reason: "redirect" } });
    expect(requests).toBe(4);
  });
});

describe("a credential", () => {
  const seen: (string | undefined)[] = [];
  const record: Handler = (request, response) => {
    seen.push(request.headers.authorization);
    const location = request.url === "/stay" ? "/end" : `http://other.test:${port}/end`;
    if (request.url === "/end") response.end();
    else response.writeHead(307, { location }).end();
  };
  let port = 0;

  it("goes to its audience and not along with a redirect that leaves it", async () => {
    port = await server(record);
    const origin = `http://a.test:${port}`;
    const credential = { audience: origin, headers: { Authorization: "Bearer canary" } };
    const request = { method: "GET", credential, redirectsMax: 2 } as const;
    await egress().send({ ...request, url: `${origin}/stay` });
    await egress().send({ ...request, url: `${origin}/leave` });
    const bearer = "Bearer canary";
    expect(seen).toEqual([bearer, bearer, bearer, undefined]);
  });

  it("is refused for a first request elsewhere, without being named", async () => {
    const credential = { audience: "http://b.test", headers: { authorization: "canary" } };
    const sent = egress().send({ url: "http://a.test/", method: "GET", credential });
    const fault = await faultOf(sent);
    expect(fault).toMatchObject({ code: "egress_refused", details: { reason: "credential" } });
    expect(JSON.stringify([String(fault), fault])).not.toContain("canary");
  });
});

describe("limits", () => {
  it("end a connection that nobody accepts", async () => {
    const clock = new VirtualClock(0);
    const guarded = egress({ clock, connectMs: 300, connect: () => clock.advance(300) });
    const fault = await faultOf(guarded.send({ url: "http://a.test/", method: "GET" }));
    expect(fault).toMatchObject({ code: "egress_timed_out", outcome: "not-done" });
  });

  it("end a look-up that never answers", async () => {
    const clock = new VirtualClock(0);
    const resolve = (): Promise<never> => {
      queueMicrotask(() => clock.advance(300));
      return new Promise(() => {});
    };
    const guarded = egress({ clock, connectMs: 300, resolve });
    const fault = await faultOf(guarded.send({ url: "http://a.test/", method: "GET" }));
    expect(fault).toMatchObject({ code: "egress_timed_out" });
  });

  it("end a wait for the first byte", async () => {
    const clock = new VirtualClock(0);
    const port = await server(() => clock.advance(50));
    const limits = { firstByteMs: 50, totalMs: 1_000 };
    const url = `http://a.test:${port}/secret-path`;
    const fault = await faultOf(egress({ clock }).send({ url, method: "POST", limits }));
    expect(fault).toMatchObject({ code: "egress_timed_out", outcome: "unknown" });
    expect(String(fault)).toContain("no answer in 50 ms");
    expect(String(fault)).not.toContain("secret-path");
    expect(clock.pending).toBe(0);
  });

  it("end an answer that trickles for ever", async () => {
    const clock = new VirtualClock(0);
    const port = await server((_, response) => {
      response.write("a");
    });
    const limits = { firstByteMs: 50, totalMs: 200 };
    const url = `http://a.test:${port}/`;
    const stream = await egress({ clock }).open({ url, method: "GET", limits });
    const read = async (): Promise<void> => {
      for await (const _ of stream.body) clock.advance(200);
    };
    expect(await faultOf(read())).toMatchObject({ code: "egress_timed_out", outcome: "unknown" });
  });

  it.each([
    ["announces", { "content-length": "1000" }],
    ["does not announce", {}],
  ])("end an answer that is too large and %s it", async (_, headers) => {
    const port = await server((__, response) => {
      response.writeHead(200, headers).end("x".repeat(1_000));
    });
    const url = `http://a.test:${port}/`;
    const limits = { answerBytesMax: 999 };
    const fault = await faultOf(egress().send({ url, method: "GET", limits }));
    expect(fault).toMatchObject({ code: "egress_too_large" });
    const fits = await egress().send({ url, method: "GET", limits: { answerBytesMax: 1_000 } });
    expect(fits.body).toHaveLength(1_000);
  });

  it("let the caller end a request, before and while it runs", async () => {
    const port = await server(() => later.abort(new Error("enough")));
    const later = new AbortController();
    const url = `http://a.test:${port}/`;
    const sent = egress().send({ url, method: "GET", signal: later.signal });
    expect(await faultOf(sent)).toMatchObject({ message: "enough" });
    const signal = AbortSignal.abort(new Error("never begun"));
    expect(await faultOf(egress().send({ url, method: "GET", signal }))).toMatchObject({
      message: "never begun",
    });
  });
});

describe("a broken peer", () => {
  it.each([
    ["hangs up", ""],
    ["speaks something else", "SSH-2.0-canary\r\n"],
    ["sends a head without end", `HTTP/1.1 200 OK\r\nx: ${"canary".repeat(10_000)}`],
    ["breaks off in its body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\ncanary"],
  ])("that %s is a fault that repeats nothing of it", async (_, bytes) => {
    const rude = createSocketServer((socket) => {
      socket.on("error", () => undefined).once("data", () => socket.end(bytes));
    });
    rude.listen(0, LOOPBACK);
    await once(rude, "listening");
    open.push(rude);
    const { port } = rude.address() as AddressInfo;
    const fault = await faultOf(egress().send({ url: `http://a.test:${port}/`, method: "GET" }));
    expect(fault).toMatchObject({ code: "egress_failed", outcome: "unknown" });
    expect(JSON.stringify([String(fault), fault])).not.toContain("canary");
    expect(fault).not.toHaveProperty("cause");
  });
});
