/** What a route's handler is given, and what it gives back. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TextAnswer } from "../http/reply.ts";
import type { JsonObject } from "../lib/json.ts";
import { type Problem, presentProblem } from "./problem.ts";

/** What a key may do (openwop-core §1.1). None implies another. */
export const SCOPES = [
  "manifest:read",
  "runs:create",
  "runs:read",
  "runs:cancel",
  "artifacts:read",
  "webhooks:manage",
  "approvals:respond",
  "audit:read",
  "workspace:read",
  "workspace:write",
  "prompts:read",
  "prompts:write",
  "packs:publish",
  "packs:yank",
  "packs:yank-revert",
] as const;
export type Scope = (typeof SCOPES)[number];

/** Whoever holds a key. Never carries the secret. */
export interface Caller {
  readonly tenant: string;
  readonly workspace: string;
  readonly principal: string;
  /** Of the key, for rate limits; not its secret. */
  readonly keyId: string;
  readonly isTestKey: boolean;
  may(scope: Scope): boolean;
}

/** Whose key this is. Takes the same time whichever key it is, or none. */
export type Authenticate = (
  secret: string,
) => Promise<
  | { readonly known: true; readonly caller: Caller }
  | { readonly known: false; readonly reason: "unknown" | "expired" | "revoked" }
>;

/** One request on its way through a handler. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path parameters, decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: URLSearchParams;
  /** The parsed body; empty for routes that take none. */
  readonly body: JsonObject;
  /** Who asks. Throws on a route without a scope: there, nobody is known. */
  readonly caller: Caller;
}

/** A text to send, or nothing when the handler has answered by itself. */
export type Answer = TextAnswer | undefined;
export type Handler = (call: Call) => Answer | Promise<Answer>;

export function json(
  status: number,
  value: object,
  headers?: Readonly<Record<string, string>>,
): TextAnswer {
  const text = JSON.stringify(value);
  return headers === undefined ? { status, text } : { status, text, headers };
}

export function refuse(problem: Problem): TextAnswer {
  return presentProblem(problem);
}
