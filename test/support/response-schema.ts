/** Checks an answer against what the generated OpenAPI document says about its route and status. */
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { openApiDocument } from "../../src/jobspec/openapi.ts";
import { ROUTES } from "../../src/jobspec/routes.ts";

type Node = Readonly<Record<string, unknown>>;

const ROOT = "openapi";
const document = JSON.parse(JSON.stringify(openApiDocument(ROUTES, "test"))) as Node;
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: ROOT, ...document });

interface Checked {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Throws unless the answer is documented and its body is of the documented shape. */
export function checkAnswer(answer: Checked): void {
  if (answer.method === "HEAD") {
    if (answer.text !== "") throw new Error("an answer to HEAD has a body");
    return;
  }
  const where = `${answer.method} ${answer.path} → ${answer.status}`;
  const content = contentOf(answer, where)[answer.contentType];
  if (content === undefined) throw new Error(`${where}: ${answer.contentType} is not documented`);
  if (answer.contentType !== "application/json") return;
  if (!answer.text.endsWith("\n")) throw new Error(`${where}: no newline at the end`);
  validate(where, satisfiable(node(content)["schema"]), JSON.parse(answer.text));
}

/**
 * The contract's 503 of the trigger is one of two schemas, but every body of the second also fits the
 * first, so that nothing could ever be exactly one. Fitting any of them is what it can mean.
 */
function satisfiable(schema: unknown): unknown {
  const { oneOf } = node(schema);
  return oneOf === undefined ? schema : { anyOf: oneOf };
}

/** Throws unless the value fits a component schema of the document. */
export function checkComponent(name: string, value: unknown): void {
  validate(name, { $ref: `#/components/schemas/${name}` }, value);
}

function validate(where: string, schema: unknown, value: unknown): void {
  const check = ajv.compile(absolute(schema) as object);
  if (!check(value)) {
    throw new Error(`${where}: ${ajv.errorsText(check.errors)} in ${JSON.stringify(value)}`);
  }
}

function contentOf(answer: Checked, where: string): Node {
  const operation = node(itemOf(answer.path)?.[answer.method.toLowerCase()]);
  // A route or a method that is not there is answered with the contract's error body.
  if (operation["responses"] === undefined) return errorContent();
  const listed = node(operation["responses"])[String(answer.status)];
  const added = node(operation["x-keelson-extension-responses"])[String(answer.status)];
  if (listed === undefined && added === undefined) throw new Error(`${where}: not documented`);
  return node(node(resolve(listed ?? added))["content"]);
}

function errorContent(): Node {
  return { "application/json": { schema: { $ref: "#/components/schemas/ErrorResponse" } } };
}

function itemOf(path: string): Node | undefined {
  const bare = path.split("?", 1)[0] ?? "";
  const items = Object.entries(node(document["paths"]));
  const named = ROUTES.find((route) => route.alias === bare)?.path ?? bare;
  const exact = items.find(([template]) => template === named);
  const [, item] = exact ?? items.find(([template]) => matches(template, named)) ?? [];
  return item as Node | undefined;
}

function matches(template: string, path: string): boolean {
  const [wanted, given] = [template.split("/"), path.split("/")];
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => (part.startsWith("{") ? given[i] !== "" : part === given[i]))
  );
}

function resolve(given: unknown): unknown {
  const { $ref } = node(given) as { $ref?: string };
  if ($ref === undefined) return given;
  let at: unknown = document;
  for (const key of $ref.slice(2).split("/")) at = node(at)[key];
  return at;
}

/** Points references into the shared document. */
function absolute(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(absolute);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === "$ref" ? [key, `${ROOT}${String(value)}`] : [key, absolute(value)],
    ),
  );
}

function node(value: unknown): Node {
  return typeof value === "object" && value !== null ? (value as Node) : {};
}
