/**
 * `core.conversationGate`: a talk of `turnCount` turns (openwop-core §3.13). Its ids come from the
 * node and the turn, never from the run or the clock, so that a replay gives the same channel.
 */
import type { JsonObject } from "../../../lib/json.ts";
import { isJsonObject } from "../../../lib/json.ts";
import { flag, integer, open, text } from "../definition/shape.ts";
import type { NodeContext, NodeEvent, NodeType, Outcome } from "../node-type.ts";
import { numberOf, textOf } from "../value.ts";
import { channelWritten } from "../variable.ts";
import { configProblems, needs } from "./config.ts";

const shape = open(
  {},
  {
    lifecycle: text(),
    mockAutoResume: flag,
    turnCount: integer(1, 1000),
    prompt: text({ min: 1 }),
    title: text(),
    channel: text({ min: 1 }),
  },
);

const conversationGate: NodeType = {
  problems: (node) => [
    needs("conversationPrimitive", "a conversation"),
    ...configProblems(shape, node),
  ],
  run(context) {
    const { planned, own } = context;
    const { config } = planned.node;
    const turns = numberOf(config["turnCount"]) ?? 1;
    if (config["mockAutoResume"] === true) {
      const exchanges = Array.from({ length: turns }, (_, turn) =>
        exchanged(context, turn, `mock answer ${turn + 1}`),
      );
      return closeAfter(context, [opened(context), ...exchanges.flat()], turns);
    }
    const { answers } = own;
    const last = answers.at(-1);
    const events =
      last === undefined ? [opened(context)] : exchanged(context, answers.length - 1, last.value);
    const wantsToClose = isJsonObject(last?.value) && last.value["close"] === true;
    if (answers.length >= turns || wantsToClose) return closeAfter(context, events, answers.length);
    return {
      kind: "suspend",
      events,
      interrupt: {
        kind: "conversation.exchange",
        data: {
          conversationId: idOf(context),
          prompt: textOf(config["prompt"]) ?? planned.node.name,
          turnIndex: answers.length,
        },
      },
    };
  },
};

function idOf({ planned, own }: NodeContext): string {
  return `conversation:${planned.node.id}:${own.iteration}`;
}

function opened(context: NodeContext): NodeEvent {
  const { node } = context.planned;
  const openedBy = node.agent?.agentId ?? node.id;
  return { type: "conversation.opened", payload: { conversationId: idOf(context), openedBy } };
}

function exchanged(
  context: NodeContext,
  turnIndex: number,
  outcome: unknown,
): readonly NodeEvent[] {
  const conversationId = idOf(context);
  const payload = { conversationId, turnIndex, outcome };
  return [{ type: "conversation.exchanged", payload }, ...turnWritten(context, turnIndex, outcome)];
}

/** The turn in the conversation's channel, when the workflow has one. */
function turnWritten(context: NodeContext, turn: number, content: unknown): readonly NodeEvent[] {
  const { workflow, planned, host, state, now } = context;
  const { id: nodeId, typeId, config } = planned.node;
  const channels = Object.entries(workflow.definition.channels ?? {});
  const first = channels.find(([, { reducer }]) => reducer === "message")?.[0];
  const channel = textOf(config["channel"]) ?? first;
  if (channel === undefined) return [];
  const value: JsonObject = {
    messageId: `${idOf(context)}:${turn}`,
    from: "user",
    content,
    role: "user",
    turnIndex: turn,
    ts: turn,
  };
  const scope = { host, state, now, definition: workflow.definition };
  const event = channelWritten(scope, { channel, value, reducer: "message" }, { nodeId, typeId });
  return event.ok ? [event.value] : [];
}

function closeAfter(context: NodeContext, events: readonly NodeEvent[], turns: number): Outcome {
  const conversationId = idOf(context);
  return {
    kind: "complete",
    outputs: {
      conversationId,
      turnCount: turns,
      output: context.own.answers.at(-1)?.value ?? null,
    },
    events: [
      ...events,
      {
        type: "conversation.closed",
        payload: { conversationId, reason: "completed", turnCount: turns },
      },
    ],
  };
}

export const CONVERSATION_NODES: Readonly<Record<string, NodeType>> = {
  "core.conversationGate": conversationGate,
};
