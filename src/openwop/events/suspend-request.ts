/** What a node asks the world for when it suspends (openwop-core §4.1), as JSON Schema 2020-12. */
import { type TSchema, Type } from "typebox";
import { closed, count, json, name, nonEmpty, object, oneOf, open, share } from "./shapes.ts";

const text = Type.String();
const texts = Type.Array(text);

const APPROVAL = open(
  {
    artifactId: nonEmpty,
    artifactType: nonEmpty,
    title: nonEmpty,
    actions: Type.Array(oneOf(["accept", "reject", "refine", "edit-accept", "ask"]), {
      minItems: 1,
      uniqueItems: true,
    }),
  },
  {
    description: text,
    artifactData: json,
    requiredApprovals: Type.Integer({ minimum: 1 }),
    approversList: texts,
    rejectionPolicy: oneOf(["single-veto", "majority"]),
    overrideBypassesQuorum: Type.Boolean(),
    approverGroupRefs: texts,
    approverRoleRefs: texts,
    audience: closed({}, { subjects: texts, groups: texts, roles: texts }),
  },
);

const question = closed({ id: nonEmpty, question: nonEmpty }, { schema: object });

const DATA: Readonly<Record<string, TSchema>> = {
  approval: APPROVAL,
  clarification: closed(
    { questions: Type.Array(question, { minItems: 1 }) },
    { contextType: text },
  ),
  "external-event": closed({ eventType: text, correlation: object }),
  custom: closed({ customKind: nonEmpty }, { payload: json }),
  "conversation.start": closed({ conversationId: name }, { title: text, initialPrompt: text }),
  "conversation.exchange": closed(
    { conversationId: name, prompt: nonEmpty },
    { outcomeSchema: object, turnIndex: count },
  ),
  "conversation.close": closed({ conversationId: name }, { reason: text }),
  "low-confidence": closed(
    {
      agentId: Type.String({ minLength: 3, maxLength: 256 }),
      threshold: share,
      observed: share,
    },
    { decision: json },
  ),
};

export const SUSPEND_KINDS: readonly string[] = Object.keys(DATA);

export const SUSPEND_REQUEST: TSchema = closed(
  {
    kind: oneOf(SUSPEND_KINDS),
    key: name,
    data: Type.Unsafe({ oneOf: Object.values(DATA) }),
  },
  { resumeSchema: object, timeoutMs: count },
);
