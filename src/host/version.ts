import { readFileSync } from "node:fs";
import { isJsonObject } from "../lib/json.ts";

/** The version of this package. */
export const VERSION: string = readVersion();

function readVersion(): string {
  // Two levels up from `src/host` and from `dist/host` alike.
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const manifest: unknown = JSON.parse(text);
  return isJsonObject(manifest) && typeof manifest["version"] === "string"
    ? manifest["version"]
    : "unknown";
}
