/**
 * Writes `client/src/generated/types.ts` from an OpenAPI document: one exported type per schema.
 * Kept small on purpose; it knows the parts of JSON Schema that our documents use and throws on
 * anything else, so that a new construct cannot slip through as a wrong type.
 */
import { writeFileSync } from "node:fs";
import { SCHEMAS } from "../src/jobspec/schemas.ts";

type Schema = Readonly<Record<string, unknown>>;

export interface OpenApiDocument {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const HEADER = [
  "// Generated from the OpenAPI document by tools/client-types.ts. Do not edit.",
  "",
  "",
].join("\n");

const REF_PREFIX = "#/components/schemas/";
const LINE_WIDTH = 100;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** The whole source text of the types module. */
export function renderTypes(document: OpenApiDocument): string {
  const names = Object.keys(document.components.schemas).toSorted();
  const parts = names.map((name) => {
    const schema = document.components.schemas[name] ?? {};
    return comment(schema, "") + declaration(name, schema);
  });
  return `${HEADER}${parts.join("\n")}`;
}

function declaration(name: string, schema: Schema): string {
  if (isRecordOfFields(schema)) return `export interface ${name} ${typeOf(schema, "")}\n`;
  const text = `export type ${name} = ${typeOf(schema, "")};\n`;
  return text.length <= LINE_WIDTH ? text : text.replaceAll(/(?: =)? (\||")/g, broken);
}

/** Breaks a long union of texts, one to a line. */
function broken(match: string, next: string): string {
  if (match.startsWith(" =")) return ` =\n  | ${next}`;
  return next === "|" ? "\n  |" : match;
}

/** True for a plain object schema with named fields, which reads best as an interface. */
function isRecordOfFields(schema: Schema): boolean {
  return schema["type"] === "object" && isObject(schema["properties"]) && !schema["allOf"];
}

function typeOf(schema: Schema, indent: string): string {
  const ref = schema["$ref"];
  if (typeof ref === "string") {
    if (!ref.startsWith(REF_PREFIX)) throw new Error(`cannot follow the reference ${ref}`);
    return ref.slice(REF_PREFIX.length);
  }
  if ("const" in schema) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["enum"])) {
    return union(schema["enum"].map((value) => JSON.stringify(value)));
  }
  for (const key of ["oneOf", "anyOf"]) {
    const options = schema[key];
    if (Array.isArray(options)) return union(options.map((each) => typeOf(each, indent)));
  }
  if (Array.isArray(schema["allOf"])) return intersection(schema, schema["allOf"], indent);
  return plain(schema, indent);
}

function intersection(schema: Schema, parts: readonly Schema[], indent: string): string {
  const own = isObject(schema["properties"]) ? [fields(schema, indent)] : [];
  return [...parts.map((part) => typeOf(part, indent)), ...own].join(" & ");
}

function plain(schema: Schema, indent: string): string {
  const type = schema["type"];
  if (Array.isArray(type)) {
    return union(type.map((each: unknown) => plain({ ...schema, type: each }, indent)));
  }
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return `readonly ${element(schema, indent)}[]`;
    case "object":
      return fields(schema, indent);
    case undefined:
      return "unknown";
    default:
      throw new Error(`cannot render the schema ${JSON.stringify(schema)}`);
  }
}

function element(schema: Schema, indent: string): string {
  if (!isObject(schema["items"])) return "unknown";
  const text = typeOf(schema["items"], indent);
  const simple = /^[\w$]+$/.test(text) || schema["items"]["type"] === "object";
  return simple ? text : `(${text})`;
}

function fields(schema: Schema, indent: string): string {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, value]) => {
    if (!isObject(value)) throw new Error(`the schema of ${name} is not an object`);
    const key = IDENTIFIER.test(name) ? name : JSON.stringify(name);
    const type = typeOf(value, inner);
    // Callers may leave a field out or pass on an undefined of their own.
    const field = required.includes(name) ? `${key}: ${type}` : `${key}?: ${type} | undefined`;
    return `${comment(value, inner)}${inner}readonly ${field};\n`;
  });
  const rest = schema["additionalProperties"];
  if (lines.length === 0) {
    const value = isObject(rest) && Object.keys(rest).length > 0 ? typeOf(rest, inner) : "unknown";
    return `{ readonly [name: string]: ${value} }`;
  }
  return `{\n${lines.join("")}${indent}}`;
}

function comment(schema: Schema, indent: string): string {
  const description = schema["description"];
  if (typeof description !== "string" || "$ref" in schema) return "";
  const text = description.trim().replaceAll(/\s+/g, " ").replaceAll("*/", "*\\/");
  if (indent.length + text.length + 7 <= LINE_WIDTH) return `${indent}/** ${text} */\n`;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + 3 + line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  const body = [...lines, line].map((each) => `${indent} * ${each}\n`).join("");
  return `${indent}/**\n${body}${indent} */\n`;
}

function union(options: readonly string[]): string {
  return [...new Set(options)].join(" | ");
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

if (import.meta.main) {
  const target = new URL("../client/src/generated/types.ts", import.meta.url);
  const schemas: OpenApiDocument["components"]["schemas"] = JSON.parse(JSON.stringify(SCHEMAS));
  writeFileSync(target, renderTypes({ components: { schemas } }));
}
