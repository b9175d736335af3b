/** The closed shape of a workflow definition (openwop-core §3.1). */
import { isJsonObject } from "../../../lib/json.ts";
import {
  anyObject,
  anything,
  type Check,
  closed,
  flag,
  integer,
  list,
  mapOf,
  number,
  oneOf,
  open,
  pointer,
  text,
} from "./shape.ts";
import { TRIGGER_RULES } from "./types.ts";

const NODES_MAX = 5000;
const EDGES_MAX = 50_000;
const YEAR_MS = 31_536_000_000;
const REDUCER =
  /^(replace|append|merge|counter|votes|feedback|message|vendor\.[a-z][a-z0-9_-]*\.[a-z][a-z0-9_-]*)$/;
const ACCESS_ENTRY = /^([a-z][a-zA-Z0-9._-]*\*?|\*)$/;

const word = text({ min: 1 });
const name = text({ min: 1, max: 256 });
/** Ids travel as `nodeId` of events, which the contract bounds. */
const nodeId: Check = (value, path, report) => {
  text({ min: 1, max: 128 })(value, path, report);
  if (value === "__proto__") report(path, "cannot be used as an id");
};

const PORTS: Readonly<Record<string, Check>> = {
  static: closed({ type: anything, value: anything }),
  expression: closed({ type: anything, expression: word }),
  connection: closed({ type: anything, nodeId: word, outputKey: word }, { optional: flag }),
  variable: closed({ type: anything, variableName: word }, { optional: flag }),
};

const portValue: Check = (value, path, report) => {
  const type = isJsonObject(value) ? value["type"] : undefined;
  if (typeof type !== "string" || !Object.hasOwn(PORTS, type)) {
    report(pointer(path, "type"), `must be one of ${Object.keys(PORTS).join(", ")}`);
  } else {
    PORTS[type]?.(value, path, report);
  }
};

const agent = closed(
  { agentId: text({ min: 3, max: 256 }) },
  {
    name,
    modelClass: word,
    memoryRef: name,
    version: text({ max: 64 }),
    channel: text({ min: 1, max: 64 }),
    sourceManifestId: name,
  },
);

const node = closed(
  {
    id: nodeId,
    typeId: text({ min: 1, pattern: /^[a-z][a-zA-Z0-9._-]*$/ }),
    name: word,
    position: open({ x: number, y: number }),
    config: anyObject,
    inputs: mapOf(portValue),
  },
  {
    credentialsRef: text(),
    settings: open(
      {},
      {
        timeout: integer(0),
        maxRetries: integer(0, 1000),
        retryBackoffMs: integer(0, YEAR_MS),
        retryBackoffMaxMs: integer(0, YEAR_MS),
      },
    ),
    outputRole: oneOf(["primary", "secondary"]),
    disabled: flag,
    notes: text(),
    groupId: text(),
    agent,
    envelopeContract: anyObject,
    artifactType: text({ min: 1 }),
    cardType: text(),
    outputSensitivity: mapOf(flag),
  },
);

const condition = closed(
  {},
  {
    type: oneOf(["expression", "equals", "notEquals", "contains", "regex"]),
    left: text(),
    right: anything,
    expression: text({ min: 1 }),
  },
);

const edge = closed(
  { id: word, sourceNodeId: word, targetNodeId: word },
  {
    sourceOutput: text(),
    targetInput: text(),
    condition,
    label: text(),
    triggerRule: oneOf(TRIGGER_RULES),
  },
);

const trigger = closed(
  {
    id: word,
    type: oneOf([
      "manual",
      "schedule",
      "webhook",
      "event",
      "artifact",
      "canvas",
      "envelope",
      "command",
      "chat-message",
      "channel-write",
    ]),
  },
  {
    name: text(),
    description: text(),
    config: anyObject,
    enabled: flag,
    nodeId: text(),
    eventType: text(),
  },
);

const variable = closed(
  { name: nodeId, type: oneOf(["string", "number", "boolean", "object", "array"]) },
  { description: text(), required: flag, defaultValue: anything, sensitive: flag },
);

const accessList = list(text({ min: 1, max: 256, pattern: ACCESS_ENTRY }), { max: 256 });
const access: Check = (value, path, report) => {
  if (value === "public" || value === "private") return;
  closed({}, { readers: accessList, writers: accessList })(value, path, report);
};

const channel = closed(
  { reducer: text({ pattern: REDUCER }) },
  {
    schema: anyObject,
    default: anything,
    maxSize: integer(1),
    ttlMs: integer(1, YEAR_MS),
    options: anyObject,
    access,
    schemaVersion: integer(1),
    compatibleWith: list(integer(1)),
    sensitive: flag,
  },
);

const group = closed(
  {
    id: word,
    name: word,
    nodeIds: list(text()),
    position: open({ x: number, y: number }),
    size: open({ width: number, height: number }),
  },
  { color: text(), collapsed: flag },
);

const settings = open(
  {},
  {
    timeout: integer(0),
    maxRetries: integer(0, 1000),
    logLevel: oneOf(["debug", "info", "warn", "error"]),
    maxLoopbackIterations: integer(1),
  },
);

/** Reports every fault of shape; what the parts mean to each other is checked elsewhere. */
export const workflowShape: Check = closed(
  {
    id: text({ min: 1, max: 128, pattern: /^[a-z][a-z0-9_-]*$/ }),
    name,
    version: word,
    nodes: list(node, { min: 1, max: NODES_MAX }),
    edges: list(edge, { max: EDGES_MAX }),
    triggers: list(trigger),
    variables: list(variable),
    metadata: anyObject,
    settings,
  },
  {
    description: text(),
    type: text(),
    isActive: flag,
    status: oneOf(["active", "inactive", "draft", "archived"]),
    tenantId: text(),
    scopeId: text(),
    slug: text({ pattern: /^[a-z0-9][a-z0-9_-]*$/ }),
    groups: list(group),
    channels: mapOf(channel),
    configurableSchema: anyObject,
    defaults: closed({}, { promptRefs: anyObject }),
    acceptsInheritedArtifacts: list(anyObject),
    createdAt: text(),
    updatedAt: text(),
  },
);
