/** One row of the route table: everything that is known about a route is derived from it. */
import type { TextAnswer } from "../http/reply.ts";
import type { Handler, Surface } from "./call.ts";
import type { Need } from "./policy.ts";

export type Method = "GET" | "POST" | "PUT";

export interface QueryParameter {
  readonly name: string;
  readonly type: "string" | "integer";
  readonly description: string;
}

export interface Route {
  readonly method: Method;
  /** OpenAPI form, with `{parameters}`. */
  readonly path: string;
  /** The contract's unversioned alias. */
  readonly alias?: string;
  readonly operationId: string;
  readonly tag: "Readiness" | "Jobs" | "Events" | "OpenClaw" | "Execution" | "Operation";
  readonly summary: string;
  /** What the caller's token must allow; absent for open reads. */
  readonly needs?: Need;
  /** Judged before the body is read. */
  readonly gate?: "ready";
  /** Answers without the ledger, and so while a database is away too. */
  readonly storeless?: true;
  /** How the body is read; absent for none. An optional one may be empty. */
  readonly body?: "json" | "optional-json" | "raw";
  /** Component schema of the JSON body. */
  readonly request?: string;
  readonly query?: readonly QueryParameter[];
  /** Status and component schema of success; no schema for a body that is not JSON. */
  readonly success: {
    readonly status: 200 | 202;
    readonly schema?: string;
    /** Content type of a body that is not JSON; bytes of any kind when absent. */
    readonly content?: string;
  };
  /** Error statuses the contract lists; absent on routes that are ours alone. */
  readonly contract?: readonly number[];
  /** Error statuses of the handler beyond those that its other fields imply. */
  readonly errors?: readonly number[];
  readonly handle: Handler;
  /**
   * On an exposed daemon the answer to whoever shows no token, under whatever name they came: load
   * balancers have neither. It says the state and nothing else.
   */
  readonly probe?: (surface: Surface) => TextAnswer | Promise<TextAnswer>;
}

/** True for a route the contract does not have. */
export function isExtension(route: Route): boolean {
  return route.contract === undefined;
}

/** Every error status a route can answer, rising. */
export function errorStatuses(route: Route): readonly number[] {
  const implied = [400, 403, 405, 408, 431, 500, 503];
  if (route.body !== undefined) implied.push(413);
  const all = new Set([...implied, ...(route.errors ?? []), ...(route.contract ?? [])]);
  return [...all].sort((left, right) => left - right);
}

/** The route's path and alias. */
export function pathsOf(route: Route): readonly string[] {
  return route.alias === undefined ? [route.path] : [route.path, route.alias];
}

/** A path in the router's own form: parameters with a colon, a literal colon doubled. */
export function routerPath(path: string): string {
  return path.replaceAll(":", "::").replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Matches the raw, still encoded path of a request. */
export function pathPattern(path: string): RegExp {
  const literal = path.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}
