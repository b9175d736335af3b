/** Checks of JSON shapes that name the path of each fault. A check reports and never throws. */
import { isJsonObject } from "../../../lib/json.ts";

export type Report = (path: string, message: string) => void;
export type Check = (value: unknown, path: string, report: Report) => void;

/** One reference token of an RFC 6901 pointer. */
export function pointer(path: string, key: string | number): string {
  return `${path}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export const anything: Check = () => undefined;

export function text(options: { min?: number; max?: number; pattern?: RegExp } = {}): Check {
  const { min = 0, max = Number.POSITIVE_INFINITY, pattern } = options;
  return (value, path, report) => {
    if (typeof value !== "string") report(path, "must be a string");
    else if (value.length < min) report(path, "must not be empty");
    else if (value.length > max) report(path, `must have at most ${max} characters`);
    else if (pattern !== undefined && !pattern.test(value)) {
      report(path, `must match ${pattern.source}`);
    }
  };
}

export const number: Check = (value, path, report) => {
  if (typeof value !== "number") report(path, "must be a number");
};

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Check {
  return (value, path, report) => {
    if (!Number.isSafeInteger(value)) report(path, "must be an integer");
    else if ((value as number) < min) report(path, `must be at least ${min}`);
    else if ((value as number) > max) report(path, `must be at most ${max}`);
  };
}

export const flag: Check = (value, path, report) => {
  if (typeof value !== "boolean") report(path, "must be true or false");
};

export const anyObject: Check = (value, path, report) => {
  if (!isJsonObject(value)) report(path, "must be an object");
};

export function oneOf(values: readonly string[]): Check {
  return (value, path, report) => {
    if (typeof value !== "string" || !values.includes(value)) {
      report(path, `must be one of ${values.join(", ")}`);
    }
  };
}

export function list(item: Check, options: { min?: number; max?: number } = {}): Check {
  const { min = 0, max = Number.POSITIVE_INFINITY } = options;
  return (value, path, report) => {
    if (!Array.isArray(value)) return report(path, "must be an array");
    if (value.length < min) report(path, `must have at least ${min} items`);
    if (value.length > max) return report(path, `must have at most ${max} items`);
    value.forEach((held: unknown, index) => {
      item(held, pointer(path, index), report);
    });
  };
}

export function mapOf(item: Check): Check {
  return (value, path, report) => {
    if (!isJsonObject(value)) return report(path, "must be an object");
    for (const [key, held] of Object.entries(value)) item(held, pointer(path, key), report);
  };
}

type Fields = Readonly<Record<string, Check>>;

/** An object that may carry these fields alone. */
export function closed(required: Fields, optional: Fields = {}): Check {
  return shape(required, optional, true);
}

/** An object that may carry more than these fields. */
export function open(required: Fields, optional: Fields = {}): Check {
  return shape(required, optional, false);
}

function shape(required: Fields, optional: Fields, isClosed: boolean): Check {
  return (value, path, report) => {
    if (!isJsonObject(value)) return report(path, "must be an object");
    for (const key of Object.keys(required)) {
      if (!Object.hasOwn(value, key)) report(pointer(path, key), "is missing");
    }
    for (const [key, held] of Object.entries(value)) {
      const check = own(required, key) ?? own(optional, key);
      if (check !== undefined) check(held, pointer(path, key), report);
      else if (isClosed) report(pointer(path, key), "is not a known field");
    }
  };
}

function own(fields: Fields, key: string): Check | undefined {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}
