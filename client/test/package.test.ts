import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SCHEMAS } from "../../src/jobspec/schemas.ts";
import { type OpenApiDocument, renderTypes } from "../../tools/client-types.ts";

const source = new URL("../src/", import.meta.url);

test("the generated types are those of the daemon's schemas", () => {
  const schemas: OpenApiDocument["components"]["schemas"] = JSON.parse(JSON.stringify(SCHEMAS));
  const committed = readFileSync(new URL("generated/types.ts", source), "utf8");
  // When this fails: node tools/client-types.ts
  expect(committed).toBe(renderTypes({ components: { schemas } }));
});

test("a schema that the generator does not know stops it", () => {
  const odd = { components: { schemas: { Odd: { type: "tuple" } } } };
  expect(() => renderTypes(odd)).toThrow("cannot render");
});

test("the package needs nothing: every import stays inside its source", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" });
  const modules = files.filter((name) => name.endsWith(".ts"));
  expect(modules.length).toBeGreaterThan(10);
  for (const name of modules) {
    const text = readFileSync(new URL(name, source), "utf8");
    const imports = [...text.matchAll(/from "([^"]+)"/g)].map((match) => match[1]);
    expect(imports.filter((each) => !each?.startsWith("./") && each !== "../types.ts")).toEqual([]);
    expect(text).not.toMatch(/\b(process|Buffer|require|setImmediate)\b[.(]/);
  }
});
