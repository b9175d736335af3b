import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnCli, temporaryRoot } from "./daemon-process.ts";

const { root, remove } = temporaryRoot();
let daemon: ReturnType<typeof spawnCli>;
let ready: { readonly url: string; readonly token_file: string };

beforeAll(async () => {
  const args = ["up", "--json", "--root", root, "--addr", "0.0.0.0:0"];
  daemon = spawnCli(args, { KEELSON_EXPOSE: "keelson.example" });
  ready = JSON.parse(await daemon.line(/"ready":true/)) as typeof ready;
});
afterAll(async () => {
  daemon.child.kill("SIGTERM");
  await daemon.ended;
  remove();
});

describe("a daemon on every interface", () => {
  it("is told to this machine by a loopback address", () => {
    expect(ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const file = readFileSync(join(root, ".agents/daemon/activation.json"), "utf8");
    expect(JSON.parse(file)).toMatchObject({ url: ready.url });
  });

  it("warns that nothing is encrypted, and that its only token counts here alone", () => {
    expect(daemon.err()).toContain("let only a proxy with TLS reach this port");
    expect(daemon.err()).toContain("no token of the file counts for peers elsewhere");
  });

  it("answers the verbs of its own root, which send its token with reads", async () => {
    for (const verb of ["jobs", "ready", "status", "doctor"]) {
      const run = spawnCli([verb, "--root", root]);
      expect([verb, await run.ended, run.err()]).toEqual([verb, 0, ""]);
    }
  });

  it("refuses those without a token", async () => {
    const token = { KEELSON_TOKEN: "wrong" };
    const run = spawnCli(["jobs", "--url", ready.url], token);
    expect(await run.ended).toBe(4);
  });
});

it("does not start on such an address without names, and says how", async () => {
  const other = temporaryRoot();
  const run = spawnCli(["up", "--root", other.root, "--addr", "0.0.0.0:0"]);
  expect(await run.ended).toBe(2);
  expect(run.err()).toContain("--expose");
  other.remove();
});

it("does not start with a name that is none", async () => {
  const other = temporaryRoot();
  const run = spawnCli(["up", "--root", other.root, "--expose", "*"]);
  expect(await run.ended).toBe(2);
  expect(run.err()).toContain('expose "*"');
  other.remove();
});
