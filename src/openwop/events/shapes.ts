/** Small pieces of the event schemas; each yields plain JSON Schema 2020-12. */
import { type TSchema, Type } from "typebox";

export const nonEmpty: TSchema = Type.String({ minLength: 1 });
export const name: TSchema = Type.String({ minLength: 1, maxLength: 256 });
export const count: TSchema = Type.Integer({ minimum: 0 });
/** A number between 0 and 1, both included. */
export const share: TSchema = Type.Number({ minimum: 0, maximum: 1 });
/** An object of any content. */
export const object: TSchema = Type.Unsafe({ type: "object" });
/** Any JSON value. */
export const json: TSchema = Type.Unsafe({});

export function oneOf(values: readonly string[]): TSchema {
  return Type.Unsafe({ type: "string", enum: values });
}

type Fields = Readonly<Record<string, TSchema>>;

/** An object that may carry more than these fields. */
export function open(required: Fields, optional: Fields = {}): TSchema {
  return shape(required, optional, true);
}

/** An object that may carry these fields alone. */
export function closed(required: Fields, optional: Fields = {}): TSchema {
  return shape(required, optional, false);
}

function shape(required: Fields, optional: Fields, additionalProperties: boolean): TSchema {
  const properties: Record<string, TSchema> = { ...required };
  for (const [field, schema] of Object.entries(optional)) {
    properties[field] = Type.Optional(schema);
  }
  return Type.Object(properties, { additionalProperties });
}
