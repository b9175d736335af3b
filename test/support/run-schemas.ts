/** Holds events of a run's log against the contract's own schemas, where those are at hand. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const FOLDER = join(import.meta.dirname, "../../../shared/openwop");
export const FIXTURES_PATH = join(FOLDER, "fixtures");
export const hasContract = existsSync(join(FOLDER, "schemas"));

const HOME = "https://openwop.dev/spec/v1/";
const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
if (hasContract) {
  for (const name of readdirSync(join(FOLDER, "schemas"))) {
    if (!name.endsWith(".json")) continue;
    ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, "schemas", name), "utf8")) as object);
  }
}
const validators = new Map<string, ValidateFunction>();

function validator(reference: string): ValidateFunction {
  const known = validators.get(reference);
  if (known !== undefined) return known;
  const made = ajv.compile({ $ref: `${HOME}${reference}` });
  validators.set(reference, made);
  return made;
}

/** Throws unless the event fits the schema of events and that of its payload. */
export function checkEvent(event: { readonly type: string; readonly payload: object }): void {
  if (!hasContract) return;
  check("run-event.schema.json", event);
  if (event.type.startsWith("keelson.")) return;
  const { payload } = event;
  // The June schema of the reducer's name leaves out `message`, which the prose has (digest §11).
  const isMessage = "reducer" in payload && payload.reducer === "message";
  const held = isMessage ? { ...payload, reducer: "append" } : payload;
  check(`run-event-payloads.schema.json#/$defs/_typeIndex/properties/${event.type}`, held);
}

/** Throws unless the value fits one of the contract's schemas. */
export function check(schema: string, value: unknown): void {
  if (!hasContract) return;
  const validate = validator(schema);
  if (validate(value)) return;
  throw new Error(`${schema}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`);
}
