/**
 * Who wants to be told what (openwop-core §1.11, §7.3). A subscription is plain data; its secret is
 * kept apart from it and shown once.
 */
import { createHash } from "node:crypto";
import { type TSchema, Type } from "typebox";
import type { EgressPolicy } from "../../egress/policy.ts";
import { parseTarget } from "../../egress/target.ts";
import { isFault } from "../../errors/fault.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { Random } from "../../lib/random.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { nonEmpty, open } from "../events/shapes.ts";
import { invalid, type Problem } from "../problem.ts";

/** What is stored. Belongs to one tenant, and is told of that tenant's runs alone. */
export interface Subscription {
  readonly webhookId: string;
  readonly tenant: string;
  readonly url: string;
  /** Event types; `*` stands for all. */
  readonly events: readonly string[];
  /** Runs with any of these; empty for all runs. */
  readonly tags: readonly string[];
  /** The first characters of the secret's SHA-256, for logs. */
  readonly secretFingerprint: string;
}

/** Shape of the body; what it cannot say is in `readRegistration`. */
export const REGISTER_WEBHOOK: TSchema = open(
  {
    url: Type.String({ minLength: 1, maxLength: 2_048 }),
    events: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      minItems: 1,
      maxItems: 128,
    }),
  },
  {
    tenantId: nonEmpty,
    tags: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 100 }),
  },
);

interface RegistrationBody extends JsonObject {
  readonly url: string;
  readonly events: readonly string[];
  readonly tenantId?: string;
  readonly tags?: readonly string[];
}

export type Registration = Pick<Subscription, "tenant" | "url" | "events" | "tags">;

/**
 * What a body of the right shape asks for, or why it is refused. The name in the URL is not looked
 * up here: `Egress.check` does that before the subscription is stored.
 */
export function readRegistration(
  given: JsonObject,
  caller: { readonly tenant: string; readonly policy: EgressPolicy },
): Result<Registration, Problem> {
  const body = given as RegistrationBody;
  if (body["secret"] !== undefined) {
    return err(invalid("secret", "is made by the host and shown once"));
  }
  const tenant = body.tenantId ?? caller.tenant;
  if (tenant !== caller.tenant) {
    const message = "the key does not belong to this tenant";
    return err({ code: "tenant_membership_required", message });
  }
  if (!URL.canParse(body.url)) return err(invalid("url", "must be an absolute URL"));
  try {
    parseTarget(body.url, caller.policy);
  } catch (error) {
    return err(urlProblem(error));
  }
  return ok({
    tenant,
    url: body.url,
    events: [...new Set(body.events)],
    tags: [...new Set(body.tags)],
  });
}

/** What the peer is told of a URL that egress refuses. Throws what is no such fault. */
export function urlProblem(error: unknown): Problem {
  if (!isFault(error) || error.code !== "egress_refused") throw error;
  return {
    code: "webhook_url_rejected",
    message: error.message,
    details: { field: "url", reason: error.details["reason"] },
  };
}

const SECRET_BYTES = 32;
const FINGERPRINT_CHARS = 8;

/** The subscription and its secret: 64 hexadecimal characters that nobody can guess. */
export function newSubscription(
  registration: Registration,
  webhookId: string,
  random: Random,
): { readonly subscription: Subscription; readonly secret: string } {
  const secret = Buffer.from(random.bytes(SECRET_BYTES)).toString("hex");
  const secretFingerprint = createHash("sha256")
    .update(secret)
    .digest("hex")
    .slice(0, FINGERPRINT_CHARS);
  return { subscription: { webhookId, ...registration, secretFingerprint }, secret };
}

/** The answer to a registration, the id under the names of both eras. */
export function presentRegistration(subscription: Subscription, secret: string): JsonObject {
  const { webhookId, secretFingerprint } = subscription;
  return { webhookId, subscriptionId: webhookId, secret, secretFingerprint };
}

/** Whether an event of a run is for this subscription. */
export function isFor(
  subscription: Subscription,
  event: { readonly tenant: string; readonly type: string; readonly tags: readonly string[] },
): boolean {
  const { tenant, events, tags } = subscription;
  if (tenant !== event.tenant) return false;
  if (!events.includes(event.type) && !events.includes("*")) return false;
  return tags.length === 0 || tags.some((tag) => event.tags.includes(tag));
}
