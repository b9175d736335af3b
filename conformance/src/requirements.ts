/**
 * Everything the kit asks of a daemon, as data. An id is `area:subject:condition`; scenarios cite
 * ids, assertions name them, and a level is conformant when each of its requirements was exercised
 * by at least one assertion and none failed.
 */
import { ENQUEUE } from "./requirements/enqueue.ts";
import { EXECUTE } from "./requirements/execute.ts";
import { OBSERVE } from "./requirements/observe.ts";
import { PROJECT } from "./requirements/project.ts";
import type { RequirementRows } from "./requirements/row.ts";

export type Level = 1 | 2 | 3 | 4;

export const LEVELS: readonly { readonly level: Level; readonly name: string }[] = [
  { level: 1, name: "Observe" },
  { level: 2, name: "Enqueue" },
  { level: 3, name: "Execute" },
  { level: 4, name: "Project" },
];

export type RequirementId =
  | keyof typeof OBSERVE
  | keyof typeof ENQUEUE
  | keyof typeof EXECUTE
  | keyof typeof PROJECT;

export interface Requirement {
  readonly id: RequirementId;
  readonly level: Level;
  /** What must hold, in our own words. */
  readonly sentence: string;
  /** Where the contract asks for it: a part of the OpenAPI document or one of the eleven checks. */
  readonly source: string;
  /** Binds only a daemon that has the feature; not exercising it leaves the level whole. */
  readonly optional: boolean;
}

function level(number: Level, rows: RequirementRows): Requirement[] {
  return Object.entries(rows).map(([id, [source, sentence, optional]]) => ({
    id: id as RequirementId,
    level: number,
    sentence,
    source,
    optional: optional === "optional",
  }));
}

export const REQUIREMENTS: readonly Requirement[] = [
  ...level(1, OBSERVE),
  ...level(2, ENQUEUE),
  ...level(3, EXECUTE),
  ...level(4, PROJECT),
];

const LEVEL_OF = new Map<string, Level>(REQUIREMENTS.map((each) => [each.id, each.level]));

export function levelOf(id: RequirementId): Level {
  return LEVEL_OF.get(id) ?? 1;
}
