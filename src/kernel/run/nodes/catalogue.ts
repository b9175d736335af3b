/** Every core node type (openwop-core §3.10) but the two that call a model. */
import type { NodeType } from "../node-type.ts";
import { CHILD_NODES } from "./child.ts";
import { CONVERSATION_NODES } from "./conversation.ts";
import { DATA_NODES } from "./data.ts";
import { DELAY_NODES } from "./delay.ts";
import { DISPATCH_NODES } from "./dispatch.ts";
import { FLOW_NODES } from "./flow.ts";
import { GATE_NODES } from "./gates.ts";
import { LOOP_NODES } from "./loop.ts";
import { MOCK_AGENT_NODES } from "./mock-agent.ts";
import { PROBE_NODES } from "./probes.ts";
import { SUPERVISOR_NODES } from "./supervisor.ts";

const TYPES: ReadonlyMap<string, NodeType> = new Map(
  Object.entries({
    ...FLOW_NODES,
    ...DELAY_NODES,
    ...DATA_NODES,
    ...LOOP_NODES,
    ...GATE_NODES,
    ...CONVERSATION_NODES,
    ...CHILD_NODES,
    ...SUPERVISOR_NODES,
    ...DISPATCH_NODES,
    ...MOCK_AGENT_NODES,
    ...PROBE_NODES,
  }),
);

/** A core node type, or undefined; a host asks its packs for the others. */
export function nodeTypeOf(typeId: string): NodeType | undefined {
  return TYPES.get(typeId);
}
