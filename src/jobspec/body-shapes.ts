/**
 * Request bodies, checked by compiled schemas. A wrong shape or type is the contract's
 * `invalid json`; a well-typed value outside its bounds is `invalid_field`. Value rules with words
 * of their own (ids, job types) come after, in fields.ts.
 */
import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type TSchema, Type } from "typebox";
import { Fault } from "../errors/fault.ts";
import type { Fence, WorkProducts } from "../kernel/job/decide.ts";
import type { Failure } from "../kernel/job/state.ts";
import type { JsonObject } from "../lib/json.ts";
import { invalidField } from "./fields.ts";
import { ref, shape, text } from "./schema-kit.ts";
import { SCHEMAS } from "./schemas.ts";

interface SubmitBody {
  readonly request_id?: string;
  readonly job_id?: string;
  readonly job_type?: string;
  readonly idempotency_key?: string;
  readonly payload?: JsonObject;
}
interface CancelBody {
  readonly request_id?: string;
  readonly job_id?: string;
  readonly reason?: string;
}
interface ClaimBody {
  readonly types: readonly string[];
  readonly max?: number;
  readonly wait_ms?: number;
  readonly lease_ms?: number;
  readonly worker?: string;
}
export type HoldBody = Fence & WorkProducts;

/** What each checked body is. */
export interface Bodies {
  readonly submit: SubmitBody;
  readonly submitMany: { readonly jobs: readonly JsonObject[] };
  readonly cancel: CancelBody;
  readonly claim: ClaimBody;
  readonly heartbeat: HoldBody & { readonly lease_ms?: number };
  readonly complete: HoldBody;
  readonly fail: HoldBody & { readonly failure: Failure };
  readonly release: HoldBody & { readonly refund_attempt?: boolean; readonly failure?: Failure };
  readonly completeMany: { readonly jobs: readonly (HoldBody & { readonly job_id: string })[] };
}

/** `job_type` may be any text here, so that a wrong one gets the contract's own error. */
const SUBMIT = shape(
  {},
  {
    request_id: text(),
    job_id: text(),
    job_type: text(),
    idempotency_key: text(),
    payload: Type.Unsafe({ type: "object" }),
  },
);

const SHAPES: Readonly<Record<keyof Bodies, TSchema>> = {
  submit: SUBMIT,
  submitMany: withItems("BatchSubmitRequest", Type.Unsafe({ type: "object" })),
  cancel: shape({}, { job_id: text(), request_id: text(), reason: text() }),
  claim: ref("ClaimRequest"),
  heartbeat: ref("HeartbeatRequest"),
  complete: ref("CompleteRequest"),
  fail: ref("FailRequest"),
  release: ref("ReleaseRequest"),
  completeMany: ref("BatchCompleteRequest"),
};

/** A batch schema with looser items, because each item is judged on its own. */
function withItems(name: string, items: TSchema): TSchema {
  const properties = (SCHEMAS[name] as { properties?: { jobs?: object } })?.properties;
  const jobs = Type.Unsafe({ ...properties?.jobs, items });
  return shape({ jobs });
}

const DOCUMENT = "keelson:schemas";
const compiled = new Map<string, ValidateFunction>();
let ajv: Ajv2020 | undefined;

/** Compiles each shape once, when it is first needed. */
function validatorOf(name: keyof Bodies): ValidateFunction {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  if (ajv === undefined) {
    ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: DOCUMENT, components: { schemas: SCHEMAS } });
  }
  const validate = ajv.compile(absolute(SHAPES[name]));
  compiled.set(name, validate);
  return validate;
}

/** Points a top-level reference into the shared document. */
function absolute(schema: TSchema): object {
  const { $ref } = schema as { $ref?: string };
  return $ref === undefined ? schema : { $ref: `${DOCUMENT}${$ref}` };
}

/** The body as what its route takes; throws the fault that names the first wrong field. */
export function checkBody<K extends keyof Bodies>(name: K, body: JsonObject): Bodies[K] {
  const validate = validatorOf(name);
  if (validate(body)) return body as unknown as Bodies[K];
  throw shapeFault(validate.errors?.[0]);
}

const SHAPE_KEYWORDS: ReadonlySet<string> = new Set(["type", "required", "additionalProperties"]);

function shapeFault(error: ErrorObject | undefined): Fault {
  const path = (error?.instancePath ?? "").slice(1).replaceAll("/", ".");
  const missing = error?.keyword === "required" ? String(error.params["missingProperty"]) : "";
  const field = [path, missing].filter((part) => part !== "").join(".");
  const detail = missing === "" ? `${path} ${error?.message ?? "is wrong"}` : `${field} is missing`;
  if (error !== undefined && !SHAPE_KEYWORDS.has(error.keyword)) return invalidField(field, detail);
  return new Fault("invalid_json", "invalid json", { details: { detail, field } });
}
