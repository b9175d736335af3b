/**
 * Who gets in, in the order in which the contract asks (openwop-core §1.1): how many are inside, how
 * often this one came, who it is, what its key allows. Existence is never looked at before all that.
 */

import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Authenticate, Caller, Scope } from "./call.ts";
import { type Problem, rateLimited, unavailable } from "./problem.ts";
import type { RateLimiter } from "./rate-limiter.ts";

export interface AdmissionOptions {
  readonly authenticate: Authenticate;
  readonly limiter: RateLimiter;
  /** Requests under way at once before others are told to come again. */
  readonly inFlightMax: number;
  readonly retryAfterSeconds: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #inFlight = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Takes a place, which `leave` gives back; a problem when there is none. */
  enter(): Problem | undefined {
    const { inFlightMax, retryAfterSeconds } = this.#options;
    if (this.#inFlight >= inFlightMax) {
      return unavailable(`${inFlightMax} requests are under way; come again`, retryAfterSeconds);
    }
    this.#inFlight += 1;
    return undefined;
  }

  leave(): void {
    this.#inFlight -= 1;
  }

  /** Who asks, when the key is good for every one of `needs`. */
  async admit(
    request: IncomingMessage,
    needs: readonly Scope[],
  ): Promise<{ readonly caller: Caller } | { readonly problem: Problem }> {
    const secret = bearerOf(request);
    const whose = secret === undefined ? (request.socket.remoteAddress ?? "") : secret;
    const wait = this.#options.limiter.take(hash("sha256", whose, "base64"));
    if (wait > 0) return { problem: rateLimited("key", wait) };
    if (secret === undefined) return { problem: UNAUTHENTICATED };
    const found = await this.#options.authenticate(secret);
    if (!found.known) return { problem: REFUSED[found.reason] };
    const missing = needs.filter((scope) => !found.caller.may(scope));
    return missing.length === 0 ? { caller: found.caller } : { problem: forbidden(missing) };
  }
}

/** The key of `Authorization: Bearer <key>`. */
function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
}

const UNAUTHENTICATED: Problem = {
  code: "unauthenticated",
  message: "send a key as Authorization: Bearer <key>",
  headers: { "www-authenticate": "Bearer" },
};

const REFUSED: Readonly<Record<"unknown" | "expired" | "revoked", Problem>> = {
  unknown: { ...UNAUTHENTICATED, message: "no such key" },
  expired: {
    code: "key_expired",
    message: "the key has expired; make another: keelson key create",
  },
  revoked: {
    code: "key_revoked",
    message: "the key was revoked; make another: keelson key create",
  },
};

function forbidden(missing: readonly Scope[]): Problem {
  return {
    code: "forbidden",
    message: `the key lacks the scope ${missing.join(", ")}`,
    details: { scopeRequired: missing.join(" ") },
  };
}
