/** Nodes that wait for a decision, an answer, or an event from outside. */
import { isJsonObject, type JsonObject } from "../../../lib/json.ts";
import { REFINE_OUTPUT } from "../definition/plan.ts";
import { anyObject, flag, integer, list, oneOf, open, text } from "../definition/shape.ts";
import { answersOf } from "../interrupt-close.ts";
import type { NodeContext, NodeType, Outcome } from "../node-type.ts";
import type { Answer } from "../state.ts";
import { numberOf, textOf } from "../value.ts";
import { configProblems, configured } from "./config.ts";

const ACTIONS = ["accept", "reject", "refine", "edit-accept", "ask"] as const;
const AUTH_REQUIRED = "openwop-interrupt-auth-required";
const word = text({ min: 1 });

/** Fields of the configuration that are fields of the interrupt. */
const APPROVAL_FIELDS = {
  title: word,
  description: text(),
  requiredApprovals: integer(1),
  approversList: list(text()),
  rejectionPolicy: oneOf(["single-veto", "majority"]),
  overrideBypassesQuorum: flag,
  approverGroupRefs: list(text()),
  approverRoleRefs: list(text()),
  audience: anyObject,
  artifactId: word,
  artifactType: word,
};

const approvalGate: NodeType = {
  ...configured(
    open(
      {},
      {
        ...APPROVAL_FIELDS,
        actions: list(oneOf([...ACTIONS, "edit"]), { min: 1 }),
        profile: text(),
        timeoutMs: integer(0),
      },
    ),
  ),
  run(context) {
    const answer = context.own.answers.at(-1);
    if (answer !== undefined) return decided(context, answer);
    return askApproval(context, context.planned.node.config);
  },
};

function askApproval({ planned, inputs }: NodeContext, config: JsonObject): Outcome {
  const { id, name, artifactType } = planned.node;
  const actions = Array.isArray(config["actions"]) ? config["actions"] : ["accept", "reject"];
  const timeoutMs = numberOf(config["timeoutMs"]);
  const fields = Object.fromEntries(
    Object.entries(config).filter(([field]) => Object.hasOwn(APPROVAL_FIELDS, field)),
  );
  const artifactData = inputs["artifact"] ?? inputs["input"];
  const data: JsonObject = {
    artifactId: id,
    artifactType: artifactType ?? "approval",
    title: name,
    ...fields,
    ...(artifactData === undefined ? {} : { artifactData }),
    actions: actions.map((action: unknown) => (action === "edit" ? "edit-accept" : action)),
  };
  return {
    kind: "suspend",
    interrupt: {
      kind: "approval",
      data,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(config["profile"] === AUTH_REQUIRED ? { authRequired: true } : {}),
    },
  };
}

function decided(context: NodeContext, { value, by }: Answer): Outcome {
  const { inputs, planned } = context;
  const said: JsonObject = isJsonObject(value) ? value : {};
  const action = textOf(said["action"]) ?? "reject";
  const artifact = inputs["artifact"] ?? inputs["input"] ?? null;
  const edited = said["editedArtifactData"];
  const output = action === "edit-accept" && edited !== undefined ? edited : artifact;
  const outputs = {
    output,
    action,
    approved: action === "accept" || action === "edit-accept",
    ...(by === undefined ? {} : { decidedBy: by }),
    ...(said["feedback"] === undefined ? {} : { feedback: said["feedback"] }),
  };
  const led = (port: string): boolean =>
    planned.outgoing.some((edge) => edge.sourceOutput === port);
  if (action === REFINE_OUTPUT) return refined(context, said, outputs);
  if (outputs.approved) {
    const ports = ["output", "action", "approved", "decidedBy", "feedback", "accept"];
    return { kind: "complete", outputs: { ...outputs, accept: output }, ports };
  }
  if (led("reject")) {
    return { kind: "complete", outputs: { ...outputs, reject: output }, ports: ["reject"] };
  }
  const message =
    action === "timeout" ? "nobody decided in time" : `rejected by ${by ?? "an approver"}`;
  return { kind: "fail", error: { code: "approval_rejected", message, retryable: false } };
}

function refined({ planned }: NodeContext, said: JsonObject, outputs: JsonObject): Outcome {
  const isRouted =
    planned.incoming.length > 0 ||
    planned.outgoing.some(({ sourceOutput }) => sourceOutput === REFINE_OUTPUT);
  if (!isRouted) {
    const message = "there is no node to send the work back to";
    return { kind: "fail", error: { code: "refine_not_routed", message, retryable: false } };
  }
  const { feedback, refineFeedback } = said;
  return {
    kind: "complete",
    outputs: { ...outputs, [REFINE_OUTPUT]: outputs["output"] ?? null },
    ports: [REFINE_OUTPUT],
    again: true,
    feedback: {
      ...(feedback === undefined ? {} : { feedback }),
      ...(refineFeedback === undefined ? {} : { refineFeedback }),
    },
  };
}

const question = open({ id: word, question: word }, { schema: anyObject });

/** Outputs `answers`, and each answer under its question's id. */
const clarificationGate: NodeType = {
  ...configured(
    open({ questions: list(question, { min: 1 }) }, { contextType: text(), timeoutMs: integer(0) }),
  ),
  run({ own, planned }) {
    const answer = own.answers.at(-1);
    return answer === undefined ? askQuestions(planned.node.config) : answered(answer);
  },
};

function askQuestions(config: JsonObject): Outcome {
  const { questions, contextType } = config;
  const timeoutMs = numberOf(config["timeoutMs"]);
  return {
    kind: "suspend",
    interrupt: {
      kind: "clarification",
      data: { questions, ...(contextType === undefined ? {} : { contextType }) },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    },
  };
}

function answered({ value }: Answer): Outcome {
  const answers = answersOf(value) ?? {};
  return { kind: "complete", outputs: { ...answers, answers, output: answers } };
}

const KINDS = ["approval", "clarification", "external-event", "custom"] as const;
const questions = open({ questions: list(question, { min: 1 }) });

/** Any interrupt; completes with `output`, the value it was answered with. */
const interrupt: NodeType = {
  problems(node) {
    const shape = open(
      { kind: oneOf(KINDS) },
      { data: anyObject, timeoutMs: integer(0), resumeSchema: anyObject, profile: text() },
    );
    const asks = open({ data: questions });
    return [
      ...configProblems(shape, node),
      ...(node.config["kind"] === "clarification" ? configProblems(asks, node) : []),
    ];
  },
  run(context) {
    const { own, planned } = context;
    const { config } = planned.node;
    const data = isJsonObject(config["data"]) ? config["data"] : {};
    const answer = own.answers.at(-1);
    switch (config["kind"]) {
      case "approval":
        if (answer !== undefined) return decided(context, answer);
        return askApproval(context, { ...config, ...data });
      case "clarification":
        return answer === undefined ? askQuestions({ ...config, ...data }) : answered(answer);
      default:
        return answer === undefined ? raise(config, data) : resumed(answer);
    }
  },
};

function raise(config: JsonObject, data: JsonObject): Outcome {
  const isExternal = config["kind"] === "external-event";
  const timeoutMs = numberOf(config["timeoutMs"]);
  const { resumeSchema } = config;
  return {
    kind: "suspend",
    interrupt: {
      kind: isExternal ? "external-event" : "custom",
      data: isExternal
        ? { eventType: data["eventType"] ?? "event", correlation: data["correlation"] ?? {} }
        : {
            customKind: data["customKind"] ?? "custom",
            ...("payload" in data ? { payload: data["payload"] } : {}),
          },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(isJsonObject(resumeSchema) ? { resumeSchema } : {}),
      ...(config["profile"] === AUTH_REQUIRED ? { authRequired: true } : {}),
    },
  };
}

function resumed({ value }: Answer): Outcome {
  return { kind: "complete", outputs: { ...(isJsonObject(value) ? value : {}), output: value } };
}

export const GATE_NODES: Readonly<Record<string, NodeType>> = {
  "core.approvalGate": approvalGate,
  "core.clarificationGate": clarificationGate,
  "core.interrupt": interrupt,
};
