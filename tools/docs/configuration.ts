import { isJsonObject, type JsonObject } from "../../src/lib/json.ts";
import { generated, table } from "./markdown.ts";

/** One line of the reference. */
interface Setting {
  readonly path: string;
  readonly schema: JsonObject;
  readonly required: boolean;
  /** The keys that `*` in the path stands for. */
  readonly keys: readonly string[];
}

/** `docs/reference/configuration.md`: every setting of `keelson.json`, outermost first. */
export function configurationPage(schema: JsonObject): string {
  const rows = settingsOf(schema, "").map(({ path, schema: own, required, keys }) => [
    `\`${path}\`${required ? " (required)" : ""}`,
    text(own["x-must"]).replace(/^must be /, ""),
    "default" in own ? `\`${JSON.stringify(own["default"])}\`` : "",
    text(own["description"]) || keys.map((key) => `\`${key}\``).join(", "),
  ]);
  return generated("src/workers/config-schema.ts", [
    "# Configuration",
    "",
    "`keelson.json` at the daemon's root. " + text(schema["description"]),
    "A mistake stops the start with the line it is on. A `*` stands for any of the keys that its own",
    "line lists.",
    "",
    ...table(["Setting", "Is", "Default", "What it does"], rows),
  ]);
}

function settingsOf(schema: JsonObject, prefix: string): readonly Setting[] {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return groups(properties).flatMap(([names, value]) => {
    const name = names.length === 1 ? (names[0] ?? "") : "*";
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const own = {
      path,
      schema: value,
      required: required.includes(name),
      keys: names.length === 1 ? [] : names,
    };
    return [own, ...settingsOf(value, path)];
  });
}

/** Properties that share one schema object are described once. */
function groups(properties: JsonObject): readonly (readonly [readonly string[], JsonObject])[] {
  const found = new Map<JsonObject, string[]>();
  for (const [name, value] of Object.entries(properties)) {
    if (!isJsonObject(value)) throw new Error(`the schema of ${name} is not an object`);
    found.set(value, [...(found.get(value) ?? []), name]);
  }
  return [...found].map(([value, names]) => [names, value]);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
