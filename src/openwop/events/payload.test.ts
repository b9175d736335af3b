/** Our event schemas say what the public ones say. Reads ../shared/openwop; skipped without it. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { payloadProblem } from "./payload.ts";
import { PAYLOAD_SCHEMAS } from "./payload-schemas.ts";

const SCHEMAS = fileURLToPath(new URL("../../../../shared/openwop/schemas/", import.meta.url));
const ANNOTATIONS = new Set(["description", "title", "$comment", "examples", "default", "$id"]);

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function load(name: string): Node {
  const node: unknown = JSON.parse(readFileSync(`${SCHEMAS}${name}`, "utf8"));
  if (!isNode(node)) throw new Error(`${name} is not an object`);
  return node;
}

function at(node: Node, ...keys: readonly string[]): Node {
  const [key, ...rest] = keys;
  if (key === undefined) return node;
  const next = node[key];
  if (!isNode(next)) throw new Error(`nothing at ${key}`);
  return at(next, ...rest);
}

/** Follows `$ref`s into `home` or another file, drops annotations and what only repeats a default. */
function plain(value: unknown, home: Node, isFields = false): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item, home));
  if (!isNode(value)) return value;
  const reference = value["$ref"];
  if (typeof reference === "string") {
    const [file = "", path = ""] = reference.split("#");
    const target = file === "" ? home : load(file.slice(file.lastIndexOf("/") + 1));
    return plain(at(target, ...path.split("/").filter((part) => part !== "")), target);
  }
  const entries = Object.entries(value)
    .filter(([key, held]) => {
      if (isFields) return true;
      if (ANNOTATIONS.has(key) || key.startsWith("$")) return false;
      return !(key === "additionalProperties" && held === true);
    })
    .map(([key, held]): [string, unknown] => [
      key,
      key === "required" && Array.isArray(held)
        ? held.map(String).toSorted((one, other) => one.localeCompare(other))
        : plain(held, home, !isFields && key === "properties"),
    ])
    .filter(([key, held]) => !(key === "required" && Array.isArray(held) && held.length === 0))
    .filter(([key, held]) => !(key === "properties" && isNode(held) && !Object.keys(held).length));
  return Object.fromEntries(entries.toSorted(([one], [other]) => one.localeCompare(other)));
}

describe.skipIf(!existsSync(SCHEMAS))("event payloads (needs ../shared/openwop)", () => {
  const home = existsSync(SCHEMAS) ? load("run-event-payloads.schema.json") : {};

  it.each(Object.keys(PAYLOAD_SCHEMAS))("of %s are as the contract has them", (type) => {
    const theirs = plain(at(home, "$defs", "_typeIndex", "properties", type), home);
    const ours = plain(PAYLOAD_SCHEMAS[type], {});
    if (type !== "channel.written") expect(ours).toEqual(theirs);
    else expect(JSON.stringify(ours).replace("|message", "")).toBe(JSON.stringify(theirs));
  });
});

describe("payloadProblem", () => {
  it("finds nothing wrong with what fits", () => {
    expect(payloadProblem("node.started", { nodeId: "a", typeId: "core.noop" })).toBeUndefined();
    expect(payloadProblem("run.resumed", {})).toBeUndefined();
  });

  it("names the field and the reason", () => {
    expect(payloadProblem("node.started", { nodeId: "", typeId: "core.noop" })).toBe(
      "/nodeId must NOT have fewer than 1 characters",
    );
    expect(payloadProblem("node.failed", { nodeId: "a" })).toContain("'error'");
  });

  it("lets closed payloads carry nothing else", () => {
    const payload = { childRunId: "run-1", childWorkflowId: "w", seq: 1 };
    expect(payloadProblem("node.dispatched", payload)).toContain("additional properties");
  });

  it("knows no type that this host does not write", () => {
    expect(payloadProblem("voice.barge_in", { atMs: 1 })).toBe("no event type voice.barge_in");
  });
});
