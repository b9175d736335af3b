/** Holds a request body against its route's schema, and names the first field that does not fit. */
import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { TSchema } from "typebox";
import type { JsonObject } from "../lib/json.ts";
import { invalid, type Problem } from "./problem.ts";

const ajv = new Ajv2020({ strict: false, allErrors: false });
const compiled = new WeakMap<TSchema, ValidateFunction>();

export function bodyProblem(schema: TSchema, body: JsonObject): Problem | undefined {
  const validate = compiled.get(schema) ?? ajv.compile(schema);
  compiled.set(schema, validate);
  if (validate(body)) return undefined;
  return reading(validate.errors?.[0]);
}

function reading(error: ErrorObject | undefined): Problem {
  const { instancePath = "", keyword = "", params = {}, message } = error ?? {};
  const at = instancePath.slice(1).replaceAll("/", ".");
  const below = (name: unknown): string => (at === "" ? String(name) : `${at}.${String(name)}`);
  switch (keyword) {
    case "required":
      return invalid(below(params["missingProperty"]), "is required");
    case "additionalProperties":
    case "unevaluatedProperties":
      return invalid(
        below(params["additionalProperty"] ?? params["unevaluatedProperty"]),
        "is not a field of this request",
      );
    case "enum": {
      const allowed = (params["allowedValues"] as readonly unknown[]).map((value) =>
        JSON.stringify(value),
      );
      return invalid(at, `must be one of ${allowed.join(", ")}`);
    }
    default:
      return invalid(at === "" ? "the body" : at, message ?? "cannot be used");
  }
}
