/** One attempt to tell one subscriber about one event. */
import type { Egress, EgressRequest } from "../../egress/client.ts";
import type { PolicySettings } from "../../egress/policy.ts";
import { isFault } from "../../errors/fault.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { RunEvent } from "../events/run-event.ts";
import { SIGNATURE_ALGORITHM, signatureOf } from "./signature.ts";
import type { Subscription } from "./subscription.ts";

/** The contract's: whoever takes longer has failed. */
const ATTEMPT_MS = 5_000;
/** Private networks and the machine itself; metadata services stay out even then. */
const PRIVATE_BLOCKS = [
  "127.0.0.0/8",
  "::1",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
] as const;

/**
 * What deliveries may reach. `OPENWOP_WEBHOOK_ALLOW_PRIVATE=true` relaxes scheme, registration and
 * delivery all at once, because all three ask the same policy.
 */
export function webhookPolicy(allowPrivate: boolean): PolicySettings {
  return allowPrivate ? { allow: PRIVATE_BLOCKS, plainHttp: true } : {};
}

export interface Delivery {
  readonly subscription: Subscription;
  readonly secret: string;
  readonly workspaceId: string;
  /** As it stands in the log. */
  readonly event: RunEvent;
  /** The host's own version, for `User-Agent`. */
  readonly version: string;
}

/**
 * The request of an attempt made now. Headers carry the names of both eras, with the same values.
 * Redirects are not followed: a receiver that moved is to be registered anew.
 */
export function deliveryRequest(delivery: Delivery, now: EpochMs): EgressRequest {
  const { subscription, secret, workspaceId, event, version } = delivery;
  const body = Buffer.from(JSON.stringify({ runId: event.runId, workspaceId, event }));
  const timestamp = Math.floor(now / 1_000);
  const facts = {
    "webhook-id": subscription.webhookId,
    "event-type": event.type,
    timestamp: String(timestamp),
    signature: signatureOf(secret, timestamp, body),
    "signature-algorithm": SIGNATURE_ALGORITHM,
  };
  const named = Object.entries(facts).flatMap(([name, value]) => [
    [`x-openwop-${name}`, value],
    [`x-wop-${name}`, value],
  ]);
  return {
    url: subscription.url,
    method: "POST",
    headers: {
      "content-type": "application/json",
      "user-agent": `openwop-webhook-dispatcher/${version}`,
      ...Object.fromEntries(named),
    },
    body,
    redirectsMax: 0,
    limits: { firstByteMs: ATTEMPT_MS, totalMs: ATTEMPT_MS },
  };
}

/** What came of an attempt. Holds nothing of the receiver's answer but its status. */
export type AttemptOutcome =
  | { readonly delivered: true; readonly status: number }
  | {
      readonly delivered: false;
      /** Absent when no answer came. */
      readonly status?: number;
      /** For logs and dead letters: a status, or the code of a fault. */
      readonly reason: string;
      /** False when another attempt would end the same. */
      readonly retryable: boolean;
      /** The receiver's own wish, from `Retry-After`. */
      readonly retryAfterMs?: number;
    };

/** The receiver wants no more of this kind, ever. */
const GONE = 410;
const RETRY_AFTER_SECONDS_MAX = 86_400;

/** Makes the attempt. One that fails is an outcome like any other: only our own mistakes throw. */
export async function attempt(egress: Egress, request: EgressRequest): Promise<AttemptOutcome> {
  try {
    const answer = await egress.open(request);
    // The status says it all; nobody reads what a receiver writes.
    answer.cancel();
    const { status } = answer;
    if (status >= 200 && status <= 299) return { delivered: true, status };
    const seconds = Number(answer.headers["retry-after"] ?? Number.NaN);
    const retryAfter = Number.isInteger(seconds) && seconds > 0;
    return {
      delivered: false,
      status,
      reason: `status ${status}`,
      retryable: status !== GONE,
      ...(retryAfter ? { retryAfterMs: Math.min(seconds, RETRY_AFTER_SECONDS_MAX) * 1_000 } : {}),
    };
  } catch (error) {
    if (!isFault(error)) throw error;
    const { code } = error;
    return { delivered: false, reason: code, retryable: code !== "egress_refused" };
  }
}
