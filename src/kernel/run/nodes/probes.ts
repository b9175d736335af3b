/** Test nodes of the conformance suite; a host offers them behind its test gate alone. */
import type { NodeType } from "../node-type.ts";
import { needs } from "./config.ts";

const GATE = "conformance.probes";

/** Its work is done outside: reading a secret, recording costs. */
const probe: NodeType = {
  problems: () => [needs(GATE, "a probe")],
  run: ({ inputs }) => ({ kind: "effect", inputs }),
};

/** Declares a need that no host meets. */
const requiresMissing: NodeType = {
  problems: () => [],
  run: ({ planned }) => ({
    kind: "fail",
    error: {
      code: "capability_not_provided",
      message: `${planned.node.typeId} requires conformance.never-provided`,
      details: { capability: "conformance.never-provided" },
      retryable: false,
    },
  }),
};

/** A node whose work is done outside: what a pack's or a host's own node types are made of. */
export function effectNode(problems: NodeType["problems"] = () => []): NodeType {
  return { problems, run: ({ inputs }) => ({ kind: "effect", inputs }) };
}

export const PROBE_NODES: Readonly<Record<string, NodeType>> = {
  "conformance.secret.echo": probe,
  "conformance.cost.emit": probe,
  "conformance.requiresMissing": requiresMissing,
};
