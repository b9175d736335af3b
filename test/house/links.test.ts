/** Every link of every document leads to something that exists, and every test that is named to a test. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SKIPPED = new Set(["node_modules", ".git", ".agents", "dist"]);
/** Fewer would mean that the walk looked in the wrong place, or that the patterns see nothing. */
const DOCUMENTS_MIN = 24;
const LINKS_MIN = 120;
const ANCHORED_MIN = 1;
const NAMED_TESTS_MIN = 40;

function filesIn(dir: string, ending: string): readonly string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesIn(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

const proseOf = (path: string): string =>
  readFileSync(path, "utf8").replaceAll(/^ *(```|~~~).*?^ *\1 *$/gms, "");

/** The names by which the headings of a document can be linked to, as its readers' programs make them. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of markdown.matchAll(/^#{1,6} +(.+?)(?: +#+)?$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let copy = 1; anchors.has(anchor); copy += 1) anchor = `${slug}-${copy}`;
    anchors.add(anchor);
  }
  return anchors;
}

interface Link {
  readonly target: string;
  readonly broken: boolean;
}

/** Links to other places of the repository; those to elsewhere are not followed. */
function linksOf(path: string, prose = proseOf(path)): readonly Link[] {
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)];
  const referred = [...prose.matchAll(/^\[[^\]]+\]: +(\S+)/gm)];
  return [...inline, ...referred].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/i.test(target)) return [];
    const [file = "", anchor] = target.split("#", 2);
    const place = file === "" ? path : join(dirname(path), file);
    const leads =
      existsSync(place) &&
      (anchor === undefined ||
        (place.endsWith(".md") && anchorsOf(place === path ? prose : proseOf(place)).has(anchor)));
    return [{ target, broken: !leads }];
  });
}

describe("documents", () => {
  const documents = filesIn(ROOT, ".md");
  const links = documents.flatMap((path) =>
    linksOf(path).map((link) => ({ ...link, from: relative(ROOT, path) })),
  );

  it("are all seen, with their links", () => {
    expect(documents.length).toBeGreaterThanOrEqual(DOCUMENTS_MIN);
    expect(links.length).toBeGreaterThanOrEqual(LINKS_MIN);
    const anchored = links.filter((link) => link.target.includes("#"));
    expect(anchored.length).toBeGreaterThanOrEqual(ANCHORED_MIN);
  });

  it("link only to files, folders and headings that exist", () => {
    const broken = links.filter((link) => link.broken);
    expect(broken.map((link) => `${link.from} links to ${link.target}`)).toEqual([]);
  });

  it("see a link that leads nowhere", () => {
    const planted = [
      "## Two words, and `code`\n## Two words, and `code`",
      '[a](#two-words-and-code) [b](#two-words-and-code-1) [c](STYLE.md#names "title")',
      "[d](#two-words) [e](no-such-file.md) [f](STYLE.md#no-such-heading) [g](tools#folder)",
      "[h]: no-such-folder/",
      "[i](https://127.0.0.1/no-such-page)",
      "```\n[j](in-code.md)\n```",
    ].join("\n\n");
    const path = join(ROOT, "README.md");
    const prose = planted.replaceAll(/^```.*?^```$/gms, "");
    const broken = linksOf(path, prose).filter((link) => link.broken);
    expect(broken.map((link) => link.target)).toEqual([
      "#two-words",
      "no-such-file.md",
      "STYLE.md#no-such-heading",
      "tools#folder",
      "no-such-folder/",
    ]);
  });
});

describe("the table of what was broken on purpose", () => {
  const table = readFileSync(join(ROOT, "test/README.md"), "utf8").split("\n## ").at(-1) ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("| ") && line.includes("`"));
  const named = rows.flatMap((row) =>
    [...(row.split(" | ").at(-1) ?? "").matchAll(/`([a-z-]+)`( properties)?/g)].map(
      ([, name = "", properties]) => `${name}${properties === undefined ? "" : ".properties"}`,
    ),
  );
  const tests = filesIn(ROOT, ".test.ts").flatMap((path) => [
    basename(path, ".test.ts"),
    basename(path, ".properties.test.ts"),
    basename(dirname(path)),
  ]);

  it("names tests that exist", () => {
    expect(named.length).toBeGreaterThanOrEqual(NAMED_TESTS_MIN);
    expect(named.filter((name) => !tests.includes(name))).toEqual([]);
  });
});
