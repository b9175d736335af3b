import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/errors/codes.ts";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { configurationPage } from "../../tools/docs/configuration.ts";
import { referencePages } from "../../tools/docs/pages.ts";

const pages = referencePages();

describe("the generated reference", () => {
  it.each([...pages])("docs/reference/%s says what the code says", (name, text) => {
    const committed = readFileSync(
      new URL(`../../docs/reference/${name}`, import.meta.url),
      "utf8",
    );
    // When this fails: npm run docs
    expect(committed).toBe(text);
  });

  it("names every error code", () => {
    const page = pages.get("errors.md") ?? "";
    const codes = Object.keys(ERROR_CODES);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !page.includes(`| \`${code}\` |`))).toEqual([]);
  });

  it("has every metric that the how-to names", () => {
    const page = new URL("../../docs/how-to/run-a-cluster.md", import.meta.url);
    const named = readFileSync(page, "utf8").match(/\bkeelson_\w+/g) ?? [];
    expect(named.length).toBeGreaterThan(8);
    const base = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, "");
    expect(named.filter((name) => !Object.hasOwn(METRICS, base(name)))).toEqual([]);
  });

  it("has a section for every verb, with an example", () => {
    const sections = (pages.get("cli.md") ?? "").split("\n## ").slice(1);
    expect(sections.length).toBeGreaterThanOrEqual(14);
    const mute = sections.filter(
      (text) => !text.startsWith("help\n") && !text.includes("Examples:"),
    );
    expect(mute.map((text) => text.split("\n")[0])).toEqual([]);
  });

  it("leaves no setting without a description", () => {
    const text = configurationPage({
      properties: { odd: { "x-must": "must be odd" }, pair: { properties: { left: {} } } },
    });
    expect(text).toContain("| `odd` | odd |  |  |");
    expect(text).toContain("| `pair.left` |");
    const rows = (pages.get("configuration.md") ?? "").split("\n").filter((row) => row[2] === "`");
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.filter((row) => row.endsWith("|  |"))).toEqual([]);
  });
});
