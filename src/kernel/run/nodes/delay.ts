/** `core.delay`: completes after a time that one of its inputs or of its settings names. */
import { integer, open } from "../definition/shape.ts";
import type { NodeContext, NodeType } from "../node-type.ts";
import { numberOf } from "../value.ts";
import { configured } from "./config.ts";

const NAMES = ["delayMs", "ms", "durationMs"] as const;
const DELAY_MAX_MS = 31_536_000_000;
const time = integer(0, DELAY_MAX_MS);

const delay: NodeType = {
  ...configured(open({}, { delayMs: time, ms: time, durationMs: time })),
  run(context) {
    const ms = delayOf(context);
    if (ms !== undefined && ms >= 0 && ms <= DELAY_MAX_MS) {
      return { kind: "wait", wakeAt: context.now + Math.ceil(ms) };
    }
    const message = `delayMs must be a number from 0 to ${DELAY_MAX_MS}`;
    return { kind: "fail", error: { code: "validation_error", message, retryable: false } };
  },
  woken({ inputs }) {
    return { kind: "complete", outputs: { output: inputs["input"] ?? null } };
  },
};

function delayOf({ inputs, planned }: NodeContext): number | undefined {
  const given = numberOf(inputs["delayMs"]);
  if (given !== undefined || inputs["delayMs"] !== undefined) return given;
  const { config } = planned.node;
  const named = NAMES.find((name) => config[name] !== undefined);
  return named === undefined ? 0 : numberOf(config[named]);
}

export const DELAY_NODES: Readonly<Record<string, NodeType>> = { "core.delay": delay };
