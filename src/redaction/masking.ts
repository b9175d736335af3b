/**
 * What is written instead of a value that its owner marked as sensitive (openwop-core §2.6). One mode
 * holds for a whole run; it is applied before anything is stored. Credentials are not a matter of
 * masking: `redaction.ts` removes them in every mode.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "../lib/canonical.ts";
import type { Json, JsonObject } from "../lib/json.ts";
import { REDACTED } from "./redaction.ts";

export const MASKING_MODES = ["mask", "omit", "hash", "passthrough"] as const;
export type MaskingMode = (typeof MASKING_MODES)[number];

export function isMaskingMode(value: unknown): value is MaskingMode {
  return MASKING_MODES.some((mode) => mode === value);
}

const MASKS: Readonly<Record<MaskingMode, (value: Json) => Json | undefined>> = {
  mask: () => REDACTED,
  omit: () => undefined,
  hash: (value) => `sha256:${digest(value)}`,
  passthrough: (value) => value,
};

/** What stands in a sensitive value's place; undefined when its key is to be dropped. */
export function masked(value: Json, mode: MaskingMode): Json | undefined {
  return MASKS[mode](value);
}

/** The object with its sensitive fields masked; the same object when it has none. */
export function maskFields(
  fields: JsonObject,
  sensitive: ReadonlySet<string>,
  mode: MaskingMode,
): JsonObject {
  const names = Object.keys(fields);
  if (mode === "passthrough" || !names.some((name) => sensitive.has(name))) return fields;
  const kept = names.flatMap((name) => {
    const value = fields[name] as Json;
    if (!sensitive.has(name)) return [[name, value] as const];
    const instead = masked(value, mode);
    return instead === undefined ? [] : [[name, instead] as const];
  });
  return Object.fromEntries(kept);
}

/** Of a text its UTF-8 bytes, of anything else its canonical JSON, so that key order is no matter. */
function digest(value: Json): string {
  const text = typeof value === "string" ? value : canonicalJson(value);
  return createHash("sha256").update(text).digest("hex");
}
