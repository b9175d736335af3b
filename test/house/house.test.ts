/**
 * The house rules, checked on the source itself. Every rule first proves on a planted fault that it
 * can complain, and that it saw as many files as there must be.
 */
import { describe, expect, it } from "vitest";
import {
  cycles,
  FUNCTION_LINES_MAX,
  impurities,
  LINES_MAX,
  roomComplaints,
  sizeComplaints,
  waysOut,
  wordComplaints,
} from "./rules.ts";
import { parseSource, type SourceFile, sourceFiles } from "./source.ts";

/** Fewer files than these mean that the rules looked in the wrong place. */
const SOURCE_FILES_MIN = 100;
const KERNEL_FILES_MIN = 6;
const ALL_FILES_MIN = 160;

const source = sourceFiles("src", "client/src", "conformance/src");
const all = sourceFiles(
  "src",
  "client",
  "conformance",
  "test",
  "tools",
  "bench",
  "examples",
).filter(
  // The rules themselves name what they forbid.
  ({ path }) => !path.startsWith("test/house/"),
);

function planted(path: string, text: string): readonly SourceFile[] {
  return [parseSource(path, text)];
}

describe("the rules saw the source", () => {
  it("finds the files of every room", () => {
    expect(source.length).toBeGreaterThanOrEqual(SOURCE_FILES_MIN);
    expect(all.length).toBeGreaterThanOrEqual(ALL_FILES_MIN);
    const kernel = source.filter(({ path }) => path.startsWith("src/kernel/"));
    expect(kernel.length).toBeGreaterThanOrEqual(KERNEL_FILES_MIN);
  });

  it("understands the imports between them", () => {
    const internal = source.flatMap(({ imports }) => imports.filter(({ target }) => target));
    expect(internal.length).toBeGreaterThan(source.length);
    const known = new Set(sourceFiles("src", "client", "conformance").map(({ path }) => path));
    const missing = internal.filter(
      ({ target }) => target?.startsWith("src/") === true && !known.has(target),
    );
    expect(missing).toEqual([]);
  });
});

describe("rooms", () => {
  it.each([
    ["src/kernel/job/x.ts", 'import { open } from "../../storage/embedded/log.ts";'],
    ["src/jobspec/x.ts", 'import type { Store } from "../storage/store.ts";'],
    ["src/storage/memory/x.ts", 'import { Log } from "../embedded/log.ts";'],
    ["src/engine/x.ts", 'import fastify from "fastify";'],
    ["src/kernel/x.ts", 'import { readFileSync } from "node:fs";'],
    ["conformance/src/x.ts", 'import { fold } from "../../src/kernel/job/state.ts";'],
    ["src/helpers/x.ts", "export const x = 1;"],
  ])("complains about %s when it says %s", (path, text) => {
    expect(roomComplaints(planted(path, text))).toHaveLength(1);
  });

  it("import only what their place in the house allows", () => {
    expect(roomComplaints(source)).toEqual([]);
  });

  it("have no import cycles", () => {
    const knot = [
      parseSource("src/lib/a.ts", 'import { b } from "./b.ts"; export const a = b;'),
      parseSource("src/lib/b.ts", 'import { a } from "./a.ts"; export const b = a;'),
    ];
    expect(cycles(knot)).toEqual(["src/lib/a.ts -> src/lib/b.ts -> src/lib/a.ts"]);
    expect(cycles(source)).toEqual([]);
  });
});

describe("sizes", () => {
  it("complains about a long file and a long function", () => {
    const long = `export function f(): void {\n${"  f();\n".repeat(FUNCTION_LINES_MAX)}}\n`;
    expect(sizeComplaints(planted("src/lib/x.ts", long))).toHaveLength(1);
    const file = "export const x = 1;\n".repeat(LINES_MAX + 1);
    expect(sizeComplaints(planted("src/lib/x.ts", file))).toHaveLength(1);
  });

  it("stay within what one can take in", () => {
    expect(sizeComplaints(all)).toEqual([]);
  });
});

describe("purity of the kernel", () => {
  it.each(["Date.now()", "new Date()", "Math.random()", "process.env", "setTimeout(f)"])(
    "complains about %s",
    (expression) => {
      expect(impurities(planted("src/kernel/x.ts", `export const x = ${expression};`))).not.toEqual(
        [],
      );
    },
  );

  it("nothing in it reads a clock, draws a number or does I/O", () => {
    expect(impurities(source)).toEqual([]);
  });
});

describe("one way out", () => {
  it.each([
    'import { request } from "node:http";',
    'import { connect } from "node:net";',
    'import { Agent } from "undici";',
    'import "node:https";',
    'export { request } from "node:http";',
    'export * from "node:dns";',
    'export const x = await import("node:net");',
    "export const x = (name: string) => import(name);",
    'export const x = await fetch("http://127.0.0.1");',
    'export const x = globalThis.fetch("http://127.0.0.1");',
    'export const x = process.getBuiltinModule("node:net");',
    'export const x = new WebSocket("ws://127.0.0.1");',
  ])("complains about %s", (text) => {
    for (const room of ["engine", "http", "jobspec", "openwop", "cli"]) {
      expect(waysOut(planted(`src/${room}/x.ts`, text))).toHaveLength(1);
    }
    expect(waysOut(planted("src/egress/x.ts", text))).toEqual([]);
  });

  it.each([
    'import type { Server } from "node:http";',
    'import { isIP, type Socket } from "node:net";',
  ])("lets pass %s", (text) => {
    expect(waysOut(planted("src/http/x.ts", text))).toEqual([]);
  });

  it("nothing in the host calls out by itself", () => {
    expect(waysOut(source)).toEqual([]);
  });
});

describe("words", () => {
  it.each([
    ["src/lib/utils.ts", "export const x = 1;"],
    ["src/lib/x.ts", "// TODO: later\nexport const x = 1;"],
    ["src/lib/x.ts", "// oxlint-disable-next-line no-eval\nexport const x = 1;"],
    ["src/lib/x.ts", "export default 1;"],
    ["src/lib/x.ts", "export const x = 1 as any;"],
  ])("complains about %s: %s", (path, text) => {
    expect(wordComplaints(planted(path, text))).toHaveLength(1);
  });

  it("nothing is vague, silenced or left for later", () => {
    expect(wordComplaints(all)).toEqual([]);
  });
});
