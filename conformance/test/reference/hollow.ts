/** Daemons that do nothing at all, each in its own way. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Launcher, Running } from "../../src/conformance.ts";

function always(status: number, type: string, body: string): RequestListener {
  return (request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": type });
    response.end(body);
  };
}

/** Well, and nothing else. */
function onlyHealth(others: RequestListener): RequestListener {
  return (request, response) => {
    if (!/^(?:\/v1)?\/health$/.test(request.url ?? "")) {
      others(request, response);
      return;
    }
    const body = { status: "ok", daemon: "agentopsd", read_only: true, now: new Date() };
    always(200, "application/json", JSON.stringify(body))(request, response);
  };
}

export const HOLLOW = {
  "says {} to everything": always(200, "application/json", "{}"),
  "accepts everything with {}": onlyHealth(always(202, "application/json", "{}")),
  "finds nothing": onlyHealth(always(404, "application/json", '{"error":"not found"}')),
  "refuses everything": onlyHealth(always(403, "application/json", '{"error":"no"}')),
  "fails at everything": onlyHealth(always(500, "application/json", '{"error":"no"}')),
  "is a web page": always(200, "text/html", "<!doctype html><title>hello</title>"),
  "closes connections": onlyHealth((request) => request.socket.destroy()),
  "sends half an answer": onlyHealth((_request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("half");
    response.socket?.end();
  }),
  "never answers": onlyHealth(() => undefined),
  "answers a byte at a time": onlyHealth((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const drip = setInterval(() => response.write(" "), 5);
    response.on("close", () => clearInterval(drip));
  }),
} satisfies Readonly<Record<string, RequestListener>>;

export async function startHollow(listener: RequestListener): Promise<Running> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: () => "token-of-a-hollow-daemon",
    ended: () => undefined,
    stop: close,
    kill: close,
  };
}

export function hollowLauncher(listener: RequestListener): Launcher {
  return () => startHollow(listener);
}
