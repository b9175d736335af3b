/** Holds a payload against its schema; compiled on first use, because most types never occur. */
import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Json } from "../../lib/json.ts";
import { PAYLOAD_SCHEMAS } from "./payload-schemas.ts";

const ajv = new Ajv2020({ strict: false, allErrors: false });
addFormats.default(ajv, ["date-time"]);
const compiled = new Map<string, ValidateFunction>();

/** What is wrong with the payload of an event, as `<JSON pointer> <why>`; undefined when nothing. */
export function payloadProblem(type: string, payload: Json): string | undefined {
  const validate = compiled.get(type) ?? compile(type);
  if (validate === undefined) return `no event type ${type}`;
  return validate(payload) ? undefined : reading(validate.errors?.[0]);
}

function compile(type: string): ValidateFunction | undefined {
  const schema = PAYLOAD_SCHEMAS[type];
  if (schema === undefined) return undefined;
  const validate = ajv.compile(schema);
  compiled.set(type, validate);
  return validate;
}

function reading(error: ErrorObject | undefined): string {
  return `${error?.instancePath ?? ""} ${error?.message ?? "is not valid"}`.trim();
}
