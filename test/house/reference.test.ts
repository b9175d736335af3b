import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/errors/codes.ts";
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
