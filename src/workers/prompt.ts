/**
 * What goes to the child's stdin. A template's `{name}` stands for a fact about the attempt,
 * `{payload.a.b}` for a field of the payload, `{{` and `}}` for braces.
 */
import { isJsonObject, type JsonObject } from "../lib/json.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { nearestName } from "./nearest-name.ts";

/** What the attempt before this one left behind. */
export interface PreviousAttempt {
  readonly attempt: number;
  /** Absolute path. */
  readonly transcript_path?: string;
  readonly session_id?: string;
  /** How it ended. */
  readonly failure: string;
  readonly worktree?: string;
  readonly branch?: string;
}

export interface PromptFacts {
  readonly job_id: string;
  readonly job_type: string;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly payload: JsonObject;
  readonly artifacts_dir: string;
  readonly worktree?: string;
  readonly branch?: string;
  readonly previous?: PreviousAttempt;
}

type Fact = (facts: PromptFacts) => string | undefined;

/** Placeholders that a template may name. One that yields undefined fails the job. */
const PLACEHOLDERS: Readonly<Record<string, Fact>> = {
  goal: (facts) => textOf(facts.payload["goal"]),
  prompt: (facts) => textOf(facts.payload["prompt"]),
  job_id: (facts) => facts.job_id,
  job_type: (facts) => facts.job_type,
  attempt: (facts) => String(facts.attempt),
  max_attempts: (facts) => String(facts.max_attempts),
  payload: (facts) => JSON.stringify(facts.payload, null, 2),
  artifacts_dir: (facts) => facts.artifacts_dir,
  worktree: (facts) => facts.worktree ?? "",
  branch: (facts) => facts.branch ?? "",
  previous: (facts) => previousNote(facts.previous),
  previous_attempt: (facts) => String(facts.previous?.attempt ?? ""),
  previous_transcript: (facts) => facts.previous?.transcript_path ?? "",
  previous_session_id: (facts) => facts.previous?.session_id ?? "",
  previous_failure: (facts) => facts.previous?.failure ?? "",
  previous_worktree: (facts) => facts.previous?.worktree ?? "",
  previous_branch: (facts) => facts.previous?.branch ?? "",
};

/** Names of all placeholders. */
const PLACEHOLDER_NAMES: readonly string[] = Object.keys(PLACEHOLDERS);

const TOKEN = /\{\{|\}\}|\{([a-zA-Z_][\w.-]*)\}/g;

/** Placeholders of a template that mean nothing. */
export function unknownPlaceholders(template: string): readonly { name: string; help: string }[] {
  const unknown: { name: string; help: string }[] = [];
  for (const [, name] of template.matchAll(TOKEN)) {
    if (name === undefined || name.startsWith("payload.") || Object.hasOwn(PLACEHOLDERS, name)) {
      continue;
    }
    const near = nearestName(name, PLACEHOLDER_NAMES);
    const help = near === undefined ? "; write {{ for a brace" : `; did you mean {${near}}?`;
    unknown.push({ name, help });
  }
  return unknown;
}

/**
 * The prompt of an attempt, or undefined when neither the configuration nor the payload has one.
 * The error is a sentence: the template asks for something that this payload lacks.
 */
export function renderPrompt(
  template: string | undefined,
  facts: PromptFacts,
): Result<string | undefined, string> {
  if (template !== undefined) return renderTemplate(template, facts);
  const own = textOf(facts.payload["prompt"]) ?? textOf(facts.payload["goal"]);
  if (own === undefined) return ok(undefined);
  const note = previousNote(facts.previous);
  return ok(note === "" ? own : `${own}\n\n${note}`);
}

function renderTemplate(template: string, facts: PromptFacts): Result<string, string> {
  const missing: string[] = [];
  const text = template.replaceAll(TOKEN, (token, name: string | undefined) => {
    if (name === undefined) return token.slice(1);
    const value = factOf(name, facts);
    if (value === undefined) missing.push(name);
    return value ?? "";
  });
  if (missing.length === 0) return ok(text);
  const names = missing.map((name) => (name.startsWith("payload.") ? name : `payload.${name}`));
  return err(`the prompt template asks for ${names.join(", ")}, which this job does not have`);
}

function factOf(name: string, facts: PromptFacts): string | undefined {
  if (!name.startsWith("payload.")) return PLACEHOLDERS[name]?.(facts);
  let value: unknown = facts.payload;
  for (const step of name.split(".").slice(1)) {
    value = isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What a resuming agent should know, in words it can act on. */
function previousNote(previous: PreviousAttempt | undefined): string {
  if (previous === undefined) return "";
  const lines = [
    `Attempt ${previous.attempt} of this job ended early: ${previous.failure}`,
    ...(previous.transcript_path === undefined
      ? []
      : [`Its transcript: ${previous.transcript_path}`]),
    ...(previous.session_id === undefined ? [] : [`Its session id: ${previous.session_id}`]),
    ...(previous.worktree === undefined || previous.worktree === ""
      ? []
      : [`Its worktree: ${previous.worktree} (branch ${previous.branch ?? "unknown"})`]),
    "Go on from what it achieved instead of starting over.",
  ];
  return lines.join("\n");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
