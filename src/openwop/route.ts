/** One row of the route table: everything that is known about a route is derived from it. */
import type { TSchema } from "typebox";
import type { Handler, Scope } from "./call.ts";

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

export interface Route {
  readonly method: Method;
  /** OpenAPI form, with `{parameters}`; a verb after a colon is part of it. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** What the caller's key must allow, all of it; `public` for routes that ask for no key. */
  readonly needs: "public" | readonly Scope[];
  /** Schema of the JSON body; absent for routes that take none. */
  readonly body?: TSchema;
  readonly success: { readonly status: 200 | 201 | 202 | 204; readonly schema?: TSchema };
  /** True for routes that answer even when too much is under way: how else could one find out. */
  readonly exempt?: boolean;
  readonly handle: Handler;
}

/**
 * A path in the router's own form. A parameter before a verb stops at the colon, or it would
 * swallow the verb; a colon that is not a parameter's is doubled.
 */
export function routerPath(path: string): string {
  return path
    .replaceAll(":", "::")
    .replaceAll(/\{(\w+)\}(?=::)/g, ":$1(^[^:]+)")
    .replaceAll(/\{(\w+)\}/g, ":$1");
}
