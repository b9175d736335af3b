/**
 * The shape of `keelson.json` as JSON Schema 2020-12: what the loader checks against, what editors
 * complete from, and what `docs/reference/configuration.md` is generated from. `x-must` is the
 * sentence a reader gets when a value does not fit.
 */
import { JOB_TYPES, type JobType } from "../kernel/job/types.ts";
import type { JsonObject } from "../lib/json.ts";

/** The type that the daemon runs by itself; it cannot be mapped to a command. */
const BUILT_IN: JobType = "openclaw.snapshot";

/** Job types that a command line may be given for. */
const COMMAND_JOB_TYPES: readonly JobType[] = JOB_TYPES.filter((type) => type !== BUILT_IN);

/** What an attempt can end with that is worth another attempt. */
const RETRY_CAUSES = ["signal", "timeout", "exit"] as const;
export type RetryCause = (typeof RETRY_CAUSES)[number];

/** Terminal states that a notification can be sent for. */
const NOTIFY_STATES = ["completed", "failed", "cancelled"] as const;
export type NotifyState = (typeof NOTIFY_STATES)[number];

const TRANSCRIPT_BYTES_DEFAULT: number = 8 * 1024 * 1024;
const TRANSCRIPT_BYTES_MIN = 4096;
/** What a blob may hold; a transcript becomes one. */
export const TRANSCRIPT_BYTES_MAX: number = 64 * 1024 * 1024;
const DAY_S = 86_400;

const command: JsonObject = {
  type: "array",
  minItems: 1,
  items: { type: "string", minLength: 1, "x-must": "must be a non-empty string" },
  "x-must": "must be a non-empty array of strings",
};

function seconds(min: number, max: number, words: JsonObject): JsonObject {
  return {
    type: "number",
    minimum: min,
    maximum: max,
    "x-must": `must be a number of seconds from ${min} to ${max}`,
    ...words,
  };
}

function texts(what: string, words: JsonObject): JsonObject {
  return {
    type: "array",
    items: { type: "string" },
    "x-must": `must be an array of ${what}`,
    ...words,
  };
}

function choices(values: readonly string[], words: JsonObject): JsonObject {
  return {
    type: "array",
    items: { enum: values, "x-must": `must be one of ${quoted(values)}` },
    uniqueItems: true,
    "x-must": `must be an array of ${quoted(values)}, each at most once`,
    ...words,
  };
}

function quoted(values: readonly string[]): string {
  return values.map((value) => `"${value}"`).join(", ");
}

const env: JsonObject = {
  type: "object",
  additionalProperties: false,
  default: {},
  description:
    "What the child gets beside PATH, HOME, USER, SHELL, LANG, LC_*, TERM, TMPDIR, TZ and XDG_*. " +
    "The daemon's own tokens are never handed on.",
  "x-must": "must be an object with `pass` and `set`",
  properties: {
    pass: texts("variable names", {
      default: [],
      description:
        "Names of variables to hand on from the daemon's environment; a name may end in `*`. " +
        "Values of names that look like credentials are cut out of transcripts.",
    }),
    set: {
      type: "object",
      propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$", "x-must": "must be a variable name" },
      additionalProperties: { type: "string", "x-must": "must be a string" },
      default: {},
      description: "Variables to set to fixed values.",
      "x-must": "must be an object of strings",
    },
  },
};

const job: JsonObject = {
  type: "object",
  additionalProperties: false,
  required: ["command"],
  "x-must": "must be an object with a `command`",
  properties: {
    command: {
      ...command,
      description:
        'Program and arguments. No shell: write ["sh", "-c", "…"] where you want one. A program ' +
        "with a slash is looked up from the root, one without in PATH.",
    },
    resume_command: {
      ...command,
      description:
        "Used instead of `command` when the previous attempt left a session id; " +
        "`{previous_session_id}` in an argument stands for it.",
    },
    prompt: {
      type: "string",
      minLength: 1,
      description:
        "Template of the text on the child's stdin. Without it: the payload's `prompt`, else its " +
        "`goal`, with a note about the previous attempt; without those the job file's JSON.",
      "x-must": "must be a non-empty string",
    },
    concurrency: {
      type: "integer",
      minimum: 1,
      maximum: 64,
      default: 1,
      description: "How many jobs of this type run at once.",
      "x-must": "must be a whole number from 1 to 64",
    },
    timeout_s: seconds(0.1, 20 * DAY_S, {
      description: "Longest run of one attempt. Absent: no limit.",
    }),
    grace_s: seconds(0, 600, {
      default: 10,
      description: "Time between SIGTERM and SIGKILL when an attempt is stopped.",
    }),
    env,
    cwd: {
      type: "string",
      minLength: 1,
      default: ".",
      description: "Directory the command runs in, relative to the root (or to the worktree).",
      "x-must": "must be a relative directory inside the root",
    },
    worktree: {
      type: "boolean",
      default: false,
      description:
        "Run each attempt in a git worktree of its own, on the branch `keelson/<job>-<attempt>`.",
      "x-must": "must be true or false",
    },
    transcript_max_bytes: {
      type: "integer",
      minimum: TRANSCRIPT_BYTES_MIN,
      maximum: TRANSCRIPT_BYTES_MAX,
      default: TRANSCRIPT_BYTES_DEFAULT,
      description: "Size of the kept transcript; of a longer one the middle is cut out.",
      "x-must": `must be a whole number from ${TRANSCRIPT_BYTES_MIN} to ${TRANSCRIPT_BYTES_MAX}`,
    },
    require_output: {
      type: "boolean",
      default: false,
      description:
        "Take exit code 0 without a single byte of output for a failure, since some agents end " +
        "like that when they never started.",
      "x-must": "must be true or false",
    },
    retry_on: choices(RETRY_CAUSES, {
      default: ["signal"],
      description:
        "Ends of an attempt after which the job waits for its next attempt instead of failing: " +
        "killed by a signal, over its time, or a non-zero exit code.",
    }),
  },
};

const notify: JsonObject = {
  type: "object",
  additionalProperties: false,
  required: ["command"],
  description: "A command that runs once for every job that reaches a terminal state.",
  "x-must": "must be an object with a `command`",
  properties: {
    command: { ...command, description: "Program and arguments; the job's JSON is on its stdin." },
    on: choices(NOTIFY_STATES, {
      default: [...NOTIFY_STATES],
      description: "Terminal states to notify about.",
    }),
    timeout_s: seconds(0.1, 3600, {
      default: 30,
      description: "Longest run of one notification; then it is killed.",
    }),
    env,
  },
};

/** The whole file. */
export const CONFIG_SCHEMA: JsonObject = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "keelson.json",
  description: "Configuration of a Keelson daemon, at its root. Comments are allowed.",
  type: "object",
  additionalProperties: false,
  "x-must": "must be an object",
  properties: {
    $schema: {
      type: "string",
      description: "Where editors find this schema; the daemon ignores it.",
      "x-must": "must be a string",
    },
    jobs: {
      type: "object",
      additionalProperties: false,
      default: {},
      description:
        "Command lines by job type. Jobs of a type that is not here stay queued until some other " +
        "worker takes them.",
      "x-must": "must be an object of job types",
      properties: Object.fromEntries(COMMAND_JOB_TYPES.map((type) => [type, job])),
    },
    notify,
    lease_s: seconds(1, 3600, {
      default: 60,
      description: "How long a claimed job stays with a worker that says nothing.",
    }),
    heartbeat_s: seconds(0.1, 1800, {
      default: 15,
      description: "How often a worker says that it still works; at most half of `lease_s`.",
    }),
    max_attempts: {
      type: "integer",
      minimum: 1,
      maximum: 100,
      default: 3,
      description: "Attempts that a job submitted from now on gets.",
      "x-must": "must be a whole number from 1 to 100",
    },
    rotate_bytes: {
      type: "integer",
      minimum: 0,
      description:
        "The ledger moves to a compressed archive before it grows over this size. 0: never.",
      "x-must": "must be a whole number of bytes, or 0",
    },
  },
};
