/**
 * Compares two OpenAPI documents shape by shape: paths, methods, statuses, required fields, enums,
 * types, consts, formats, with references resolved. Prose does not count. What the second document
 * has beyond the first counts unless it is marked `x-keelson-extension`.
 */
type Node = Readonly<Record<string, unknown>>;

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;
/** Words for people, and names that no schema check depends on. */
const PROSE: ReadonlySet<string> = new Set([
  "description",
  "summary",
  "example",
  "examples",
  "title",
  "x-keelson-extension",
]);

export interface OpenApi {
  readonly paths: Node;
  readonly components: Node;
}

/** One line per difference; empty when `ours` is the contract plus marked extensions. */
export function differences(contract: OpenApi, ours: OpenApi): readonly string[] {
  const found: string[] = [];
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of METHODS) {
      const expected = node(item)[method];
      if (expected === undefined) continue;
      const where = `${method.toUpperCase()} ${path}`;
      const actual = node(node(ours.paths[path])[method]);
      compare(found, where, shapeOf(operation(node(expected)), contract, false), {
        ...(shapeOf(operation(actual), ours, true) as Node),
      });
    }
  }
  found.push(...unmarked(contract, ours));
  for (const [kind, known] of Object.entries(contract.components)) {
    for (const [name, expected] of Object.entries(node(known))) {
      const actual = node(ours.components[kind])[name];
      const where = `components.${kind}.${name}`;
      compare(found, where, shapeOf(expected, contract, false), shapeOf(actual, ours, true));
    }
  }
  return found;
}

/** How many operations a document has, so that a comparison that saw nothing cannot pass. */
export function operationCount(document: OpenApi): number {
  return Object.values(document.paths)
    .map((item) => METHODS.filter((method) => node(item)[method] !== undefined).length)
    .reduce((sum, count) => sum + count, 0);
}

/** The parts of an operation that a client depends on. */
function operation(given: Node): Node {
  return {
    operationId: given["operationId"],
    aliases: given["x-agentops-aliases"] ?? [],
    security: given["security"] ?? [],
    parameters: ((given["parameters"] ?? []) as readonly Node[]).filter(
      (parameter) => parameter["x-keelson-extension"] !== true,
    ),
    requestBody: given["requestBody"] ?? {},
    responses: given["responses"] ?? {},
  };
}

/** Operations and components that the contract lacks and nothing marks. */
function unmarked(contract: OpenApi, ours: OpenApi): readonly string[] {
  const found: string[] = [];
  for (const [path, item] of Object.entries(ours.paths)) {
    for (const [method, given] of Object.entries(node(item))) {
      if (node(contract.paths[path])[method] !== undefined) continue;
      if (node(given)["x-keelson-extension"] !== true) found.push(`unmarked ${method} ${path}`);
    }
  }
  const known = node(contract.components["schemas"]);
  for (const [name, given] of Object.entries(node(ours.components["schemas"]))) {
    if (name in known || node(given)["x-keelson-extension"] === true) continue;
    found.push(`unmarked schema ${name}`);
  }
  return found;
}

/** The node without prose and with references resolved; without marked additions when asked. */
function shapeOf(given: unknown, document: OpenApi, dropExtensions: boolean): unknown {
  if (Array.isArray(given)) return given.map((item) => shapeOf(item, document, dropExtensions));
  if (typeof given !== "object" || given === null) return given;
  const { $ref } = given as { $ref?: string };
  if ($ref !== undefined) return shapeOf(resolve($ref, document), document, dropExtensions);
  const shape: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (PROSE.has(key) && typeof value !== "object") continue;
    if (key === "examples" || key === "example") continue;
    if (dropExtensions && node(value)["x-keelson-extension"] === true) continue;
    const inner = shapeOf(value, document, dropExtensions);
    // Only additions were in it: the same as not there.
    const emptied = typeof inner === "object" && Object.keys(node(inner)).length === 0;
    if (emptied && (key === "properties" || key === "headers")) continue;
    // The order of required fields and of enum values means nothing.
    shape[key] = key === "required" || key === "enum" ? sorted(inner) : inner;
  }
  return shape;
}

function byText(a: unknown, b: unknown): number {
  return String(a) < String(b) ? -1 : 1;
}

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? [...value].sort(byText) : value;
}

function resolve(pointer: string, document: OpenApi): unknown {
  let at: unknown = document;
  for (const key of pointer.slice(2).split("/")) at = node(at)[key];
  if (at === undefined) throw new Error(`${pointer} leads nowhere`);
  return at;
}

function compare(found: string[], where: string, expected: unknown, actual: unknown): void {
  if (typeof expected === "object" && expected !== null) {
    if (typeof actual !== "object" || actual === null) {
      found.push(`${where}: missing`);
      return;
    }
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const left = (expected as Node)[key];
      const right = (actual as Node)[key];
      compare(found, `${where}.${key}`, left, right);
    }
    return;
  }
  if (expected !== actual) {
    found.push(`${where}: ${JSON.stringify(expected)} became ${JSON.stringify(actual)}`);
  }
}

function node(value: unknown): Node {
  return typeof value === "object" && value !== null ? (value as Node) : {};
}
