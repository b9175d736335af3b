/** The house rules as functions from source files to complaints. `STYLE.md` gives the reasons. */
import { Visitor } from "oxc-parser";
import { isTest, lineAt, roomOf, type SourceFile } from "./source.ts";

/** Who may import whom (ARCHITECTURE.md, Rooms). A room may always import itself. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "src/lib": [],
  "src/errors": ["src/lib"],
  "src/kernel": ["src/lib", "src/errors"],
  "src/storage": ["src/lib", "src/errors", "src/kernel"],
  "src/storage/embedded": ["src/lib", "src/errors", "src/kernel", "src/storage"],
  "src/storage/memory": ["src/lib", "src/errors", "src/kernel", "src/storage"],
  "src/storage/postgres": ["src/lib", "src/errors", "src/kernel", "src/storage"],
  "src/engine": ["src/lib", "src/errors", "src/kernel", "src/storage"],
  "src/identity": ["src/lib", "src/errors"],
  "src/egress": ["src/lib", "src/errors"],
  "src/redaction": ["src/lib"],
  "src/audit": ["src/lib", "src/errors"],
  "src/http": ["src/lib", "src/errors"],
  "src/jobspec": ["src/lib", "src/errors", "src/kernel", "src/engine", "src/http", "src/identity"],
  "src/workers": ["src/lib", "src/errors", "src/kernel", "src/engine"],
  "src/openwop": [
    "src/lib",
    "src/errors",
    "src/kernel",
    "src/engine",
    "src/http",
    "src/identity",
    "src/egress",
    "src/redaction",
    "src/audit",
  ],
  "src/metrics": ["src/lib", "src/errors", "src/kernel", "src/engine"],
  "src/host": [
    "src/lib",
    "src/errors",
    "src/kernel",
    "src/storage",
    "src/storage/embedded",
    "src/storage/postgres",
    "src/engine",
    "src/identity",
    "src/egress",
    "src/redaction",
    "src/audit",
    "src/http",
    "src/jobspec",
    "src/metrics",
    "src/workers",
  ],
  "src/cli": ["src/lib", "src/errors", "src/host", "client", "conformance"],
  client: [],
  conformance: [],
};

/** Rooms that may use packages of npm; the others stand on the runtime alone. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "src/lib": ["canonicalize"],
  "src/storage/postgres": ["pg"],
  "src/egress": ["ipaddr.js", "undici"],
  "src/http": ["fastify"],
  "src/jobspec": ["fastify", "typebox", "ajv"],
  "src/workers": ["ajv", "jsonc-parser"],
  "src/openwop": ["fastify", "typebox", "ajv", "ajv-formats", "@bufbuild/cel"],
  "src/metrics": ["prom-client"],
  "src/host": ["fastify"],
  "src/cli": ["commander", "@keelson/client", "@keelson/conformance"],
  conformance: ["ajv", "ajv-formats"],
};

export const LINES_MAX = 500;
const TEST_LINES_MAX = 800;
export const FUNCTION_LINES_MAX = 70;

export function roomComplaints(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    if (isTest(file.path)) return [];
    const room = roomOf(file.path);
    const allowed = ROOMS[room];
    if (allowed === undefined) return [`${file.path}: no such room as ${room}`];
    return file.imports.flatMap(({ specifier, target }) => {
      if (target !== undefined) {
        const to = roomOf(target);
        return to === room || allowed.includes(to) ? [] : [`${file.path} imports ${target}`];
      }
      return packageComplaints(file.path, room, specifier);
    });
  });
}

function packageComplaints(path: string, room: string, specifier: string): readonly string[] {
  const isPure = room === "src/kernel" || room === "client";
  if (specifier.startsWith("node:")) return isPure ? [`${path} imports ${specifier}`] : [];
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  return PACKAGES[room]?.includes(name) === true ? [] : [`${path} imports the package ${name}`];
}

/** Runtime import cycles, each once, as `a -> b -> a`. */
export function cycles(files: readonly SourceFile[]): readonly string[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports.flatMap(({ target, typeOnly }) =>
        target === undefined || typeOnly ? [] : [target],
      ),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path);
    if (seen !== -1) {
      found.push([...trail.slice(seen), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return found;
}

export function sizeComplaints(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text, functions }) => {
    const complaints: string[] = [];
    const lines = text.split("\n").length - 1;
    const max = isTest(path) ? TEST_LINES_MAX : LINES_MAX;
    if (lines > max) complaints.push(`${path} has ${lines} lines, ${max} is the limit`);
    if (isTest(path)) return complaints;
    for (const { line, lines: length } of functions) {
      if (length <= FUNCTION_LINES_MAX) continue;
      complaints.push(`${path}:${line} is a function of ${length} lines`);
    }
    return complaints;
  });
}

const IMPURE_NAMES: ReadonlySet<string> = new Set([
  "process",
  "Buffer",
  "console",
  "performance",
  "crypto",
  "fetch",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
]);

/** Anything in the kernel that reads a clock, draws a number or does I/O. */
export function impurities(files: readonly SourceFile[]): readonly string[] {
  return kernelFiles(files).flatMap(({ path, text, program }) => {
    const found: string[] = [];
    const note = (offset: number, what: string): void => {
      found.push(`${path}:${lineAt(text, offset)} uses ${what}`);
    };
    new Visitor({
      Identifier: (node) => {
        if (IMPURE_NAMES.has(node.name)) note(node.start, node.name);
      },
      MemberExpression: (node) => {
        const written = text.slice(node.start, node.end);
        if (/^(?:Math\.random|Date\.now)$/.test(written)) note(node.start, written);
      },
      NewExpression: (node) => {
        const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
        if (isDate && node.arguments.length === 0) note(node.start, "new Date()");
      },
    }).visit(program);
    return found;
  });
}

function kernelFiles(files: readonly SourceFile[]): readonly SourceFile[] {
  return files.filter(({ path }) => path.startsWith("src/kernel/") && !isTest(path));
}

/** Modules that open connections to elsewhere. Servers listen; they do not call out. */
const WAYS_OUT = /^(?:node:)?(?:https?|http2|net|tls|dgram|dns(?:\/promises)?)$|^undici$/;
/** The one room that may: the guarded client. The command line talks to the daemon by `client/`. */
const WAY_OUT = "src/egress";
/** Servers are built from types and address checks; clients need more than that. */
const HARMLESS = /^(?:type )?(?:IncomingMessage|ServerResponse|Server|Socket|isIPv4|isIPv6|isIP)$/;
/** Names that reach the network, or any module, without an import. */
const AMBIENT = /^(?:fetch|WebSocket|EventSource|XMLHttpRequest|getBuiltinModule|createRequire)$/;

/** Uses of the network outside the one way out. */
export function waysOut(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text, program }) => {
    if (isTest(path) || !path.startsWith("src/") || roomOf(path) === WAY_OUT) return [];
    const found: string[] = [];
    const note = (module: string): void => void found.push(`${path} imports ${module}`);
    new Visitor({
      ImportDeclaration: (node) => {
        if (!WAYS_OUT.test(node.source.value) || node.importKind === "type") return;
        const names = node.specifiers.map((specifier) =>
          text.slice(specifier.start, specifier.end),
        );
        if (names.length === 0 || !names.every((name) => HARMLESS.test(name))) {
          note(node.source.value);
        }
      },
      ExportNamedDeclaration: (node) => {
        if (node.source !== null && WAYS_OUT.test(node.source.value)) note(node.source.value);
      },
      ExportAllDeclaration: (node) => {
        if (WAYS_OUT.test(node.source.value)) note(node.source.value);
      },
      ImportExpression: (node) => {
        const module = node.source.type === "Literal" ? String(node.source.value) : undefined;
        if (module === undefined || WAYS_OUT.test(module)) note(module ?? "what it computes");
      },
      CallExpression: (node) => {
        const name = calledName(node.callee, text);
        if (AMBIENT.test(name)) found.push(`${path} calls ${name}`);
      },
      NewExpression: (node) => {
        const name = calledName(node.callee, text);
        if (AMBIENT.test(name)) found.push(`${path} makes a ${name}`);
      },
    }).visit(program);
    return found;
  });
}

/** `fetch` of `fetch(…)`, `globalThis.fetch(…)` and `process.getBuiltinModule(…)`. */
function calledName(
  callee: { readonly start: number; readonly end: number },
  text: string,
): string {
  return text.slice(callee.start, callee.end).replace(/^(?:globalThis|process|module)\??\./, "");
}

const VAGUE_NAME =
  /(?:^|[-/])(?:utils?|helpers?|managers?|services?|common|base|misc|index)(?:\.test)?\.ts$/;
const SKIPPED_WORK = /\b(?:TODO|FIXME|XXX|HACK)\b/;
const SILENCED = /(?:oxlint|eslint|biome)-(?:disable|ignore)[^\n]*|@ts-(?:ignore|nocheck)[^\n]*/g;

export function wordComplaints(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text, program }) => {
    const complaints: string[] = [];
    if (VAGUE_NAME.test(path)) complaints.push(`${path}: a file is named after what it holds`);
    if (SKIPPED_WORK.test(text)) complaints.push(`${path} leaves work for later in a comment`);
    for (const [silenced] of text.matchAll(SILENCED)) {
      if (!/ -- .{10,}/.test(silenced))
        complaints.push(`${path} silences a check without a reason`);
    }
    new Visitor({
      ExportDefaultDeclaration: () => {
        if (!path.endsWith("vitest.config.ts")) complaints.push(`${path} has a default export`);
      },
      TSAnyKeyword: () => void complaints.push(`${path} uses any`),
    }).visit(program);
    return complaints;
  });
}
