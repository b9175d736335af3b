/** The refusals that the run engine itself makes. None of them says whether something exists elsewhere. */
import type { JsonObject } from "../../lib/json.ts";
import { err } from "../../lib/result.ts";
import type { RunRefusal, RunRefusalCode } from "./engine.ts";

interface Refused {
  readonly ok: false;
  readonly error: RunRefusal;
}

export function refuse(code: RunRefusalCode, message: string, details?: JsonObject): Refused {
  return err(details === undefined ? { code, message } : { code, message, details });
}

/** Of an id that is nobody's, or somebody else's. */
export function noRun(): Refused {
  return refuse("not_found", "there is no such run");
}

export function noWorkflow(workflowId: string): Refused {
  return refuse("workflow_not_found", `no workflow "${workflowId}" is registered`);
}
