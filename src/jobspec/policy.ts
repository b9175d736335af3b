/** Who may change something: the contract's mutation policy, in its order and words (digest §7.3). */
import type { IncomingMessage } from "node:http";
import { isLoopbackAddress } from "../http/loopback.ts";
import type { Capability } from "../identity/capability.ts";
import type { Principal, Principals } from "../identity/principals.ts";
import type { Problem } from "./errors.ts";

export interface Policy {
  readonly principals: Principals;
  /** Origins of web pages that may change things; none by default, not even the daemon's own. */
  readonly trustedOrigins: readonly string[];
  /** True when peers on other machines may come; then reads need a token too. */
  readonly isExposed: boolean;
}

export type Verdict =
  | { readonly allowed: true; readonly principal: Principal }
  | { readonly allowed: false; readonly reason: string };

/** `any` asks for a valid token whatever it may do. */
export type Need = Capability | "any";

/** Judges a request by its connection and headers alone: the body has not been read. */
export function judge(policy: Policy, request: IncomingMessage, need: Need): Verdict {
  const { headers } = request;
  if (!policy.principals.configured) return denied("mutation token not configured");
  const local = isLoopbackAddress(request.socket.remoteAddress);
  if (!local && !policy.isExposed) return denied("remote address is not local");
  const origin = headers.origin?.trim() ?? "";
  if (origin !== "" && !policy.trustedOrigins.includes(origin)) {
    return denied("browser origin is not trusted");
  }
  if (text(headers["sec-fetch-site"]).toLowerCase() === "cross-site") {
    return denied("browser fetch site is not trusted");
  }
  const secret = presentedSecret(request);
  const principal = secret === "" ? undefined : policy.principals.authenticate(secret);
  if (principal === undefined) return denied("mutation token mismatch");
  if (principal.localOnly && !local) return denied("token requires local remote");
  if (need !== "any" && !principal.may(need)) {
    return denied("token capability outside mutation scope");
  }
  return { allowed: true, principal };
}

/** Why a read is not answered: only an exposed daemon asks readers who they are. */
export function readDenial(reason: string): Problem {
  const { details } = denial(reason);
  const message = `daemon read denied: ${reason.replace(/^mutation /, "")}`;
  return { code: "read_denied", message, details };
}

export function denial(reason: string): Problem {
  const fix = FIXES[reason];
  return {
    code: "mutation_denied",
    message: `daemon mutation denied: ${reason}`,
    ...(fix === undefined ? {} : { details: { fix } }),
  };
}

const FIXES: Readonly<Record<string, string>> = {
  "mutation token not configured": "Start the daemon with a token file.",
  "mutation token mismatch":
    "Send the token of the daemon's token file in X-AgentOps-Daemon-Token or Authorization: Bearer.",
  "token requires local remote":
    'The token counts on the daemon\'s own machine only. Use one of a token file of the form {"tokens":[{"name":"…","token":"…","capabilities":["…"]}]}.',
  "token capability outside mutation scope": "Give the token this route's capability, or admin.",
  "browser origin is not trusted": "Call from a program, or name the origin as trusted.",
};

/** The custom header wins over the bearer whenever it is not blank, even when it is wrong. */
function presentedSecret(request: IncomingMessage): string {
  const custom = text(request.headers["x-agentops-daemon-token"]);
  if (custom !== "") return custom;
  const authorization = request.headers.authorization ?? "";
  return authorization.startsWith("Bearer ") ? authorization.slice(7).trim() : "";
}

function text(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header.join(",") : (header ?? "")).trim();
}

function denied(reason: string): Verdict {
  return { allowed: false, reason };
}
