/** Takes tokens out of a report, wherever a daemon or a start command put them. */
import { isObject } from "./json.ts";

const BLOT = "<token>";

/** The same value with every one of the secrets blotted out of its texts and names. */
export function withoutSecrets<Value>(value: Value, secrets: ReadonlySet<string>): Value {
  const longestFirst = [...secrets]
    .filter((secret) => secret !== "")
    .sort((first, second) => second.length - first.length);
  const blot = (text: string): string =>
    longestFirst.reduce((left, secret) => left.replaceAll(secret, BLOT), text);
  const walk = (part: unknown): unknown => {
    if (typeof part === "string") return blot(part);
    if (Array.isArray(part)) return part.map(walk);
    if (!isObject(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([name, each]) => [blot(name), walk(each)]));
  };
  return walk(value) as Value;
}

/** The URL as it may be shown: a name and password in it are for the daemon alone. */
export function shownUrl(url: string): string {
  const shown = URL.parse(url);
  if (shown === null || (shown.username === "" && shown.password === "")) return url;
  shown.username = "";
  shown.password = "";
  return shown.href;
}
