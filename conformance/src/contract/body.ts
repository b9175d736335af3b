/** Holds a body against the contract's shapes. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { JOB_SHAPES } from "./jobs.ts";
import { HELD_SHAPES, READ_SHAPES } from "./reads.ts";
import type { Schema } from "./schema.ts";

const SHAPES: Readonly<Record<string, Schema>> = {
  ...JOB_SHAPES,
  ...READ_SHAPES,
  ...HELD_SHAPES,
  NotReadyOrProblem: {
    // Another 503 is a plain problem; this one error text promises the lag beside it.
    if: { properties: { error: { const: "daemon is not ready" } } },
    // biome-ignore lint/suspicious/noThenProperty: see above -- the keyword is JSON Schema's
    // oxlint-disable-next-line unicorn/no-thenable -- the keyword is JSON Schema's own
    then: { $ref: "#/$defs/NotReady" },
    else: { $ref: "#/$defs/Problem" },
  },
};

/** Keeps a finding readable when a whole list is wrong in the same way. */
const FINDINGS_MAX = 8;

const ajv = new Ajv2020({ strict: false, allErrors: true, verbose: true });
addFormats.default(ajv);
ajv.addSchema({ $id: "contract", $defs: SHAPES });

export interface BodyFindings {
  /** Lists that are null, by JSON pointer. */
  readonly nullLists: readonly string[];
  /** Everything else that is wrong with the body. */
  readonly other: readonly string[];
}

export function findInBody(shape: string, body: unknown): BodyFindings {
  const validate = validator(shape);
  if (validate(body)) return { nullLists: [], other: [] };
  const nullLists: string[] = [];
  const other: string[] = [];
  for (const error of validate.errors ?? []) {
    const where = error.instancePath === "" ? "the body" : error.instancePath;
    if (isNullList(error)) nullLists.push(`${where} is null`);
    else if (error.keyword !== "if") other.push(`${where} ${error.message ?? "is wrong"}`);
  }
  return { nullLists: distinct(nullLists), other: distinct(other) };
}

function isNullList(error: ErrorObject): boolean {
  return error.keyword === "type" && error.schema === "array" && error.data === null;
}

function distinct(findings: readonly string[]): string[] {
  return [...new Set(findings)].slice(0, FINDINGS_MAX);
}

function validator(shape: string): ValidateFunction {
  const found = ajv.getSchema(`contract#/$defs/${shape}`);
  if (found === undefined) throw new Error(`no shape is called ${shape}`);
  return found;
}
