/** keelson-conform as a process: exit codes, reports in files, real daemons and a real SIGKILL. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../src/conformance.ts";
import type { Flaw } from "./reference/flaws.ts";
import { startReference } from "./reference/server.ts";

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const MAIN = fileURLToPath(new URL("reference/main.ts", import.meta.url));

function start(...flaws: readonly Flaw[]): readonly string[] {
  const command = `${process.execPath} ${MAIN} {root} {port} {token_file} ${flaws.join(" ")}`;
  return ["--start", command.trim()];
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function conform(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { encoding: "utf8" }, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, out, err });
    });
  });
}

describe("keelson-conform", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "conform-cli-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("exits with 0 for a level that is conformant, and leaves nothing behind", async () => {
    const root = join(folder, "roots");
    const { code, out, err } = await conform(...start(), "--level", "4", "--root", root);
    expect(out).toMatch(/Level 4 Project {2}conformant/);
    expect(out).not.toContain("\u001b");
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(await readdir(root)).toEqual([]);
  });

  it("exits with 1 for a daemon that loses what it acknowledged at a real SIGKILL", async () => {
    const only = ["--only", "durable/kill-after-answer,durable/cancel,prepared-leases/outcome"];
    const { code, out } = await conform(...start("writes-when-stopped"), ...only);
    const failed = out.match(/^FAIL {2}(?:enqueue|execute):\S+/gm);
    expect(failed).toEqual([
      "FAIL  enqueue:durable:survives-kill",
      "FAIL  execute:cancel:survives-kill",
      "FAIL  execute:durable:outcome-survives-kill",
    ]);
    expect(code).toBe(1);
  });

  it("passes the same scenarios with a daemon that keeps its word, and is still partial", async () => {
    const only = ["--only", "durable/kill-after-answer,durable/cancel,prepared-leases/outcome"];
    const { code, out } = await conform(...start(), ...only);
    expect(out).not.toContain("FAIL");
    expect(out).toContain("not attempted: no scenario of this run is about it");
    expect(code).toBe(1);
  });

  it("writes each report to its file, and the token to none", async () => {
    const root = await mkdtemp(join(folder, "url-"));
    const token = "a-token-for-this-test-alone";
    const server = await startReference({ root, token, port: 0, flaws: new Set() });
    await writeFile(join(root, "token"), `${JSON.stringify({ tokens: [{ token }] })}\n`);
    const files = { json: "r.json", junit: "r.xml", html: "r.html" } as const;
    const asked = Object.entries(files).flatMap(([form, name]) => [`--${form}`, join(root, name)]);
    const access = ["--token-file", join(root, "token"), "--only", "submit"];
    const { out } = await conform(server.url, ...access, ...asked);
    await server.close(true);
    const read = (name: string): Promise<string> => readFile(join(root, name), "utf8");
    const report = JSON.parse(await read(files.json)) as Report;
    expect(report.scenarios.map(({ outcome }) => outcome)).toEqual(Array(7).fill("passed"));
    expect(await read(files.junit)).toContain("<testsuites");
    expect(await read(files.html)).toContain("<!doctype html>");
    for (const text of [out, ...(await Promise.all(Object.values(files).map(read)))]) {
      expect(text).not.toContain(token);
    }
  });

  it("writes nothing but JSON to standard output with --json -", async () => {
    const { out } = await conform(...start(), "--only", "observe/health", "--json", "-");
    expect(JSON.parse(out)).toMatchObject({ kit: { contract: "jobspec.v0" } });
  });

  it.for([
    [["--help"], 0, /Exit codes:[\s\S]*Examples:/],
    [[], 2, /give a URL, or a command with --start/],
    [["ftp://127.0.0.1"], 2, /not an http URL/],
    [["http://127.0.0.1:1"], 2, /does not answer/],
    [["http://127.0.0.1:1", "http://127.0.0.1:2"], 2, /one URL, not 2/],
    [["http://127.0.0.1:1", "--level", "5"], 2, /no such level: 5/],
    [["http://127.0.0.1:1", "--only", "dance"], 2, /no scenario is called dance/],
    [["http://127.0.0.1:1", "--answer-ms", "soon"], 2, /not a number of milliseconds/],
    [["http://127.0.0.1:1", "--token-file", "/nowhere/token"], 2, /cannot read the token file/],
    [["--loud"], 2, /--loud/],
    [["--start", "echo no port left >&2; exit 3"], 2, /exit code 3: no port left/],
  ] as const)("%j exits with %d", async ([args, code, text]) => {
    const ended = await conform(...args);
    expect(`${ended.out}${ended.err}`).toMatch(text);
    expect(ended.code).toBe(code);
    expect(ended.err).not.toContain("    at ");
  });
});
