import type { Level, RequirementId } from "../requirements.ts";

/** A route of the contract: its answer's shape, and the level that its answers count for. */
export interface ContractRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly alias?: string;
  readonly level: Level;
  readonly status: number;
  readonly shape: string;
}

function read(path: string, level: Level, shape: string, alias?: string): ContractRoute {
  const route = { method: "GET", path, level, status: 200, shape } as const;
  return alias === undefined ? route : { ...route, alias };
}

export const READ_ROUTES: readonly ContractRoute[] = [
  read("/v1/health", 1, "Health", "/health"),
  read("/v1/ready", 1, "Ready", "/ready"),
  read("/v1/status", 1, "Status", "/status"),
  read("/v1/events", 1, "Events", "/events"),
  read("/openclaw/v1/health", 4, "ConsumerHealth"),
  read("/openclaw/v1/snapshot/latest", 4, "ConsumerSnapshot"),
  read("/openclaw/v1/runs", 4, "ConsumerRuns"),
  read("/openclaw/v1/jobs", 4, "ConsumerJobs"),
  read("/openclaw/v1/wiki", 4, "ConsumerWiki"),
];

const ROUTES: readonly ContractRoute[] = [
  ...READ_ROUTES,
  {
    method: "POST",
    path: "/v1/jobs",
    alias: "/jobs",
    level: 2,
    status: 202,
    shape: "Submitted",
  },
  {
    method: "POST",
    path: "/v1/jobs/cancel",
    alias: "/jobs/cancel",
    level: 3,
    status: 202,
    shape: "Cancelled",
  },
  {
    method: "POST",
    path: "/openclaw/v1/triggers/jobs",
    level: 4,
    status: 202,
    shape: "Triggered",
  },
];

/** Worker routes are an extension; what they say about a job still has the contract's shape. */
function heldShape(method: string, path: string): string | undefined {
  if (method !== "POST") return undefined;
  if (path === "/v1/jobs/claim") return "Claimed";
  return /^\/v1\/jobs\/[^/]+\/(heartbeat|complete|fail|release)$/.test(path) ? "Held" : undefined;
}

export interface Expected {
  readonly level: Level;
  readonly shape: string;
}

/** The shape the contract gives an answer, or undefined where it gives none. */
export function expectedShape(method: string, path: string, status: number): Expected | undefined {
  const known = ROUTES.filter((each) => each.path === path || each.alias === path);
  const route = known.find((each) => each.method === method);
  if (route?.status === status) return { level: route.level, shape: route.shape };
  const level = route?.level ?? known[0]?.level;
  if (level !== undefined) {
    return status >= 400 ? { level, shape: errorShape(path, status) } : undefined;
  }
  const held = heldShape(method, path);
  return held !== undefined && status === 200 ? { level: 3, shape: held } : undefined;
}

function errorShape(path: string, status: number): string {
  return path.startsWith("/openclaw/v1/triggers") && status === 503
    ? "NotReadyOrProblem"
    : "Problem";
}

/** Where a body that breaks its shape is written down, by level. */
export const BODY_REQUIREMENT: Readonly<Record<Level, RequirementId>> = {
  1: "observe:bodies:match-contract",
  2: "enqueue:bodies:match-contract",
  3: "execute:bodies:match-contract",
  4: "project:bodies:match-contract",
};

/** Where a null in place of a list is written down, by level. */
export const LIST_REQUIREMENT: Readonly<Record<Level, RequirementId>> = {
  1: "observe:lists:are-arrays",
  2: "enqueue:lists:are-arrays",
  3: "execute:lists:are-arrays",
  4: "project:lists:are-arrays",
};
