import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "./raw-socket.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** What one end of a connection has seen. */
interface End {
  readonly socket: Socket;
  received: string;
  /** `open`, `end` for an orderly one, or the code of the error. */
  state: string;
}

let served: End[] = [];
let proxy: TcpProxy;
let close: () => void;

beforeEach(async () => {
  served = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => served.push(watched(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await TcpProxy.open((server.address() as AddressInfo).port);
  close = () => void server.close();
});

afterEach(async () => {
  await proxy.close();
  for (const { socket } of served) socket.destroy();
  close();
});

function watched(socket: Socket): End {
  const end: End = { socket, received: "", state: "open" };
  socket.setEncoding("utf8");
  socket.on("data", (piece: string) => (end.received += piece));
  socket.on("end", () => (end.state = "end"));
  socket.on("error", (error: NodeJS.ErrnoException) => (end.state = error.code ?? error.message));
  return end;
}

function client(): End {
  return watched(connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true }));
}

/** A client and the server's end of its connection, which has said a word already. */
async function connected(): Promise<readonly [End, End]> {
  const near = client();
  near.socket.write("hi");
  const before = served.length;
  await eventually(() => served[before]?.received === "hi");
  return [near, served[before] as End];
}

test("bytes go both ways, and one side may end before the other", async () => {
  const [near, far] = await connected();
  near.socket.end("!");
  await eventually(() => far.state === "end");
  far.socket.end("x".repeat(3_000_000));
  await eventually(() => near.state === "end");
  expect(far.received).toBe("hi!");
  expect(near.received).toHaveLength(3_000_000);
  await eventually(() => proxy.connections === 0);
});

test("a cut breaks every connection of the moment and none of the later ones", async () => {
  const ends = [...(await connected()), ...(await connected())];
  proxy.cut();
  await eventually(() => ends.every(({ state }) => state === "ECONNRESET"));
  const [near, far] = await connected();
  expect([near.state, far.state]).toEqual(["open", "open"]);
});

test("a polite cut is an end for both", async () => {
  const ends = await connected();
  proxy.cut("end");
  await eventually(() => ends.every(({ state }) => state === "end"));
});

test("a cut on the way to the server lets exactly the named bytes through, without an answer", async () => {
  const [near, far] = await connected();
  const [other] = await connected();
  const burnt = proxy.cutAfter("to-server", 6);
  near.socket.write("BEGIN");
  await eventually(() => far.received === "hiBEGIN");
  expect(near.state).toBe("open");
  near.socket.write(";COMMIT;");
  await burnt;
  await eventually(() => far.state === "end" && near.state === "ECONNRESET");
  expect(far.received).toBe("hiBEGIN;");
  far.socket.write("done");
  expect(near.received).toBe("");
  expect(other.state).toBe("open");
});

test("a cut on the way to the client leaves it with a part of the answer", async () => {
  const [near, far] = await connected();
  const burnt = proxy.cutAfter("to-client", 3);
  near.socket.write("what is more than three bytes does not count here");
  await eventually(() => far.received.endsWith("here"));
  far.socket.write("answer");
  await burnt;
  await eventually(() => near.state === "end" && far.state === "ECONNRESET");
  expect(near.received).toBe("ans");
});

test("a black hole swallows what is said and accepts who comes, until it is closed", async () => {
  const [near, far] = await connected();
  proxy.blackHole();
  near.socket.write("anybody?");
  const late = client();
  await once(late.socket, "connect");
  late.socket.write("late");
  await eventually(() => served.length === 2);
  expect([far.received, served[1]?.received, near.state]).toEqual(["hi", "", "open"]);
  await proxy.restore();
  await eventually(() => far.received === "hianybody?" && served[1]?.received === "late");
});

test("where it refuses, nothing listens; afterwards it is back on the same port", async () => {
  const ends = await connected();
  await proxy.refuse();
  await eventually(() => ends.every(({ state }) => state === "ECONNRESET"));
  const refused = client();
  await eventually(() => refused.state === "ECONNREFUSED");
  await proxy.restore();
  await connected();
});

test("a delay holds every piece back and loses none", async () => {
  const [near, far] = await connected();
  proxy.delay(30);
  const started = performance.now();
  near.socket.write("slow");
  await eventually(() => far.received === "hislow");
  expect(performance.now() - started).toBeGreaterThanOrEqual(29);
});

test("a target where nobody listens is a broken connection for the client", async () => {
  const nobody = await TcpProxy.open(proxy.port);
  await proxy.refuse();
  const near = watched(connect(nobody.port, "127.0.0.1"));
  await eventually(() => near.state === "ECONNRESET");
  await nobody.close();
});
