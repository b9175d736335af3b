/** A few words for writing JSON Schema 2020-12 as data. Objects stay open: fields may be added. */
export type Schema = Readonly<Record<string, unknown>>;
export type Fields = Readonly<Record<string, Schema>>;

export const text: Schema = { type: "string" };
export const flag: Schema = { type: "boolean" };
export const moment: Schema = { type: "string", format: "date-time" };
export const freeObject: Schema = { type: "object" };
export const texts: Schema = { type: "array", items: text };
export const textMap: Schema = { type: "object", additionalProperties: text };
export const version: Schema = { type: "integer", const: 1 };

export function whole(minimum = 0): Schema {
  return { type: "integer", minimum };
}

export function exactly(value: string | boolean): Schema {
  return { const: value };
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: "string", enum: values };
}

/** Points at another shape of the contract by name. */
export function the(name: string): Schema {
  return { $ref: `#/$defs/${name}` };
}

export function listOf(items: Schema): Schema {
  return { type: "array", items };
}

export function mapOf(values: Schema): Schema {
  return { type: "object", additionalProperties: values };
}

/** An object with these required and these optional fields, and any others. */
export function record(required: Fields, optional: Fields = {}): Schema {
  return {
    type: "object",
    required: Object.keys(required),
    properties: { ...required, ...optional },
  };
}
