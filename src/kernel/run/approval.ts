/** Votes on an approval (openwop-core §4.3, §4.4): what one says, and when they decide. */
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { ok, type Result } from "../../lib/result.ts";
import type { ResolveInterrupt } from "./input.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import type { InterruptState } from "./state.ts";

export interface ApprovalAnswer {
  readonly action: string;
  readonly voter: string;
  readonly by: string;
  readonly value: JsonObject;
}

const ACCEPTS: ReadonlySet<string> = new Set(["accept", "edit-accept"]);
const ALIASES: Readonly<Record<string, string>> = { edit: "edit-accept", approve: "accept" };

/**
 * The vote in a resume value. Where approvers are listed, the voter is whoever sent it: a name in the
 * body could be anybody's.
 */
export function approvalOf(
  interrupt: InterruptState,
  { value, by }: ResolveInterrupt,
): Result<ApprovalAnswer, RunRejection> {
  if (!isJsonObject(value)) return refuse("validation_error", "the answer must be an object");
  const said = value["action"] ?? value["decision"];
  const actions = listOf(interrupt, "actions");
  const action = typeof said === "string" ? (aliasOf(said) ?? said) : "";
  if (!actions.includes(action)) {
    return refuse("validation_error", `action must be one of ${actions.join(", ")}`, { actions });
  }
  const approvers = listOf(interrupt, "approversList");
  if (approvers.length > 0 && !approvers.includes(by)) {
    return refuse("forbidden", "only the listed approvers may answer this");
  }
  const named = value["voter"];
  const voter = approvers.length === 0 && typeof named === "string" && named !== "" ? named : by;
  return ok({ action, voter: voter === "__proto__" ? "voter" : voter, by, value });
}

function aliasOf(action: string): string | undefined {
  return Object.hasOwn(ALIASES, action) ? ALIASES[action] : undefined;
}

function dataOf({ payload }: InterruptState): JsonObject {
  const { data } = payload;
  return isJsonObject(data) ? data : {};
}

function listOf(interrupt: InterruptState, field: string): readonly string[] {
  const list = dataOf(interrupt)[field];
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}

interface Vote {
  readonly voter: string;
  readonly action: string;
  readonly override?: { readonly reason: string } | undefined;
}

/** What the votes say once this one is in. */
export function verdict(
  interrupt: InterruptState,
  { voter, action, override }: Vote,
): "open" | "decided" | "overridden" {
  const data = dataOf(interrupt);
  const needed = data["requiredApprovals"];
  const required = typeof needed === "number" ? needed : 1;
  if (override !== undefined && data["overrideBypassesQuorum"] === true) return "overridden";
  if (action === "refine") return "decided";
  const votes = Object.values({ ...interrupt.votes, [voter]: action });
  if (ACCEPTS.has(action)) {
    return votes.filter((vote) => ACCEPTS.has(vote)).length >= required ? "decided" : "open";
  }
  const rejects = votes.filter((vote) => vote === "reject").length;
  const majority = Math.floor(required / 2) + 1;
  return rejects >= (data["rejectionPolicy"] === "majority" ? majority : 1) ? "decided" : "open";
}
