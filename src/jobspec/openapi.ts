/** OpenAPI 3.1, generated from the route table and the schemas that the routes are checked by. */
import { errorStatuses, isExtension, type Route } from "./route.ts";
import { anyObject, EXTENSION, listOf, ref, shape } from "./schema-kit.ts";
import { SCHEMAS } from "./schemas.ts";

type Node = Readonly<Record<string, unknown>>;

/** The contract's own error responses, by the status they stand for. */
const ERROR_COMPONENTS: Readonly<Record<number, string>> = {
  400: "InvalidJSON",
  403: "Forbidden",
  405: "MethodNotAllowed",
};

/** The whole document as an object. */
export function openApiDocument(routes: readonly Route[], version: string): Node {
  return {
    openapi: "3.1.0",
    info: {
      title: "Keelson: JobSpec v0",
      version,
      summary: "Durable agent jobs: accepted means written.",
      description:
        "JobSpec v0 as the contract has it. Everything marked `x-keelson-extension` is an addition.",
      "x-agentops-contract-version": "jobspec.v0",
    },
    servers: [{ url: "http://127.0.0.1:8765", description: "The default address." }],
    tags: ["Readiness", "Jobs", "Events", "OpenClaw", "Execution", "Operation"].map((name) => ({
      name,
    })),
    paths: paths(routes),
    components: {
      securitySchemes: {
        DaemonMutationToken: { type: "apiKey", in: "header", name: "X-AgentOps-Daemon-Token" },
        BearerAuth: { type: "http", scheme: "bearer" },
      },
      responses: errorResponses(),
      schemas: SCHEMAS,
    },
  };
}

function paths(routes: readonly Route[]): Node {
  const all: Record<string, Record<string, Node>> = {};
  for (const route of routes) {
    const item = (all[route.path] ??= {});
    item[route.method.toLowerCase()] = operation(route);
  }
  return all;
}

function operation(route: Route): Node {
  const contract = route.contract ?? [];
  const statuses = errorStatuses(route);
  const own = isExtension(route);
  const listed = own ? statuses : statuses.filter((status) => contract.includes(status));
  const added = own ? [] : statuses.filter((status) => !contract.includes(status));
  return {
    tags: [route.tag],
    operationId: route.operationId,
    summary: route.summary,
    ...(own ? EXTENSION : {}),
    ...(route.alias === undefined ? {} : { "x-agentops-aliases": [route.alias] }),
    ...(route.needs === undefined
      ? {}
      : {
          security: [{ DaemonMutationToken: [] }, { BearerAuth: [] }],
          "x-keelson-capability": route.needs,
        }),
    ...parameters(route),
    ...requestBody(route),
    responses: {
      [route.success.status]: success(route),
      ...Object.fromEntries(listed.map((status) => [status, errorResponse(route, status)])),
    },
    ...(added.length === 0
      ? {}
      : {
          "x-keelson-extension-responses": Object.fromEntries(
            added.map((status) => [status, errorResponse(route, status)]),
          ),
        }),
  };
}

function parameters(route: Route): Node {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = (route.query ?? []).map(({ name, type, description }) => ({
    name,
    in: "query",
    required: false,
    description,
    schema: { type },
    ...EXTENSION,
  }));
  const all = [...inPath, ...inQuery];
  return all.length === 0 ? {} : { parameters: all };
}

function requestBody(route: Route): Node {
  if (route.body === "raw") {
    return { requestBody: { required: true, content: { "application/octet-stream": {} } } };
  }
  if (route.request === undefined) return {};
  return {
    requestBody: { required: route.body === "json", ...jsonContent(ref(route.request)) },
  };
}

function success(route: Route): Node {
  const { status, schema, content: type = "application/octet-stream" } = route.success;
  const description = status === 202 ? "Durable." : "The answer.";
  if (schema === undefined) return { description, content: { [type]: {} } };
  const also = OTHER_FORMS[route.operationId] ?? {};
  const { content } = jsonContent(successSchema(schema));
  return { description, ...mismatchHeader(route), content: { ...content, ...also } };
}

const TEXT: Node = { schema: { type: "string", ...EXTENSION }, ...EXTENSION };
const IN_LINES: Node = { "application/x-ndjson": TEXT };

/** Answers that also come in another form, when the caller's `Accept` asks for it. */
const OTHER_FORMS: Readonly<Record<string, Node>> = {
  listDaemonEvents: { "text/event-stream": TEXT },
  rebuildLedger: IN_LINES,
  verifyLedger: IN_LINES,
  repairLedger: IN_LINES,
};

const INLINE = /^OpenClawList:(\w+)$/;

/** A component by name; the three OpenClaw lists and two oddities have no component in the contract. */
function successSchema(name: string): Node {
  const list = INLINE.exec(name)?.[1];
  if (list !== undefined) return shape({ [list]: listOf("OpenClawResourceSummary") }) as Node;
  if (name === "OpenApiDocument") return anyObject() as Node;
  return ref(name) as Node;
}

function mismatchHeader(route: Route): Node {
  if (route.success.status !== 202 || route.path.endsWith("cancel")) return {};
  return {
    headers: {
      "Keelson-Idempotency-Mismatch": {
        description: "`true` when the answer is an earlier job that differs from this request.",
        schema: { type: "string", const: "true" },
        ...EXTENSION,
      },
    },
  };
}

function errorResponse(route: Route, status: number): Node {
  if (status === 503 && route.gate === "ready") {
    const schema = { oneOf: [ref("ErrorResponse"), ref("OpenClawDaemonNotReady")] };
    return { description: "Not ready, or not able to write.", ...jsonContent(schema) };
  }
  return { $ref: `#/components/responses/${ERROR_COMPONENTS[status] ?? "Error"}` };
}

function errorResponses(): Node {
  const body = jsonContent(ref("ErrorResponse"));
  return {
    InvalidJSON: { description: "The request cannot be understood.", ...body },
    Forbidden: { description: "The mutation policy says no.", ...body },
    MethodNotAllowed: {
      description: "The route has other methods.",
      headers: { Allow: { schema: { type: "string" } } },
      ...body,
    },
    Error: { description: "The daemon cannot do it.", ...body },
  };
}

function jsonContent(schema: unknown): { readonly content: Node } {
  return { content: { "application/json": { schema } } };
}
