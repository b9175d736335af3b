/** Who gets past the door, by connection and headers alone: no body has been read, nothing looked up. */
import type { IncomingMessage } from "node:http";
import { isOwnHost } from "../http/exposure.ts";
import type { TextAnswer } from "../http/reply.ts";
import type { Principal } from "../identity/principals.ts";
import type { Surface } from "./call.ts";
import { type Problem, presentProblem } from "./errors.ts";
import { denial, judge, readDenial } from "./policy.ts";
import type { Route } from "./route.ts";

export type Entry =
  | { readonly principal: Principal | undefined }
  | { readonly refusal: TextAnswer | Promise<TextAnswer> };

/** Lets a request in, or gives the answer that turns it away. */
export function entryFor(surface: Surface, route: Route, request: IncomingMessage): Entry {
  const { exposure, policy } = surface;
  const problem = foreignHost(surface, request);
  const isRead = route.needs === undefined;
  const needs = route.needs ?? (exposure === undefined ? undefined : "any");
  const verdict = problem === undefined && needs !== undefined && judge(policy, request, needs);
  if (problem === undefined && (verdict === false || verdict.allowed)) {
    return { principal: verdict === false ? undefined : verdict.principal };
  }
  if (exposure !== undefined && route.probe !== undefined) return { refusal: route.probe(surface) };
  if (problem !== undefined) return { refusal: presentProblem(problem) };
  const reason = verdict === false || verdict.allowed ? "" : verdict.reason;
  return { refusal: presentProblem(isRead ? readDenial(reason) : denial(reason)) };
}

/** A name in `Host` that is not ours is a web page that rebinds its own name to us. */
export function foreignHost(surface: Surface, request: IncomingMessage): Problem | undefined {
  const { host } = request.headers;
  if (host === undefined) return { code: "bad_request", message: "the Host header is missing" };
  if (isOwnHost(host, surface.exposure)) return undefined;
  const named = surface.exposure === undefined ? "" : " or one that the daemon is exposed as";
  return { code: "host_denied", message: `request denied: Host is not a loopback name${named}` };
}
