/**
 * The packages as they are published: built, put into an empty folder with nothing beside them but
 * what their manifests name, and used from there.
 */
import { execFile, execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon } from "./daemon-process.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const HOMES = { client: "client", conformance: "conformance", keelson: "." } as const;
const PACKAGES = Object.keys(HOMES) as (keyof typeof HOMES)[];

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly files: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

let folder: string;
const modules = (): string => join(folder, "node_modules");
const manifestIn = (dir: string): Manifest =>
  JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as Manifest;

beforeAll(() => {
  execFileSync(process.execPath, ["tools/build.ts"], {
    cwd: REPOSITORY,
    env: {
      ...process.env,
      PATH: `${join(REPOSITORY, "node_modules/.bin")}:${process.env["PATH"]}`,
    },
  });
  folder = mkdtempSync(join(tmpdir(), "keelson-packages-"));
  for (const name of PACKAGES) install(join(REPOSITORY, "dist", name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As npm does it: what `files` names, the manifest, and the dependencies beside it. */
function install(built: string): void {
  const manifest = manifestIn(built);
  const target = join(modules(), manifest.name);
  for (const file of [...manifest.files, "package.json"]) {
    cpSync(join(built, file), join(target, file), { recursive: true });
  }
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    if (dependency.startsWith("@keelson/")) continue;
    const link = join(modules(), dependency);
    mkdirSync(dirname(link), { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(join(REPOSITORY, "node_modules", dependency), link);
  }
}

function programOf(packageName: string, bin: string): string {
  const home = join(modules(), packageName);
  return join(home, manifestIn(home).bin?.[bin] ?? "");
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** The program believes to run on an older Node. */
const ON_NODE_20 =
  "data:text/javascript,Object.defineProperty(process,'versions'," +
  "{value:{...process.versions,node:'20.1.0'}})";

describe("the packages", () => {
  test.each(PACKAGES)("%s is published as built, never as source", (name) => {
    const files = readdirSync(join(REPOSITORY, "dist", name), {
      recursive: true,
      encoding: "utf8",
    });
    expect(files.filter((file) => /(?<!\.d)\.ts$|\.test\./.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md"]));
    expect(manifestIn(join(REPOSITORY, "dist", name)).private).toBeUndefined();
    expect(manifestIn(join(REPOSITORY, HOMES[name])).private).toBe(true);
  });

  test("hold a daemon, a command line, a client and a kit that work together", async () => {
    const keelson = programOf("keelson", "keelson");
    const conform = programOf("@keelson/conformance", "keelson-conform");
    for (const program of [keelson, conform]) {
      expect(readFileSync(program, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
    const root = join(folder, "root");
    mkdirSync(root);
    const daemon = await startDaemon(root, "127.0.0.1:0", keelson);
    const submitted = await run(keelson, "--root", root, "submit", "openclaw.snapshot", "--wait");
    expect(submitted).toMatchObject({ code: 0, err: expect.any(String) });
    const judged = await run(conform, daemon.url, "--only", "observe/health,submit/anonymous");
    expect(judged.out).toMatch(/pass {2}observe\/health/);
    const own = await run(keelson, "conform", daemon.url, "--only", "observe/health");
    expect(own.out).toMatch(/pass {2}observe\/health/);
    const script = join(folder, "list.mjs");
    writeFileSync(
      script,
      'import { createClient } from "@keelson/client";\n' +
        "const keelson = createClient({ url: process.argv[2] });\n" +
        "for await (const job of keelson.jobs({ status: 'completed' })) console.log(job.job_type);\n",
    );
    expect(await run(script, daemon.url)).toEqual({ code: 0, out: "openclaw.snapshot\n", err: "" });
    expect(await daemon.stop()).toBe(0);
  });

  test.each([
    ["keelson", "keelson", "up"],
    ["@keelson/conformance", "keelson-conform", "http://127.0.0.1:1"],
  ])("%s says so on a Node that is too old", async (name, bin, argument) => {
    const program = programOf(name, bin);
    const { code, out, err } = await run("--import", ON_NODE_20, program, argument);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/Node 20\.1\.0 is too old[^]*24 or later/);
  });
});
