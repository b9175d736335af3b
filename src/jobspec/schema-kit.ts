/** Small pieces that the schema files share; each yields plain JSON Schema 2020-12. */
import { type TSchema, Type } from "typebox";

/** Marks what the contract does not have. */
export const EXTENSION = { "x-keelson-extension": true } as const;

/** A pointer to a component, valid in the OpenAPI document as it stands. */
export function ref(name: string): TSchema {
  return Type.Unsafe({ $ref: `#/components/schemas/${name}` });
}

/** The same schema, marked as our addition. */
export function extension(schema: TSchema): TSchema {
  return Type.Unsafe({ ...schema, ...EXTENSION });
}

export function oneOfTexts(values: readonly string[]): TSchema {
  return Type.Unsafe({ type: "string", enum: values });
}

/** An object used as a map. */
export function mapOf(value: TSchema): TSchema {
  return Type.Unsafe({ type: "object", additionalProperties: value });
}

/** An object of any content. */
export function anyObject(): TSchema {
  return Type.Unsafe({ type: "object", additionalProperties: true });
}

export const text = (): TSchema => Type.String();
export const texts = (): TSchema => Type.Array(Type.String());
export const dateTime = (): TSchema => Type.String({ format: "date-time" });
export const count = (): TSchema => Type.Integer({ minimum: 0 });
export const version1 = (): TSchema => Type.Integer({ const: 1 });
export const constText = (value: string): TSchema => Type.String({ const: value });
export const constTrue = (): TSchema => Type.Boolean({ const: true });
export const listOf = (name: string): TSchema => Type.Array(ref(name));

type Fields = Readonly<Record<string, TSchema>>;

/** An object with required and optional fields. */
export function shape(required: Fields, optional: Fields = {}): TSchema {
  const properties: Record<string, TSchema> = { ...required };
  for (const [name, schema] of Object.entries(optional)) properties[name] = Type.Optional(schema);
  return Type.Object(properties);
}
