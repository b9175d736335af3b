/** What a route's handler is given, and what it gives back. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Engine, EngineLimits } from "../engine/engine.ts";
import type { OpenStreams } from "../http/event-stream.ts";
import type { Exposure } from "../http/exposure.ts";
import type { HttpLimits } from "../http/limits.ts";
import type { TextAnswer } from "../http/reply.ts";
import type { Principal } from "../identity/principals.ts";
import type { JsonObject } from "../lib/json.ts";
import type { EpochMs } from "../lib/time.ts";
import { type Problem, presentProblem } from "./errors.ts";
import type { MetricsPage } from "./metrics.ts";
import type { Operations } from "./operate.ts";
import type { Policy } from "./policy.ts";
import type { OpenSnapshots } from "./snapshot.ts";

/** Everything the surface stands on; one per app. */
export interface Surface {
  readonly engine: Engine;
  readonly policy: Policy;
  /** Absent on a daemon that only its own machine can reach. */
  readonly exposure: Exposure | undefined;
  readonly limits: EngineLimits;
  readonly http: HttpLimits;
  readonly operate: Operations;
  readonly metrics: MetricsPage;
  readonly streams: OpenStreams;
  readonly snapshots: OpenSnapshots;
  readonly now: () => EpochMs;
  /** The OpenAPI document as text. */
  readonly openapi: () => string;
}

/** One request on its way through a handler. */
export interface Call {
  readonly surface: Surface;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path parameters, decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
  /** The parsed query; empty for routes that take none. */
  readonly query: URLSearchParams;
  /** The parsed body; empty for routes that take none. */
  readonly body: JsonObject;
  /** Who asks; only on routes that need a capability. */
  readonly principal: Principal | undefined;
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

/** Ledger actor of the caller. */
export function actorOf(call: Call): string {
  return call.principal?.actor ?? "ao-http:anonymous";
}
