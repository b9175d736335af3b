/** A daemon in a process of its own: tells its port and token when it is ready. */
import { readFileSync } from "node:fs";
import { startHost } from "../src/host/host.ts";

const [root = ".", store] = process.argv.slice(2);
const host = await startHost({ root, address: "127.0.0.1:0", store });
process.on("message", () => {
  void host.drain().then(() => process.exit(0));
});
const token = readFileSync(host.tokenFile, "utf8").trim();
process.send?.({ port: Number(new URL(host.url).port), token });
